//! Reading, renaming and listing organizations: each role, and strangers.

use contracts::{
    ErrorCode, Request, Role,
    id::{ExecutionId, TenantId, UserId},
    page::Paging,
    principal::Principal,
    tenant::{
        GetOrganization, ListMembers, ListOrganizations, MembershipsOf, RemoveMember, UpdateMember,
        UpdateOrganization,
    },
};

use crate::{Fixture, check_refused};

fn get(organization_id: TenantId) -> GetOrganization {
    GetOrganization { organization_id }
}

fn rename(organization_id: TenantId, name: &str) -> UpdateOrganization {
    UpdateOrganization {
        organization_id,
        name: name.into(),
    }
}

fn list(organization_id: TenantId) -> ListMembers {
    ListMembers {
        organization_id,
        paging: Paging::default(),
    }
}

#[tokio::test]
async fn every_member_reads_and_admins_rename() {
    let fixture = Fixture::start().await;
    let (organization, owner) = fixture.organization().await;
    let tenant = owner.tenant;
    for role in Role::ALL {
        let member = fixture.member(tenant, role).await;
        fixture.ask(&member, &get(tenant)).await.unwrap();
        fixture.ask(&member, &list(tenant)).await.unwrap();
        let name = format!("Engines of the {}", role.as_str());
        let answer = fixture.ask(&member, &rename(tenant, &name)).await;
        if Role::covers(role, Role::Admin) {
            let renamed = answer.unwrap();
            assert_eq!(renamed.name, name);
            assert_eq!(renamed.created_at, organization.created_at);
            assert_eq!(fixture.ask(&owner, &get(tenant)).await.unwrap(), renamed);
        } else {
            check_refused(answer, ErrorCode::Forbidden, None);
        }
    }
    let answer = fixture.ask(&owner, &rename(tenant, "\u{7}")).await;
    check_refused(answer, ErrorCode::InvalidInput, None);
    fixture.drain().await;
}

#[tokio::test]
async fn another_organization_does_not_exist() {
    let fixture = Fixture::start().await;
    let (_, mine) = fixture.organization().await;
    let (_, other) = fixture.organization().await;
    for organization in [other.tenant, TenantId::generate(), TenantId::PLATFORM] {
        check_not_found(&fixture, &mine, &get(organization)).await;
        check_not_found(&fixture, &mine, &rename(organization, "x")).await;
        check_not_found(&fixture, &mine, &list(organization)).await;
        let change = UpdateMember {
            organization_id: organization,
            user_id: other.user_id,
            role: Role::Viewer,
        };
        check_not_found(&fixture, &mine, &change).await;
        let removal = RemoveMember {
            organization_id: organization,
            user_id: other.user_id,
        };
        check_not_found(&fixture, &mine, &removal).await;
    }
    // The other organization's subject with my token.
    let answer = fixture
        .ask_in(other.tenant, &mine, &get(other.tenant))
        .await;
    check_refused(answer, ErrorCode::NotFound, None);
    // My subject, a user of the other organization.
    let change = UpdateMember {
        organization_id: mine.tenant,
        user_id: other.user_id,
        role: Role::Viewer,
    };
    check_not_found(&fixture, &mine, &change).await;
    fixture.drain().await;
}

async fn check_not_found<R: Request>(fixture: &Fixture, who: &Principal, request: &R)
where
    R::Reply: std::fmt::Debug,
{
    let answer = fixture.ask(who, request).await;
    check_refused(answer, ErrorCode::NotFound, None);
}

#[tokio::test]
async fn a_user_sees_their_own_organizations_the_first_joined_first() {
    let fixture = Fixture::start().await;
    let (first, ada) = fixture.organization().await;
    let (second, grace) = fixture.organization().await;
    let (_, _) = fixture.organization().await;
    let visitor = Principal {
        tenant: second.id,
        role: Role::Viewer,
        ..ada.clone()
    };
    fixture.join(&visitor).await.unwrap();

    let organizations = fixture.ask(&ada, &ListOrganizations {}).await.unwrap();
    assert_eq!(organizations.items, [first.clone(), second.clone()]);
    assert_eq!(organizations.next, None);
    let organizations = fixture.ask(&grace, &ListOrganizations {}).await.unwrap();
    assert_eq!(organizations.items, std::slice::from_ref(&second));

    let of = |user_id| MembershipsOf { user_id };
    let memberships = fixture
        .ask_inside(TenantId::PLATFORM, &of(ada.user_id))
        .await
        .unwrap();
    let found: Vec<_> = memberships
        .into_iter()
        .map(|one| (one.organization, one.role))
        .collect();
    assert_eq!(found, [(first, Role::Owner), (second, Role::Viewer)]);
    let strangers = fixture
        .ask_inside(TenantId::PLATFORM, &of(UserId::generate()))
        .await
        .unwrap();
    assert_eq!(strangers, []);
    fixture.drain().await;
}

#[tokio::test]
async fn a_run_may_do_nothing_here() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let run = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..owner.clone()
    };
    check_refused(
        fixture.ask(&run, &get(owner.tenant)).await,
        ErrorCode::Forbidden,
        None,
    );
    check_refused(
        fixture.ask(&run, &ListOrganizations {}).await,
        ErrorCode::Forbidden,
        None,
    );
    fixture.drain().await;
}
