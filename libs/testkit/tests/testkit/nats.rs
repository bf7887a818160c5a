//! A server per test.

use std::io::{BufRead, BufReader};

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

fn greeting(nats: &Nats) -> String {
    let connection = std::net::TcpStream::connect(nats.address()).expect("the server listens");
    let mut line = String::new();
    BufReader::new(connection)
        .read_line(&mut line)
        .expect("the server greets");
    assert!(line.starts_with("INFO "), "{line}");
    line
}
