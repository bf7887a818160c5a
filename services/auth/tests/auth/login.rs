//! Login, and what guards it.

use contracts::{
    ErrorCode, Role,
    auth::{AddMember, Login},
    id::TenantId,
};

use crate::{PASSWORD, Platform, code, email};

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_look_the_same() {
    let platform = Platform::start().await;
    platform.register("ada").await;
    platform.login("ada", PASSWORD).await.expect("a login");
    let mut wrong = platform
        .login("ada", "not the password")
        .await
        .err()
        .expect("a problem");
    let mut unknown = platform
        .login("bob", "not the password")
        .await
        .err()
        .expect("a problem");
    assert_eq!(
        (wrong.code, wrong.status),
        (ErrorCode::Unauthenticated, 401)
    );
    (wrong.trace_id, unknown.trace_id) = (None, None);
    assert_eq!(wrong, unknown);
}

#[tokio::test]
async fn a_disabled_user_does_not_get_in() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    platform
        .sql("UPDATE platform.users SET state = 'disabled'")
        .await;
    assert_eq!(
        code(platform.login("ada", PASSWORD).await),
        ErrorCode::Unauthenticated
    );
    let refresh = contracts::auth::Refresh {
        refresh_token: session.refresh_token,
    };
    assert_eq!(
        code(platform.ask(&refresh).await),
        ErrorCode::Unauthenticated
    );
}

#[tokio::test]
async fn a_user_enters_the_organization_asked_for() {
    let platform = Platform::start().await;
    let (ada, grace) = (
        platform.register("ada").await,
        platform.register("grace").await,
    );
    let add = AddMember {
        email: email("grace"),
        role: Role::Editor,
    };
    platform.ask_as(&ada, &add).await.expect("a member");
    let enter = async |organization_id| {
        platform
            .ask(&Login {
                email: email("grace"),
                password: PASSWORD.into(),
                organization_id,
            })
            .await
    };
    let own = enter(None).await.expect("a login");
    assert_eq!(
        (own.organization.id, own.role),
        (grace.organization.id, Role::Owner)
    );
    let other = enter(Some(ada.organization.id)).await.expect("a login");
    assert_eq!(
        (other.organization.id, other.role),
        (ada.organization.id, Role::Editor)
    );
    assert_eq!(
        code(enter(Some(TenantId::generate())).await),
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn an_account_takes_ten_tries_a_minute_however_they_come() {
    let platform = Platform::start().await;
    platform.register("ada").await;
    platform.register("grace").await;
    let spellings = [
        "ada@example.com",
        "ADA@example.com",
        " ada@example.com",
        "ada@EXAMPLE.com\t",
    ];
    let tries = (0..40).map(|n| {
        let request = Login {
            email: spellings[n % 4].into(),
            password: format!("wrong password {n}"),
            organization_id: None,
        };
        let platform = &platform;
        async move { platform.ask(&request).await.err().expect("a problem") }
    });
    let problems = futures::future::join_all(tries).await;
    let checked = problems
        .iter()
        .filter(|problem| problem.code == ErrorCode::Unauthenticated)
        .count();
    assert_eq!(checked, 10);
    for limited in problems
        .iter()
        .filter(|problem| problem.code != ErrorCode::Unauthenticated)
    {
        assert_eq!(
            (limited.code, limited.status),
            (ErrorCode::RateLimited, 429)
        );
        assert!(
            limited
                .retry_after_ms
                .is_some_and(|wait| (1..=60_000).contains(&wait))
        );
    }
    // The right password does not help now, and others are not concerned.
    assert_eq!(
        code(platform.login("ada", PASSWORD).await),
        ErrorCode::RateLimited
    );
    platform.login("grace", PASSWORD).await.expect("a login");
    // A minute later.
    platform
        .sql("UPDATE platform.login_tries SET tries = ARRAY[now() - interval '61 s']")
        .await;
    platform.login("ada", PASSWORD).await.expect("a login");
}

#[tokio::test]
async fn a_right_password_clears_the_tries_before() {
    let platform = Platform::start().await;
    platform.register("ada").await;
    for _ in 0..3 {
        for _ in 0..9 {
            assert_eq!(
                code(platform.login("ada", "not the password").await),
                ErrorCode::Unauthenticated
            );
        }
        platform.login("ada", PASSWORD).await.expect("a login");
    }
}
