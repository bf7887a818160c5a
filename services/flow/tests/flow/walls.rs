//! Other tenants and lower roles.

use bus::Call;
use contracts::{
    Access, ErrorCode, Principal, Role, Subject,
    operations::{OPERATIONS, Operation},
};
use serde_json::Value;

use crate::Fixture;

fn operations() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS
        .iter()
        .filter(|operation| operation.service() == "flow")
}

async fn send(
    fixture: &Fixture,
    who: &Principal,
    operation: &Operation,
    body: &Value,
) -> Result<Value, contracts::Problem> {
    let token = testkit::token(who);
    let subject = Subject::request_named(who.tenant, operation);
    fixture
        .bus
        .call_raw(&subject, body.to_string().into(), Call::with_token(&token))
        .await
}

#[tokio::test]
async fn another_tenants_flow_does_not_exist() {
    let fixture = Fixture::start().await;
    let owner = fixture.user(Role::Owner).await;
    let stranger = fixture.user(Role::Owner).await;
    let (flow, _) = fixture.published(&owner).await;
    let mut tried = 0;
    for operation in operations().filter(|operation| operation.objects.contains(&"flow_id")) {
        let mut body = (operation.example)();
        body["flow_id"] = flow.id.to_string().into();
        let problem = send(&fixture, &stranger, operation, &body)
            .await
            .unwrap_err();
        assert_eq!(problem.code, ErrorCode::NotFound, "{}", operation.name);
        tried += 1;
    }
    assert!(tried >= 8, "{tried}");
}

#[tokio::test]
async fn each_role_may_do_what_the_contract_says() {
    let fixture = Fixture::start().await;
    let owner = fixture.user(Role::Owner).await;
    for role in Role::ALL {
        let member = testkit::principal(owner.tenant, role);
        for operation in operations() {
            let allowed = match operation.access {
                Access::Permission(permission) => role.allows(permission),
                Access::SignedIn => true,
                Access::Public | Access::Internal => continue,
            };
            let outcome = send(&fixture, &member, operation, &(operation.example)()).await;
            let forbidden = outcome.is_err_and(|problem| problem.code == ErrorCode::Forbidden);
            assert_eq!(forbidden, !allowed, "{role:?} {}", operation.name);
        }
    }
}
