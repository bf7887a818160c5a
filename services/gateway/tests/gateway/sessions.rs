//! Refresh tokens: in the body for programs, in a cookie for the web app, never in both.

use serde_json::json;

use crate::platform::Platform;

const COOKIE: &str =
    "__Host-troupe_refresh=refresh-1; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=2592000";

#[tokio::test]
async fn programs_get_the_refresh_token_in_the_body() {
    let platform = Platform::start().await;
    let login = json!({"email": "ada@example.com", "password": "right"});
    let answer = platform
        .visit("POST", "/api/v1/auth/login")
        .json(&login)
        .send()
        .await;
    assert_eq!(
        (answer.status, answer.header("set-cookie")),
        (200, None),
        "{}",
        answer.body
    );
    assert_eq!(answer.json()["refresh_token"], "refresh-1");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let refresh = json!({"refresh_token": "refresh-1"});
    let answer = platform
        .visit("POST", "/api/v1/auth/refresh")
        .json(&refresh)
        .send()
        .await;
    assert_eq!(answer.json()["refresh_token"], "refresh-2");
    let answer = platform
        .visit("POST", "/api/v1/auth/logout")
        .json(&refresh)
        .send()
        .await;
    assert_eq!((answer.status, answer.header("set-cookie")), (204, None));
    let nothing = platform
        .visit("POST", "/api/v1/auth/refresh")
        .json(&json!({}))
        .send()
        .await;
    nothing.assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn the_web_app_gets_it_in_a_cookie_alone() {
    let platform = Platform::start().await;
    let register = json!({"email": "ada@example.com", "password": "long enough", "name": "Ada", "organization": "Engines"});
    let ask = platform
        .visit("POST", "/api/v1/auth/register")
        .header("X-Troupe-Client", "web");
    let answer = ask.json(&register).send().await;
    assert_eq!(
        (answer.status, answer.header("set-cookie")),
        (201, Some(COOKIE)),
        "{}",
        answer.body
    );
    assert_eq!(answer.json()["access_token"], "access");
    assert!(!answer.body.contains("refresh"), "{}", answer.body);

    let with_cookie = |path: &str| {
        platform
            .visit("POST", path)
            .header("Cookie", "a=b; __Host-troupe_refresh=refresh-1; c=d")
    };
    let refreshed = with_cookie("/api/v1/auth/refresh")
        .header("X-Troupe-Client", "web")
        .send()
        .await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    assert_eq!(
        refreshed.header("set-cookie"),
        Some(&*COOKIE.replace("refresh-1", "refresh-2"))
    );
    assert!(!refreshed.body.contains("refresh-2"));
    let out = with_cookie("/api/v1/auth/logout")
        .header("X-Troupe-Client", "web")
        .send()
        .await;
    assert_eq!(out.status, 204, "{}", out.body);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn a_cookie_alone_opens_nothing() {
    let platform = Platform::start().await;
    // What another site's page could make a browser send: the cookie, but not the header.
    for path in ["/api/v1/auth/refresh", "/api/v1/auth/logout"] {
        let ask = platform
            .visit("POST", path)
            .header("Cookie", "__Host-troupe_refresh=refresh-1");
        let answer = ask.header("Origin", "https://evil.example").send().await;
        answer.assert_problem(400, "invalid_input");
        assert_eq!(answer.header("set-cookie"), None);
    }
    let no_cookie = platform
        .visit("POST", "/api/v1/auth/refresh")
        .header("X-Troupe-Client", "web");
    no_cookie
        .send()
        .await
        .assert_problem(401, "unauthenticated");
    let wrong = json!({"email": "ada@example.com", "password": "wrong"});
    let wrong = platform
        .visit("POST", "/api/v1/auth/login")
        .header("X-Troupe-Client", "web")
        .json(&wrong);
    let answer = wrong.send().await;
    answer.assert_problem(401, "unauthenticated");
    assert_eq!(answer.header("set-cookie"), None);
}
