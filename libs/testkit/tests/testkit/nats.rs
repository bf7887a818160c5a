//! A server per test.

use std::io::{BufRead, BufReader, Write};

use bus::server_config::{ServerUser, credentials};
use serde_json::{Value, json};
use testkit::Nats;

#[tokio::test]
async fn two_servers_live_side_by_side_and_end_with_their_owner() {
    let first = Nats::start().await;
    let second = Nats::start().await;
    assert_ne!(first.address(), second.address());
    assert!(greeting(&first).contains("\"jetstream\":true"));

    let address = second.address();
    drop(second);
    std::net::TcpStream::connect(address).expect_err("the server is gone");
    greeting(&first);
}

#[tokio::test]
async fn a_killed_server_comes_back_at_the_same_address() {
    let mut nats = Nats::start().await;
    let before = nats.address();
    nats.kill();
    std::net::TcpStream::connect(before).expect_err("the server is down");
    nats.restart().await;
    assert_eq!(nats.address(), before);
    greeting(&nats);
}

#[tokio::test]
async fn a_secured_server_lets_nobody_in_without_a_password() {
    const SECRET: &str = "a secret of this test";
    let nats = Nats::start_secured(SECRET).await;
    assert!(greeting(&nats).contains("\"auth_required\":true"));
    assert!(!lets_in(&nats, &json!({})));
    let admin = credentials(SECRET, ServerUser::Admin);
    let known = json!({"user": admin.user, "pass": admin.password});
    assert!(lets_in(&nats, &known));
}

/// What the server answers to a `CONNECT` and a `PING` of the NATS protocol.
fn lets_in(nats: &Nats, who: &Value) -> bool {
    let mut connection = std::net::TcpStream::connect(nats.address()).expect("it listens");
    write!(connection, "CONNECT {who}\r\nPING\r\n").expect("sent");
    for line in BufReader::new(connection).lines() {
        let line = line.expect("the server answers before it hangs up");
        if line == "PONG" || line.starts_with("-ERR") {
            return line == "PONG";
        }
    }
    panic!("the server did not answer");
}

fn greeting(nats: &Nats) -> String {
    let connection = std::net::TcpStream::connect(nats.address()).expect("the server listens");
    let mut line = String::new();
    BufReader::new(connection)
        .read_line(&mut line)
        .expect("the server greets");
    assert!(line.starts_with("INFO "), "{line}");
    line
}
