//! A service of an organization's own as a tool: found, registered, called; nobody else's organization hears of it.

use async_nats::{ConnectOptions, service::ServiceExt};
use e2e::{Client, Platform};
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

/// A connection as an integrator has it.
async fn connect(platform: &Platform, user: &Client) -> async_nats::Client {
    let token = user.token.clone().unwrap();
    ConnectOptions::with_user_and_password(user.user.clone(), token)
        .custom_inbox_prefix(format!("_INBOX_{}", user.user))
        .connect(platform.nats_url())
        .await
        .unwrap()
}

/// A micro service that bears a name and answers on a subject with the arguments doubled.
async fn serve(client: &async_nats::Client, name: &str, subject: &str) -> service::Serving {
    let service = client
        .service_builder()
        .description("Doubles numbers.")
        .start(name, "1.0.0")
        .await
        .unwrap();
    let schema =
        json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
    let metadata = [("input_schema".to_owned(), schema.to_string())].into();
    let mut endpoint = service
        .endpoint_builder()
        .metadata(metadata)
        .add(subject.to_owned())
        .await
        .unwrap();
    client.flush().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        while let Some(request) = endpoint.next().await {
            let arguments: Value = serde_json::from_slice(&request.message.payload).unwrap();
            let doubled = arguments["n"].as_i64().unwrap() * 2;
            let answer = json!({"doubled": doubled}).to_string();
            request.respond(Ok(answer.into())).await.unwrap();
        }
    });
    service::Serving {
        _service: service,
        _tasks: tasks,
    }
}

mod service {
    /// A micro service that ends with its owner.
    pub(super) struct Serving {
        pub(super) _service: async_nats::service::Service,
        pub(super) _tasks: tokio::task::JoinSet<()>,
    }
}

async fn discovered(user: &Client) -> Value {
    let found = user.read("/api/v1/tools/discover").await;
    assert_eq!(found.status, 200, "{found:?}");
    found.body["items"].clone()
}

async fn register(user: &Client, name: &str) -> String {
    let tool = json!({
        "name": name, "kind": "nats", "description": "Doubles numbers.",
        "input_schema": {"type": "object"}, "config": {"name": "double"}, "timeout_ms": 5000
    });
    let made = user.post("/api/v1/tools", &tool).await;
    assert_eq!(made.status, 201, "{made:?}");
    format!("/api/v1/tools/{}/invoke", made.body["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_service_of_the_organization_is_found_and_called() {
    let platform = Platform::start().await;
    let user = platform.user("ada").await;
    assert_eq!(discovered(&user).await, json!([]));
    let invoke = register(&user, "double").await;
    let arguments = json!({"arguments": {"n": 21}});
    let nobody = user.post(&invoke, &arguments).await;
    assert_eq!(
        (nobody.status, &nobody.body["reason"]),
        (503, &json!("tool_unavailable"))
    );
    let client = connect(&platform, &user).await;
    let org = &user.organization;
    let _serving = serve(&client, org, &format!("tool.{org}.double")).await;
    let found = discovered(&user).await;
    assert_eq!(
        found,
        json!([{"name": "double", "description": "Doubles numbers.", "problem": null,
            "input_schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}])
    );
    let called = user.post(&invoke, &arguments).await;
    assert_eq!(
        (called.status, &called.body["result"]),
        (200, &json!({"doubled": 42})),
        "{called:?}"
    );
}

#[tokio::test]
async fn no_other_organization_hears_of_a_tool_or_answers_for_it() {
    let platform = Platform::start().await;
    let (owner, stranger) = (platform.user("ada").await, platform.user("eve").await);
    let client = connect(&platform, &stranger).await;
    let (mine, theirs) = (&stranger.organization, &owner.organization);
    // Whatever a stranger listens to, under whatever name, the owner's organization has no such tool.
    let _posing = serve(&client, theirs, &format!("tool.{theirs}.double")).await;
    let _claiming = serve(&client, mine, &format!("tool.{theirs}.double")).await;
    let mut all = Vec::new();
    for subject in [
        "$SRV.>",
        "$SRV.INFO.*",
        "tool.>",
        "tool.*.double",
        "_INBOX_svc_tool.>",
    ] {
        all.push(client.subscribe(subject).await.unwrap());
    }
    let own = format!("$SRV.INFO.{theirs}");
    all.push(client.subscribe(own).await.unwrap());
    client.flush().await.unwrap();
    let invoke = register(&owner, "double").await;
    let called = owner.post(&invoke, &json!({"arguments": {"n": 1}})).await;
    assert_eq!(
        (called.status, &called.body["reason"]),
        (503, &json!("tool_unavailable")),
        "{called:?}"
    );
    assert_eq!(discovered(&owner).await, json!([]));
    assert_eq!(discovered(&stranger).await, json!([]));
    // The server has refused those subscriptions, so what was asked has reached none of them.
    client.flush().await.unwrap();
    let mut all = futures::stream::select_all(all);
    let heard = all.next().now_or_never().flatten();
    assert!(heard.is_none(), "{heard:?}");
}
