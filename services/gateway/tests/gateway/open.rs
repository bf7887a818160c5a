//! What is open to everyone: health, metrics for the operator, the description, the page.

use std::time::Duration;

use gateway::Config;
use poem::{EndpointExt, Request, endpoint::make_sync};
use testkit::eventually;

use crate::platform::Platform;

#[tokio::test]
async fn health_says_what_is_wrong() {
    let ready = Platform::with(
        Config::loopback(),
        |runtime| runtime.readiness.add("nats", || async { Ok(()) }),
        Vec::new(),
    )
    .await;
    assert_eq!(ready.visit("GET", "/healthz").send().await.status, 200);
    let answer = ready.visit("GET", "/readyz").send().await;
    assert_eq!(
        (answer.status, &answer.json()["dependencies"]["nats"]),
        (200, &"ok".into())
    );
    let broken = Platform::with(
        Config::loopback(),
        |runtime| {
            runtime.readiness.add("nats", || async { Ok(()) });
            runtime.readiness.add("postgres", || async {
                Err("connection refused".to_owned())
            });
        },
        Vec::new(),
    )
    .await;
    let answer = broken.visit("GET", "/readyz").send().await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json()["dependencies"]["postgres"],
        "connection refused"
    );
    assert_eq!(broken.visit("GET", "/healthz").send().await.status, 200);
}

#[tokio::test]
async fn metrics_are_for_this_machine() {
    let platform = Platform::start().await;
    assert_eq!(platform.visit("GET", "/metrics").send().await.status, 200);
    // Who comes through a proxy on this machine is not of this machine.
    for name in ["X-Forwarded-For", "Forwarded", "X-Real-IP"] {
        let proxied = platform
            .visit("GET", "/metrics")
            .header(name, "127.0.0.1")
            .send()
            .await;
        proxied.assert_problem(404, "not_found");
    }
    let open = Platform::configured(Config {
        metrics_open: true,
        ..Config::loopback()
    })
    .await;
    let proxied = open
        .visit("GET", "/metrics")
        .header("X-Forwarded-For", "10.0.0.1")
        .send()
        .await;
    assert_eq!(proxied.status, 200);
}

#[tokio::test]
async fn the_description_is_served_as_it_is_printed() {
    let platform = Platform::start().await;
    let served = platform.visit("GET", "/openapi.json").send().await;
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert_eq!(served.json(), gateway::openapi_json());
    let script = platform.visit("GET", "/docs/scalar.js").send().await;
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert!(script.body.len() > 1_000_000);
}

#[tokio::test]
async fn endpoints_of_other_services_see_no_prefix_and_no_forged_headers() {
    let echo = make_sync(|request: Request| {
        let forged =
            request.header("x-user-id").is_some() || request.header("nats-msg-id").is_some();
        format!("{} {forged}", request.uri().path())
    });
    let platform = Platform::with(
        Config::loopback(),
        |_| {},
        vec![("/v1", echo.map_to_response().boxed())],
    )
    .await;
    let ask = platform
        .visit("POST", "/v1/chat/completions")
        .header("X-User-Id", "1")
        .header("Nats-Msg-Id", "1");
    assert_eq!(ask.send().await.body, "/chat/completions false");
}

#[tokio::test]
async fn a_drained_gateway_ends_its_streams_and_listens_no_more() {
    let mut platform = Platform::start().await;
    let execution = platform.execution(1, false);
    let path = format!("/api/v1/executions/{execution}/stream");
    let again = platform.ask("GET", &path);
    let mut stream = platform.ask("GET", &path).open().await;
    assert_eq!(stream.event().await.unwrap().id, Some(1));
    platform.drain().await;
    let last = stream.event().await.expect("the stream says why it ends");
    assert_eq!(
        (&*last.event, last.id, &last.data["code"]),
        ("problem", None, &"unavailable".into())
    );
    assert_eq!(stream.event().await, None);
    eventually(Duration::from_secs(5), async || {
        let refused = tokio::net::TcpStream::connect(again.address())
            .await
            .is_err();
        refused.then_some(())
    })
    .await;
}
