//! An organization is created once, whole, however often it is asked for.

use contracts::{
    ErrorCode, Role,
    id::{TenantId, UserId},
    tenant::{GetOrganization, ListMembers, MembershipsOf},
};
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use sql::Pool;

use crate::{Fixture, NOTES, check_refused, provision};

#[tokio::test]
async fn an_organization_has_a_schema_with_the_tables_of_all_services() {
    let fixture = Fixture::start().await;
    let (organization, owner) = fixture.organization().await;
    assert_eq!(organization.id, owner.tenant);
    assert_eq!(organization.name, "Analytical Engines");

    let pool = Pool::connect(&fixture.config, &NOTES).await.unwrap();
    let transaction = pool.tenant(owner.tenant).await.unwrap();
    let write = "INSERT INTO notes VALUES (1)";
    transaction.conn().execute_unprepared(write).await.unwrap();
    fixture.drain().await;
}

#[tokio::test]
async fn asking_twice_gives_the_same_organization() {
    let fixture = Fixture::start().await;
    let (first, owner) = fixture.organization().await;
    let again = provision(&owner, "Another name");
    let second = fixture.ask_inside(owner.tenant, &again).await.unwrap();
    assert_eq!(second, first);
    let get = GetOrganization {
        organization_id: owner.tenant,
    };
    assert_eq!(fixture.ask(&owner, &get).await.unwrap(), first);
    fixture.drain().await;
}

#[tokio::test]
async fn asking_many_times_at_once_gives_one_organization() {
    let fixture = Fixture::start().await;
    let owner = testkit::principal(TenantId::generate(), Role::Owner);
    let request = provision(&owner, "Analytical Engines");
    let answers = join_all((0..8).map(|_| fixture.ask_inside(owner.tenant, &request))).await;
    let organizations: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(
        organizations.iter().all(|one| *one == organizations[0]),
        "{organizations:?}"
    );

    let list = ListMembers {
        organization_id: owner.tenant,
        paging: Default::default(),
    };
    let members = fixture.ask(&owner, &list).await.unwrap();
    let ids: Vec<UserId> = members.items.iter().map(|member| member.user_id).collect();
    assert_eq!(ids, [owner.user_id]);
    fixture.drain().await;
}

#[tokio::test]
async fn nobody_takes_an_organization_over() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let thief = testkit::principal(owner.tenant, Role::Owner);
    let request = provision(&thief, "Mine now");
    let answer = fixture.ask_inside(owner.tenant, &request).await;
    check_refused(answer, ErrorCode::Conflict, None);
    let memberships = fixture
        .ask_inside(
            TenantId::PLATFORM,
            &MembershipsOf {
                user_id: thief.user_id,
            },
        )
        .await
        .unwrap();
    assert_eq!(memberships, []);
    fixture.drain().await;
}

#[tokio::test]
async fn bad_names_and_the_platform_itself_are_refused() {
    let fixture = Fixture::start().await;
    let owner = testkit::principal(TenantId::generate(), Role::Owner);
    for name in ["", "   ", "a\nb", &"x".repeat(201)] {
        let request = provision(&owner, name);
        let answer = fixture.ask_inside(owner.tenant, &request).await;
        check_refused(answer, ErrorCode::InvalidInput, None);
    }
    let request = provision(&owner, "Platform");
    let answer = fixture.ask_inside(TenantId::PLATFORM, &request).await;
    check_refused(answer, ErrorCode::NotFound, None);
    fixture.drain().await;
}
