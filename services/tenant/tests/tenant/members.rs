//! Joining, changing roles, leaving: the rules hold, also when many ask at once.

use contracts::{
    ErrorCode, Principal, Problem, Role,
    id::{TenantId, UserId},
    page::Paging,
    tenant::{JoinOrganization, ListMembers, Member, RemoveMember, UpdateMember},
};
use futures::future::join;

use crate::{Fixture, check_refused};

impl Fixture {
    async fn change(
        &self,
        who: &Principal,
        member: &Principal,
        role: Role,
    ) -> Result<Member, Problem> {
        let request = UpdateMember {
            organization_id: who.tenant,
            user_id: member.user_id,
            role,
        };
        self.ask(who, &request).await
    }

    async fn remove(&self, who: &Principal, member: &Principal) -> Result<(), Problem> {
        let request = RemoveMember {
            organization_id: who.tenant,
            user_id: member.user_id,
        };
        self.ask(who, &request).await
    }

    async fn page(&self, who: &Principal, paging: Paging) -> (Vec<UserId>, Option<String>) {
        let request = ListMembers {
            organization_id: who.tenant,
            paging,
        };
        let page = self.ask(who, &request).await.unwrap();
        let ids = page.items.into_iter().map(|member| member.user_id);
        (ids.collect(), page.next)
    }
}

#[tokio::test]
async fn members_join_once() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let grace = testkit::principal(owner.tenant, Role::Editor);
    let member = fixture.join(&grace).await.unwrap();
    assert_eq!((member.user_id, member.role), (grace.user_id, Role::Editor));
    let again = fixture.join(&grace).await;
    check_refused(again, ErrorCode::Conflict, Some("already_member"));
    let nowhere = testkit::principal(TenantId::generate(), Role::Editor);
    let answer = fixture.join(&nowhere).await;
    check_refused(answer, ErrorCode::NotFound, None);

    let request = JoinOrganization {
        user_id: UserId::generate(),
        email: "x@example.com".into(),
        name: "X".into(),
        role: Role::Owner,
        by_role: Role::Admin,
    };
    let answer = fixture.ask_inside(owner.tenant, &request).await;
    check_refused(answer, ErrorCode::Forbidden, Some("role_above_own"));
    fixture.drain().await;
}

#[tokio::test]
async fn pages_show_every_member_once_in_order() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let mut expected = vec![owner.user_id];
    for _ in 0..4 {
        let member = fixture.member(owner.tenant, Role::Viewer).await;
        expected.push(member.user_id);
    }
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let paging = Paging {
            cursor,
            limit: Some(2),
        };
        let (ids, next) = fixture.page(&owner, paging).await;
        assert!(ids.len() <= 2);
        found.extend(ids);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);

    let request = ListMembers {
        organization_id: owner.tenant,
        paging: Paging {
            cursor: Some("' OR 1=1 --".into()),
            limit: None,
        },
    };
    let answer = fixture.ask(&owner, &request).await;
    check_refused(answer, ErrorCode::InvalidInput, None);
    fixture.drain().await;
}

#[tokio::test]
async fn only_admins_touch_members_and_nobody_above_themselves() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let tenant = owner.tenant;
    let viewer = fixture.member(tenant, Role::Viewer).await;
    for role in [Role::Editor, Role::Operator, Role::Viewer] {
        let member = fixture.member(tenant, role).await;
        let answer = fixture.change(&member, &viewer, Role::Viewer).await;
        check_refused(answer, ErrorCode::Forbidden, None);
        let answer = fixture.remove(&member, &viewer).await;
        check_refused(answer, ErrorCode::Forbidden, None);
    }

    let admin = fixture.member(tenant, Role::Admin).await;
    let above = Some("role_above_own");
    let changed = fixture.change(&admin, &viewer, Role::Editor).await;
    assert_eq!(changed.unwrap().role, Role::Editor);
    let answer = fixture.change(&admin, &viewer, Role::Owner).await;
    check_refused(answer, ErrorCode::Forbidden, above);
    let answer = fixture.change(&admin, &owner, Role::Viewer).await;
    check_refused(answer, ErrorCode::Forbidden, above);
    let answer = fixture.remove(&admin, &owner).await;
    check_refused(answer, ErrorCode::Forbidden, above);
    fixture.remove(&admin, &viewer).await.unwrap();
    let answer = fixture.remove(&admin, &viewer).await;
    check_refused(answer, ErrorCode::NotFound, None);
    let answer = fixture.change(&admin, &viewer, Role::Viewer).await;
    check_refused(answer, ErrorCode::NotFound, None);
    // Leaving is allowed.
    fixture.remove(&admin, &admin).await.unwrap();
    fixture.drain().await;
}

#[tokio::test]
async fn the_last_owner_stays() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let last = Some("last_owner");
    let answer = fixture.change(&owner, &owner, Role::Admin).await;
    check_refused(answer, ErrorCode::Conflict, last);
    let answer = fixture.remove(&owner, &owner).await;
    check_refused(answer, ErrorCode::Conflict, last);

    let second = fixture.member(owner.tenant, Role::Owner).await;
    fixture.remove(&second, &owner).await.unwrap();
    let answer = fixture.remove(&second, &second).await;
    check_refused(answer, ErrorCode::Conflict, last);
    fixture.drain().await;
}

#[tokio::test]
async fn two_owners_who_demote_each_other_at_once_leave_one() {
    let fixture = Fixture::start().await;
    for _ in 0..10 {
        let (_, ada) = fixture.organization().await;
        let grace = fixture.member(ada.tenant, Role::Owner).await;
        let (first, second) = join(
            fixture.change(&ada, &grace, Role::Viewer),
            fixture.change(&grace, &ada, Role::Viewer),
        )
        .await;
        assert!(first.is_ok() != second.is_ok(), "{first:?} and {second:?}");
    }
    fixture.drain().await;
}
