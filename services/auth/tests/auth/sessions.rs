//! Refresh, reuse, logout.

use std::{sync::atomic::Ordering, time::Duration};

use contracts::{
    ErrorCode, Problem, Role,
    auth::{GetMe, Logout, Refresh, Session},
};
use testkit::eventually;

use crate::{PASSWORD, Platform, code};

impl Platform {
    async fn refresh(&self, session: &Session) -> Result<Session, Problem> {
        self.ask(&Refresh {
            refresh_token: session.refresh_token.clone(),
        })
        .await
    }

    /// Waits until the kernels refuse the session's access token; within five seconds.
    async fn is_cut_off(&self, session: &Session) {
        eventually(Duration::from_secs(5), async || {
            let answer = self.ask_as(session, &GetMe {}).await;
            (answer.err()?.code == ErrorCode::Unauthenticated).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair() {
    let platform = Platform::start().await;
    let first = platform.register("ada").await;
    let second = platform.refresh(&first).await.expect("a refresh");
    assert_ne!(first.refresh_token, second.refresh_token);
    assert_ne!(first.access_token, second.access_token);
    assert_eq!(
        (&first.user, &first.organization),
        (&second.user, &second.organization)
    );
    let (before, after) = (
        platform.principal(&first).await,
        platform.principal(&second).await,
    );
    assert_eq!(before.session_id, after.session_id);
    platform.refresh(&second).await.expect("a refresh");
}

#[tokio::test]
async fn one_of_fifty_wins_and_the_family_ends() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let other = platform
        .login("ada", PASSWORD)
        .await
        .expect("another session");
    let outcomes = futures::future::join_all((0..50).map(|_| platform.refresh(&session))).await;
    let winners: Vec<_> = outcomes.iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    for problem in refused {
        assert_eq!(
            (problem.code, problem.reason.as_deref()),
            (ErrorCode::Unauthenticated, Some("refresh_refused"))
        );
    }
    assert_eq!(
        code(platform.refresh(winners[0]).await),
        ErrorCode::Unauthenticated
    );
    platform.is_cut_off(&session).await;
    platform.is_cut_off(winners[0]).await;
    // The user's other session is another family.
    platform.refresh(&other).await.expect("a refresh");
}

#[tokio::test]
async fn a_token_used_again_later_ends_the_family() {
    let platform = Platform::start().await;
    let first = platform.register("ada").await;
    let second = platform.refresh(&first).await.expect("a refresh");
    let third = platform.refresh(&second).await.expect("a refresh");
    assert_eq!(
        code(platform.refresh(&first).await),
        ErrorCode::Unauthenticated
    );
    assert_eq!(
        code(platform.refresh(&third).await),
        ErrorCode::Unauthenticated
    );
    platform.is_cut_off(&third).await;
}

#[tokio::test]
async fn a_reuse_completes_an_end_that_broke_off() {
    let platform = Platform::start().await;
    let first = platform.register("ada").await;
    let second = platform.refresh(&first).await.expect("a refresh");
    // The process died between the database and the revocation.
    platform
        .sql("UPDATE platform.sessions SET ended_at = now()")
        .await;
    platform
        .ask_as(&second, &GetMe {})
        .await
        .expect("not revoked yet");
    assert_eq!(
        code(platform.refresh(&first).await),
        ErrorCode::Unauthenticated
    );
    platform.is_cut_off(&second).await;
}

#[tokio::test]
async fn logout_ends_the_session_everywhere() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    platform.ask_as(&session, &GetMe {}).await.expect("me");
    let logout = Logout {
        refresh_token: session.refresh_token.clone(),
    };
    platform.ask(&logout).await.expect("a logout");
    platform.is_cut_off(&session).await;
    assert_eq!(
        code(platform.refresh(&session).await),
        ErrorCode::Unauthenticated
    );
    // Twice, and with what is no token, is no error.
    platform.ask(&logout).await.expect("a logout");
    for token in ["", "rt_x", "garbage"] {
        platform
            .ask(&Logout {
                refresh_token: token.into(),
            })
            .await
            .expect("a logout");
    }
}

#[tokio::test]
async fn a_session_ends_by_age_and_by_silence() {
    let platform = Platform::start().await;
    for column in [
        "created_at = created_at - interval '30 days'",
        "refreshed_at = refreshed_at - interval '14 days'",
    ] {
        let session = platform
            .ask(&crate::registration(&column[..7]))
            .await
            .expect("a session");
        platform
            .sql(&format!("UPDATE platform.sessions SET {column}"))
            .await;
        assert_eq!(
            code(platform.refresh(&session).await),
            ErrorCode::Unauthenticated,
            "{column}"
        );
    }
}

#[tokio::test]
async fn a_refresh_sees_the_role_of_now() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let (tenant, user) = (session.organization.id, session.user.id);
    platform.tenants.set_role(tenant, user, Role::Viewer);
    let session = platform.refresh(&session).await.expect("a refresh");
    assert_eq!(platform.principal(&session).await.role, Role::Viewer);
    platform.tenants.remove(tenant, user);
    assert_eq!(
        code(platform.refresh(&session).await),
        ErrorCode::Unauthenticated
    );
    platform.is_cut_off(&session).await;
}

#[tokio::test]
async fn a_refresh_that_could_not_be_answered_may_be_repeated() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    platform.tenants.down.store(true, Ordering::Relaxed);
    assert_eq!(
        code(platform.refresh(&session).await),
        ErrorCode::Unavailable
    );
    platform.tenants.down.store(false, Ordering::Relaxed);
    platform.refresh(&session).await.expect("a refresh");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let never_given = format!("rt_{}", "A".repeat(43));
    for token in [
        "",
        "rt_",
        &never_given,
        &session.access_token,
        "x' OR pg_sleep(5)--",
    ] {
        let refused = platform
            .ask(&Refresh {
                refresh_token: token.into(),
            })
            .await;
        assert_eq!(code(refused), ErrorCode::Unauthenticated, "{token}");
    }
    platform
        .refresh(&session)
        .await
        .expect("nothing has happened to it");
}
