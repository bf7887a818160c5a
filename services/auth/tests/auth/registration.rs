//! Registration, also where it breaks off half-way.

use std::sync::atomic::Ordering;

use contracts::{ErrorCode, Role, auth::GetMe};

use crate::{PASSWORD, Platform, code, email, registration};

#[tokio::test]
async fn a_registered_user_owns_a_new_organization() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    assert_eq!(
        (
            session.user.email.as_str(),
            session.organization.name.as_str()
        ),
        ("ada@example.com", "ada's")
    );
    assert_eq!((session.role, session.expires_in), (Role::Owner, 600));
    let principal = platform.principal(&session).await;
    assert_eq!(
        (principal.user_id, principal.tenant),
        (session.user.id, session.organization.id)
    );
    assert_eq!(principal.role, Role::Owner);
    assert!(principal.session_id.is_some() && principal.execution_id.is_none());
    let me = platform.ask_as(&session, &GetMe {}).await.expect("me");
    assert_eq!(
        (me.user, me.organization),
        (session.user, session.organization)
    );
}

#[tokio::test]
async fn an_email_is_registered_once_in_any_spelling() {
    let platform = Platform::start().await;
    platform.register("ada").await;
    for email in ["ada@example.com", " ADA@Example.com "] {
        let again = contracts::auth::Register {
            email: email.into(),
            ..registration("ada")
        };
        let problem = platform.ask(&again).await.err().expect("a problem");
        assert_eq!((problem.code, problem.status), (ErrorCode::Conflict, 409));
        assert_eq!(problem.reason.as_deref(), Some("email_taken"));
    }
    assert_eq!(platform.tenants.organizations(), 1);
}

#[tokio::test]
async fn input_that_breaks_rules_is_refused_field_by_field() {
    let platform = Platform::start().await;
    let mut wrong = registration("ada");
    wrong.password = "password123".into();
    wrong.organization = "x".repeat(201);
    let problem = platform.ask(&wrong).await.err().expect("a problem");
    assert_eq!(
        (problem.code, problem.status),
        (ErrorCode::InvalidInput, 422)
    );
    let paths: Vec<_> = problem
        .errors
        .iter()
        .map(|error| error.path.as_str())
        .collect();
    assert_eq!(paths, ["/organization", "/password"]);
}

#[tokio::test]
async fn a_registration_that_broke_off_is_completed_by_the_next() {
    let platform = Platform::start().await;
    let down = |value| platform.tenants.down.store(value, Ordering::Relaxed);
    down(true);
    for name in ["ada", "grace"] {
        assert_eq!(
            code(platform.ask(&registration(name)).await),
            ErrorCode::Unavailable
        );
    }
    assert_eq!(
        code(platform.login("ada", PASSWORD).await),
        ErrorCode::Unavailable
    );
    down(false);
    // Another password completes nothing, and does not learn that there is something to complete.
    let mut stranger = registration("ada");
    stranger.password = "another good password".into();
    assert_eq!(code(platform.ask(&stranger).await), ErrorCode::Conflict);
    assert_eq!(
        code(platform.login("grace", "another good password").await),
        ErrorCode::Unauthenticated
    );
    assert_eq!(platform.tenants.organizations(), 0);

    let ada = platform.register("ada").await;
    let grace = platform.login("grace", PASSWORD).await.expect("a login");
    assert_eq!(
        (
            ada.organization.name.as_str(),
            grace.organization.name.as_str()
        ),
        ("ada's", "grace's")
    );
    assert_eq!((ada.role, grace.role), (Role::Owner, Role::Owner));
    assert_eq!(
        code(platform.ask(&registration("ada")).await),
        ErrorCode::Conflict
    );
    assert_eq!(platform.tenants.organizations(), 2);
}

#[tokio::test]
async fn the_same_registration_at_the_same_time_makes_one_user() {
    let platform = Platform::start().await;
    let request = registration("ada");
    let outcomes = futures::future::join_all((0..8).map(|_| platform.ask(&request))).await;
    let mut users: Vec<_> = outcomes
        .iter()
        .flatten()
        .map(|session| session.user.id)
        .collect();
    assert!(!users.is_empty());
    users.dedup();
    assert_eq!(users.len(), 1);
    assert_eq!(platform.tenants.organizations(), 1);
    let refused = outcomes.into_iter().filter_map(Result::err);
    assert!(
        refused
            .into_iter()
            .all(|problem| problem.code == ErrorCode::Conflict)
    );
}

#[tokio::test]
async fn the_database_holds_no_password() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let dump = platform.dump().await;
    assert!(dump.contains(&email("ada")) && dump.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
    for secret in [PASSWORD, &session.refresh_token[3..], &session.access_token] {
        assert!(!dump.contains(secret));
    }
}
