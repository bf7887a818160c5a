//! Who gets in.

use gateway::Config;

use super::{open, start, ticket_for, try_open};

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    let (platform, _auth) = start(Config::loopback()).await;
    let stranger = platform.visit("POST", "/api/v1/auth/ws-ticket").send();
    stranger.await.assert_problem(401, "unauthenticated");
    let ticket = ticket_for(&platform, &platform.token).await;
    let query = format!("?ticket={ticket}");
    let (one, other) = tokio::join!(
        try_open(&platform, &query, &[]),
        try_open(&platform, &query, &[])
    );
    assert!(one.is_ok() != other.is_ok());
    for query in [&query, "", "?", "?ticket=", "?ticket=wt_none"] {
        let refused = try_open(&platform, query, &[]).await.err().unwrap();
        assert_eq!(refused.status, 401, "{query}");
        assert_eq!(refused.body["code"], "unauthenticated", "{query}");
        assert!(refused.body["trace_id"].is_string());
        assert!(!refused.body.to_string().contains(&ticket));
    }
    // A token is no ticket, and does not belong into a URL.
    let token = format!("?access_token={}", platform.token);
    let refused = try_open(&platform, &token, &[]).await.err().unwrap();
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn pages_of_other_sites_stay_out_and_use_no_ticket_up() {
    let listed = "https://app.example.com";
    let config = Config {
        cors_origins: vec![listed.parse().unwrap()],
        ..Config::loopback()
    };
    let (platform, _auth) = start(config).await;
    let ticket = ticket_for(&platform, &platform.token).await;
    let query = format!("?ticket={ticket}");
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
    ] {
        let refused = try_open(&platform, &query, &[("origin", origin)]).await;
        let refused = refused.err().unwrap();
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (403, &"forbidden".into())
        );
    }
    // Neither does a request that is no upgrade.
    let plain = platform.visit("GET", &format!("/api/v1/ws{query}")).send();
    plain.await.assert_problem(400, "invalid_input");
    assert!(
        try_open(&platform, &query, &[("origin", listed)])
            .await
            .is_ok()
    );
    let own = platform.visit("GET", "/").address();
    let query = format!("?ticket={}", ticket_for(&platform, &platform.token).await);
    let own = [("origin", &*format!("http://{own}"))];
    assert!(try_open(&platform, &query, &own).await.is_ok());
}

#[tokio::test]
async fn only_so_many_sockets_are_open() {
    let config = Config {
        max_streams: 1,
        ..Config::loopback()
    };
    let (platform, _auth) = start(config).await;
    let first = open(&platform).await;
    let query = format!("?ticket={}", ticket_for(&platform, &platform.token).await);
    let refused = try_open(&platform, &query, &[]).await.err().unwrap();
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (503, &"unavailable".into())
    );
    drop(first);
    // The place is free once the gateway has noticed, and the ticket is still good.
    testkit::eventually(std::time::Duration::from_secs(10), async || {
        try_open(&platform, &query, &[]).await.ok()
    })
    .await;
}
