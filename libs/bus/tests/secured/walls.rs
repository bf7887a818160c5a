//! What users must not be able to do.

use bus::server_config::credentials;
use contracts::{Service, id::TenantId};
use testkit::Nats;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{Raw, SECRET, platform};

/// Subjects that nobody but their owner may listen on.
const FOREIGN_EARS: [&str; 10] = [
    ">",
    "*.>",
    "req.>",
    "req.*.*.>",
    "_INBOX.>",
    "_INBOX_svc_admin.>",
    "$JS.API.>",
    "$KV.>",
    "$SYS.>",
    "pl.*",
];

/// Subjects that no service may publish to.
const FOREIGN_MOUTHS: [&str; 6] = [
    "$JS.API.STREAM.DELETE.PL_0",
    "$JS.API.STREAM.CREATE.X",
    "$KV.ROUTE.partitions",
    "$SYS.REQ.USER.AUTH",
    "_INBOX_svc_admin.x",
    "evt.platform.nobody.x.y",
];

#[tokio::test]
async fn no_service_hears_or_says_what_is_not_its_own() {
    let nats = platform().await;
    for service in Service::ALL {
        let mut raw = Raw::connect(&nats, service).await;
        for subject in FOREIGN_EARS {
            assert!(
                !raw.may_subscribe(subject).await,
                "{service} hears {subject}"
            );
        }
        for subject in FOREIGN_MOUTHS {
            assert!(!raw.may_publish(subject).await, "{service} says {subject}");
        }
        for other in Service::ALL {
            let own = other == service;
            let requests = format!("req.*.{other}.>");
            assert_eq!(
                raw.may_subscribe(&requests).await,
                own,
                "{service} hears {requests}"
            );
            let inbox = format!("_INBOX_svc_{other}.>");
            assert_eq!(
                raw.may_subscribe(&inbox).await,
                own,
                "{service} hears {inbox}"
            );
        }
        assert_eq!(
            raw.may_subscribe("$SYS.REQ.USER.AUTH").await,
            service == Service::Auth
        );
        assert_eq!(
            raw.may_publish("$SYS.REQ.SERVER.N.KICK").await,
            service == Service::Auth
        );
        assert_eq!(
            raw.may_subscribe("own.0.*").await,
            service == Service::Execution
        );
        assert_eq!(raw.may_publish("pl.0").await, service == Service::Execution);
        let stores_values = matches!(service, Service::Execution | Service::Flow);
        assert_eq!(raw.may_publish("pay.0.t.e.h.0").await, stores_values);
        assert_eq!(
            raw.may_publish("$KV.JWKS.kid").await,
            service == Service::Auth
        );
    }
}

#[tokio::test]
async fn questions_follow_the_call_graph() {
    let nats = platform().await;
    let tenant = TenantId::EXAMPLE;
    for service in Service::ALL {
        let mut raw = Raw::connect(&nats, service).await;
        for operation in contracts::operations::OPERATIONS {
            let callee = Service::parse(operation.service()).expect("a service");
            let subject = format!("req.{tenant}.{}", operation.name);
            let internal = operation.access == contracts::Access::Internal;
            let public = operation.access == contracts::Access::Public;
            // Flow asks auth for roles, and for no token.
            let asks_for_a_role = operation.name == "auth.role_of";
            let is_known = (service, callee) != (Service::Flow, Service::Auth) || asks_for_a_role;
            let expected = is_known
                && service.calls().contains(&callee)
                && if service == Service::Gateway {
                    !internal
                } else {
                    !public
                };
            assert_eq!(
                raw.may_publish(&subject).await,
                expected,
                "{service} asks {subject}"
            );
        }
    }
}

#[tokio::test]
async fn strangers_do_not_get_in() {
    let nats = platform().await;
    let password = |service| credentials(SECRET, service).password;
    assert!(lets_in(&nats, Some(("flow", &password(Service::Flow)))).await);
    assert!(!lets_in(&nats, Some(("flow", &password(Service::Auth)))).await);
    // Whoever is not listed is asked about, and here nobody answers: the door stays shut.
    assert!(!lets_in(&nats, None).await);
    assert!(!lets_in(&nats, Some(("user", "no token"))).await);
}

/// Whether the server takes commands after this greeting: it answers a ping, or ends the connection.
async fn lets_in(nats: &Nats, user: Option<(&str, &str)>) -> bool {
    let greeting = match user {
        Some((user, password)) => {
            serde_json::json!({ "verbose": false, "user": user, "pass": password })
        }
        None => serde_json::json!({ "verbose": false }),
    };
    let mut connection = TcpStream::connect(nats.address()).await.expect("connects");
    let commands = format!("CONNECT {greeting}\r\nPING\r\n");
    connection
        .write_all(commands.as_bytes())
        .await
        .expect("writes");
    let mut lines = BufReader::new(connection).lines();
    while let Some(line) = lines.next_line().await.expect("reads") {
        match line.as_str() {
            "PONG" => return true,
            error if error.starts_with("-ERR") => return false,
            _ => {}
        }
    }
    false
}
