//! The signed-in user, members by email, tokens for runs.

use bus::Call;
use contracts::{
    ErrorCode, Permission, Role,
    auth::{AddMember, GetMe, RoleOf, RunToken, UpdateMe},
    id::{ExecutionId, UserId},
};

use crate::{Platform, code, email};

#[tokio::test]
async fn a_user_renames_themselves() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let renamed = platform
        .ask_as(
            &session,
            &UpdateMe {
                name: "  Ada King ".into(),
            },
        )
        .await
        .expect("a user");
    assert_eq!(renamed.name, "Ada King");
    assert_eq!(
        platform.ask_as(&session, &GetMe {}).await.expect("me").user,
        renamed
    );
    assert_eq!(
        code(
            platform
                .ask_as(&session, &UpdateMe { name: " ".into() })
                .await
        ),
        ErrorCode::InvalidInput
    );
}

#[tokio::test]
async fn me_names_all_organizations() {
    let platform = Platform::start().await;
    let (ada, grace) = (
        platform.register("ada").await,
        platform.register("grace").await,
    );
    platform
        .ask_as(
            &ada,
            &AddMember {
                email: email("grace"),
                role: Role::Viewer,
            },
        )
        .await
        .expect("a member");
    let me = platform.ask_as(&grace, &GetMe {}).await.expect("me");
    assert_eq!(
        me.organizations,
        [grace.organization.clone(), ada.organization]
    );
    assert_eq!(
        (me.organization, me.role),
        (grace.organization.clone(), Role::Owner)
    );
    platform
        .tenants
        .remove(grace.organization.id, grace.user.id);
    assert_eq!(
        code(platform.ask_as(&grace, &GetMe {}).await),
        ErrorCode::Forbidden
    );
}

#[tokio::test]
async fn a_registered_user_is_added_by_email() {
    let platform = Platform::start().await;
    let (ada, grace) = (
        platform.register("ada").await,
        platform.register("grace").await,
    );
    let add = |name: &str, role| AddMember {
        email: name.into(),
        role,
    };
    let member = platform
        .ask_as(&ada, &add("GRACE@example.com", Role::Operator))
        .await
        .expect("a member");
    assert_eq!(
        (member.user_id, member.email.as_str(), member.role),
        (grace.user.id, "grace@example.com", Role::Operator)
    );
    // The tenant service is told the role of who adds.
    assert_eq!(member.name, "grace added by owner");
    assert_eq!(
        code(
            platform
                .ask_as(&ada, &add("nobody@example.com", Role::Viewer))
                .await
        ),
        ErrorCode::NotFound
    );
    assert_eq!(
        code(platform.ask_as(&ada, &add("nobody", Role::Viewer)).await),
        ErrorCode::InvalidInput
    );
}

#[tokio::test]
async fn a_run_acts_for_a_member_with_their_role_of_now() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let (tenant, user_id) = (session.organization.id, session.user.id);
    let execution_id = ExecutionId::generate();
    let ask = async |user_id| {
        platform
            .execution
            .call(
                tenant,
                &RunToken {
                    user_id,
                    execution_id,
                },
                Call::anonymous(),
            )
            .await
    };

    platform.tenants.set_role(tenant, user_id, Role::Operator);
    let token = ask(user_id).await.expect("a run token");
    assert_eq!(token.expires_in, 600);
    let principal = platform
        .verifier
        .verify(&token.access_token)
        .await
        .expect("a good token");
    assert_eq!(
        (principal.user_id, principal.tenant, principal.role),
        (user_id, tenant, Role::Operator)
    );
    assert_eq!(
        (principal.execution_id, principal.session_id),
        (Some(execution_id), None)
    );
    assert!(principal.allows(Permission::LlmComplete) && !principal.allows(Permission::FlowRead));
    let as_run = platform
        .gateway
        .call(tenant, &GetMe {}, Call::with_token(&token.access_token))
        .await;
    assert_eq!(code(as_run), ErrorCode::Forbidden);

    assert_eq!(code(ask(UserId::generate()).await), ErrorCode::Forbidden);
    let stranger = platform.register("grace").await;
    assert_eq!(code(ask(stranger.user.id).await), ErrorCode::Forbidden);
    platform.tenants.remove(tenant, user_id);
    assert_eq!(code(ask(user_id).await), ErrorCode::Forbidden);
}

#[tokio::test]
async fn the_role_of_a_member_is_that_of_the_moment() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let (tenant, user_id) = (session.organization.id, session.user.id);
    let ask = async |user_id| {
        let request = RoleOf { user_id };
        let call = Call::anonymous();
        platform.execution.call(tenant, &request, call).await
    };
    for role in [Role::Operator, Role::Viewer] {
        platform.tenants.set_role(tenant, user_id, role);
        assert_eq!(ask(user_id).await.expect("a role").role, role);
    }
    let stranger = platform.register("grace").await;
    assert_eq!(code(ask(stranger.user.id).await), ErrorCode::Forbidden);
    platform.tenants.remove(tenant, user_id);
    assert_eq!(code(ask(user_id).await), ErrorCode::Forbidden);
}
