//! Tickets of WebSockets: good for one use, for a short time, and for what their token is good for.

use bus::Bucket;
use contracts::{
    ErrorCode, Problem, Service,
    auth::{Logout, MakeTicket, RedeemTicket, RedeemedTicket, Session},
};
use serde_json::{Value, json};

use crate::{Platform, code, connect};

async fn ticket(platform: &Platform, session: &Session) -> String {
    let made = platform.ask_as(session, &MakeTicket {}).await.unwrap();
    let left = made.expires_at - chrono::Utc::now();
    assert!((25..=30).contains(&left.num_seconds()), "{left}");
    made.ticket
}

async fn redeem(platform: &Platform, ticket: &str) -> Result<RedeemedTicket, Problem> {
    let ticket = ticket.to_owned();
    platform.ask(&RedeemTicket { ticket }).await
}

#[tokio::test]
async fn a_ticket_is_traded_once_for_a_token_like_the_one_that_asked() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let ticket = ticket(&platform, &session).await;
    let token = redeem(&platform, &ticket).await.unwrap().access_token;
    let old = platform.verifier.claims(&session.access_token).await;
    let new = platform.verifier.claims(&token).await.unwrap();
    let old = old.unwrap();
    assert_eq!(new.principal(), old.principal());
    assert_eq!((new.exp, new.iat_ms), (old.exp, old.iat_ms));
    assert_ne!(new.jti, old.jti);
    let again = redeem(&platform, &ticket).await.err().unwrap();
    assert_eq!(
        (again.code, again.reason.as_deref()),
        (ErrorCode::Unauthenticated, Some("ticket_refused"))
    );
    assert!(!again.detail.contains(&ticket));
}

#[tokio::test]
async fn of_many_uses_at_once_one_succeeds() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    for _ in 0..5 {
        let ticket = ticket(&platform, &session).await;
        let uses = (0..8).map(|_| redeem(&platform, &ticket));
        let uses = futures::future::join_all(uses).await;
        assert_eq!(uses.iter().filter(|used| used.is_ok()).count(), 1);
        for refused in uses.into_iter().filter(Result::is_err) {
            assert_eq!(code(refused), ErrorCode::Unauthenticated);
        }
    }
}

#[tokio::test]
async fn an_old_ticket_is_refused_and_none_is_stored_readable() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let ticket = ticket(&platform, &session).await;
    let bus = connect(&platform.nats, Service::Auth).await;
    let bucket = bus.kv(Bucket::Tickets).await.unwrap();
    let (key, value) = bucket.entries().await.unwrap().remove(0);
    let kept = String::from_utf8(value.to_vec()).unwrap();
    for secret in [&ticket[3..], &session.access_token] {
        assert!(!key.contains(secret) && !kept.contains(secret));
    }
    let mut kept: Value = serde_json::from_str(&kept).unwrap();
    kept["expires_at"] = json!(chrono::Utc::now());
    bucket.put(&key, kept.to_string().into()).await.unwrap();
    assert_eq!(
        code(redeem(&platform, &ticket).await),
        ErrorCode::Unauthenticated
    );
}

#[tokio::test]
async fn what_is_no_ticket_is_refused() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let ticket = ticket(&platform, &session).await;
    for text in [
        "",
        "wt_",
        &ticket[3..],
        &ticket.replace("wt_", "rt_"),
        &session.refresh_token,
        &session.refresh_token.replace("rt_", "wt_"),
        &session.access_token,
        ">",
    ] {
        assert_eq!(
            code(redeem(&platform, text).await),
            ErrorCode::Unauthenticated,
            "{text}"
        );
    }
    // Tries use nothing up.
    assert!(redeem(&platform, &ticket).await.is_ok());
}

#[tokio::test]
async fn a_ticket_of_an_ended_session_gives_a_token_that_is_revoked() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let ticket = ticket(&platform, &session).await;
    let refresh_token = session.refresh_token;
    platform.ask(&Logout { refresh_token }).await.unwrap();
    let token = redeem(&platform, &ticket).await.unwrap().access_token;
    testkit::eventually(std::time::Duration::from_secs(5), async || {
        platform.verifier.verify(&token).await.err()
    })
    .await;
}
