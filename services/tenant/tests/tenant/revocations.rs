//! What a member may do ends when their role changes or they leave, for tokens already issued too.

use std::time::Duration;

use contracts::{
    ErrorCode, Principal, Role,
    tenant::{RemoveMember, UpdateMember},
};
use testkit::eventually;

use crate::{Fixture, check_refused};

/// Within this time a change reaches every service.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_token_dies_with_the_role_it_names() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let admin = fixture.member(owner.tenant, Role::Admin).await;
    let token = testkit::token(&admin);
    fixture.runtime.verifier.verify(&token).await.unwrap();

    let request = UpdateMember {
        organization_id: owner.tenant,
        user_id: admin.user_id,
        role: Role::Viewer,
    };
    fixture.ask(&owner, &request).await.unwrap();
    check_dies(&fixture, &token).await;

    // The owner's tokens and new ones of the member are as good as before.
    let good = testkit::token(&owner);
    fixture.runtime.verifier.verify(&good).await.unwrap();
    let viewer = Principal {
        role: Role::Viewer,
        ..admin
    };
    let fresh = testkit::token(&viewer);
    fixture.runtime.verifier.verify(&fresh).await.unwrap();
    fixture.drain().await;
}

#[tokio::test]
async fn a_token_dies_with_the_membership() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let member = fixture.member(owner.tenant, Role::Editor).await;
    let token = testkit::token(&member);
    let request = RemoveMember {
        organization_id: owner.tenant,
        user_id: member.user_id,
    };
    fixture.ask(&owner, &request).await.unwrap();
    check_dies(&fixture, &token).await;

    // A token that outlived the membership by a mistake of someone else opens no door here.
    let admin = Principal {
        role: Role::Admin,
        ..member
    };
    let request = UpdateMember {
        organization_id: owner.tenant,
        user_id: owner.user_id,
        role: Role::Viewer,
    };
    let answer = fixture.ask(&admin, &request).await;
    check_refused(answer, ErrorCode::Forbidden, Some("not_a_member"));
    fixture.drain().await;
}

#[tokio::test]
async fn a_refused_change_revokes_nothing() {
    let fixture = Fixture::start().await;
    let (_, owner) = fixture.organization().await;
    let admin = fixture.member(owner.tenant, Role::Admin).await;
    let request = RemoveMember {
        organization_id: owner.tenant,
        user_id: owner.user_id,
    };
    let answer = fixture.ask(&admin, &request).await;
    check_refused(answer, ErrorCode::Forbidden, Some("role_above_own"));
    let bucket = fixture.bus.kv(bus::Bucket::Revocations).await.unwrap();
    assert_eq!(bucket.entries().await.unwrap(), []);
    fixture.drain().await;
}

async fn check_dies(fixture: &Fixture, token: &str) {
    let problem = eventually(SOON, async || {
        fixture.runtime.verifier.verify(token).await.err()
    })
    .await;
    assert_eq!(problem.code, ErrorCode::Unauthenticated);
    assert!(problem.detail.contains("revoked"), "{problem:?}");
}
