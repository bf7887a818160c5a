use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::*;
use crate::{Allowed, Credential};

/// A server that counts connections and answers each with the same bytes.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<String>>,
    _task: JoinSet<()>,
}

impl Server {
    async fn answering(answer: &'static str, hold: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, seen) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Mutex::new(String::new())),
        );
        let mut task = JoinSet::new();
        let (count, kept) = (connections.clone(), seen.clone());
        task.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                open.spawn(serve(socket, answer, hold, kept.clone()));
            }
        });
        Self {
            address,
            connections,
            seen,
            _task: task,
        }
    }

    fn egress(&self) -> Egress {
        let allowed = Allowed {
            host: self.address.ip().to_string(),
            port: self.address.port(),
        };
        Egress::new(&Config::allowing([allowed])).unwrap()
    }

    fn url(&self) -> String {
        format!("http://{}/path?secret=1", self.address)
    }
}

async fn serve(mut socket: TcpStream, answer: &str, hold: bool, seen: Arc<Mutex<String>>) {
    let mut buffer = [0; 4096];
    let read = socket.read(&mut buffer).await.unwrap_or(0);
    seen.lock()
        .unwrap()
        .push_str(&String::from_utf8_lossy(&buffer[..read]));
    socket.write_all(answer.as_bytes()).await.ok();
    if hold {
        // Returns once the other side has closed.
        let end = socket.read(&mut buffer).await.unwrap_or(0);
        seen.lock()
            .unwrap()
            .push_str(if end == 0 { "[closed]" } else { "[more]" });
    }
}

fn get(url: impl Into<String>) -> Request {
    Request {
        timeout: Duration::from_secs(5),
        ..Request::new("GET", url)
    }
}

#[tokio::test]
async fn nothing_private_is_reached() {
    let canary = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let port = canary.address.port();
    let egress = Egress::new(&Config::closed()).unwrap();
    let hosts = [
        "127.0.0.1",
        "0",
        "0.0.0.0",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "[fc00::1]",
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "100.64.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "metadata.google.internal",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "①②⑦.0.0.1",
        "ok@127.0.0.1",
        "127.0.0.1#@ok",
    ];
    for host in hosts {
        for scheme in ["http", "https"] {
            let outcome = egress
                .request(get(format!("{scheme}://{host}:{port}/")))
                .await;
            let refused = matches!(outcome, Err(Error::Blocked { .. } | Error::InvalidUrl(_)));
            // `127.0.0.1#@ok:port` names port 80 of loopback.
            assert!(refused, "{scheme}://{host}: {outcome:?}");
        }
    }
    for url in [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://example.com/",
        "unix:/run/docker.sock",
        "data:text/plain,x",
        "jar:x",
        "//x",
        "",
    ] {
        assert!(
            matches!(egress.request(get(url)).await, Err(Error::InvalidUrl(_))),
            "{url}"
        );
    }
    for port in [22, 4222, 5432, 27017, 2375] {
        assert!(
            matches!(
                egress
                    .request(get(format!("http://example.com:{port}/")))
                    .await,
                Err(Error::Blocked { .. })
            ),
            "{port}"
        );
    }
    assert_eq!(canary.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_checked_when_it_is_used() {
    let canary = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let answers: Vec<Vec<&str>> = vec![
        vec!["127.0.0.1"],
        vec!["8.8.8.8", "127.0.0.1"],
        vec!["2606:4700::1111", "::1"],
        vec!["::ffff:127.0.0.1"],
        vec![],
    ];
    for answer in answers {
        let addresses: Vec<IpAddr> = answer.iter().map(|text| text.parse().unwrap()).collect();
        let lookup: Lookup = Arc::new(move |_| {
            let addresses = addresses.clone();
            async move { Ok(addresses) }.boxed()
        });
        let egress = Egress::with_lookup(&Config::closed(), lookup).unwrap();
        let outcome = egress
            .request(get(format!(
                "http://rebind.example:{}/",
                canary.address.port()
            )))
            .await;
        assert!(
            matches!(outcome, Err(Error::Blocked { .. } | Error::Resolve(_))),
            "{answer:?}: {outcome:?}"
        );
    }
    assert_eq!(canary.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_operator_opens_one_address_and_one_port() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Answer: a\r\n\r\nhi",
        false,
    )
    .await;
    let egress = server.egress();
    let response = egress.request(get(server.url())).await.unwrap();
    assert_eq!(
        (
            response.status,
            &response.body[..],
            response.header("x-answer")
        ),
        (200, &b"hi"[..], Some("a"))
    );
    let other = Server::answering("", false).await;
    assert!(matches!(
        egress.request(get(other.url())).await,
        Err(Error::Blocked { .. })
    ));
    assert_eq!(other.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = Server::answering(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
        false,
    )
    .await;
    let response = server.egress().request(get(server.url())).await.unwrap();
    assert_eq!(
        (response.status, response.header("location")),
        (302, Some("http://169.254.169.254/"))
    );
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn answers_have_bounds() {
    let large = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nx", true).await;
    let request = Request {
        max_response_bytes: 1000,
        ..get(large.url())
    };
    assert!(matches!(
        large.egress().request(request).await,
        Err(Error::TooLarge { limit: 1000, .. })
    ));
    let unannounced = Server::answering("HTTP/1.1 200 OK\r\n\r\n0123456789", false).await;
    let request = Request {
        max_response_bytes: 5,
        ..get(unannounced.url())
    };
    assert!(matches!(
        unannounced.egress().request(request).await,
        Err(Error::TooLarge { .. })
    ));
    let silent = Server::answering("", true).await;
    let request = Request {
        timeout: Duration::from_millis(100),
        ..get(silent.url())
    };
    let error = silent.egress().request(request).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)));
    assert!(!error.to_string().contains("secret"));
    let cut = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", false).await;
    assert!(matches!(
        cut.egress().request(get(cut.url())).await,
        Err(Error::Broken(_))
    ));
    let garbage = Server::answering("SSH-2.0-OpenSSH\r\n\r\n", false).await;
    assert!(garbage.egress().request(get(garbage.url())).await.is_err());
}

#[tokio::test]
async fn a_credential_goes_to_its_host_alone() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let credential = |host: &str| {
        Some(Credential {
            header: "x-api-key".into(),
            value: "sk-canary".into(),
            host: host.into(),
        })
    };
    let wrong = Request {
        credential: credential("api.example.com"),
        ..get(server.url())
    };
    let error = server.egress().request(wrong).await.unwrap_err();
    assert!(matches!(error, Error::CredentialHost { .. }) && !error.to_string().contains("canary"));
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    let right = Request {
        credential: credential("127.0.0.1"),
        ..get(server.url())
    };
    server.egress().request(right).await.unwrap();
    assert!(server.seen.lock().unwrap().contains("x-api-key: sk-canary"));
    let smuggled = Request {
        headers: vec![("Host".into(), "evil".into())],
        ..get(server.url())
    };
    assert!(matches!(
        server.egress().request(smuggled).await,
        Err(Error::InvalidHeader(_))
    ));
    let split = Request {
        headers: vec![("x-a".into(), "a\r\nx-b: c".into())],
        ..get(server.url())
    };
    assert!(matches!(
        server.egress().request(split).await,
        Err(Error::InvalidHeader(_))
    ));
}

#[tokio::test]
async fn a_dropped_stream_closes_the_connection() {
    let server =
        Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin", true).await;
    let stream = server.egress().stream(get(server.url())).await.unwrap();
    let mut body = Box::pin(stream.into_body());
    assert_eq!(&body.next().await.unwrap().unwrap()[..], b"begin");
    drop(body);
    let closed = async {
        while !server.seen.lock().unwrap().contains("[closed]") {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(Duration::from_secs(5), closed)
        .await
        .expect("the connection is closed");
}

#[tokio::test]
async fn a_name_that_is_allowed_at_one_port_is_checked_at_all_others() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let canary = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let config = Config::allowing([Allowed {
        host: "models.example".into(),
        port: server.address.port(),
    }]);
    let lookup: Lookup = Arc::new(|_| async { Ok(vec![[127, 0, 0, 1].into()]) }.boxed());
    let egress = Egress::with_lookup(&config, lookup).unwrap();
    let url = |server: &Server| format!("http://models.example:{}/", server.address.port());
    egress.request(get(url(&server))).await.unwrap();
    assert!(matches!(
        egress.request(get(url(&canary))).await,
        Err(Error::Blocked { .. })
    ));
    assert_eq!(canary.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_turns_private_is_refused_from_then_on() {
    let calls = AtomicUsize::new(0);
    let guard = Guard(Arc::new(move |_| {
        let public = calls.fetch_add(1, Ordering::SeqCst) == 0;
        let address = if public { [1, 1, 1, 1] } else { [127, 0, 0, 1] };
        async move { Ok(vec![address.into()]) }.boxed()
    }));
    let resolve = || reqwest::dns::Resolve::resolve(&guard, "rebind.example".parse().unwrap());
    let first: Vec<SocketAddr> = resolve().await.unwrap().collect();
    assert_eq!(first, vec![SocketAddr::from(([1, 1, 1, 1], 0))]);
    for _ in 0..1000 {
        assert!(resolve().await.is_err());
    }
}

#[tokio::test]
async fn no_redirect_is_followed_whatever_its_status_and_target() {
    let canary = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let allowed = |server: &Server| server.address.to_string().parse::<Allowed>().unwrap();
    for status in [301, 302, 303, 307, 308] {
        let location = canary.url();
        let answer =
            format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let server = Server::answering(answer.leak(), false).await;
        // Even where the operator allows the place that the redirect names.
        let config = Config::allowing([allowed(&server), allowed(&canary)]);
        let egress = Egress::new(&config).unwrap();
        let response = egress.request(get(server.url())).await.unwrap();
        assert_eq!(response.status, status);
    }
    assert_eq!(canary.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn silence_ends_in_time_at_each_stage() {
    for answer in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        let server = Server::answering(answer, true).await;
        let request = Request {
            timeout: Duration::from_millis(150),
            ..get(server.url())
        };
        let outcome = server.egress().request(request).await;
        assert!(
            matches!(outcome, Err(Error::Timeout(_))),
            "{answer:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn requests_over_the_bound_wait_within_their_time() {
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\n", true).await;
    let config = Config {
        max_open: 1,
        ..Config::allowing([server.address.to_string().parse().unwrap()])
    };
    let egress = Egress::new(&config).unwrap();
    let open = egress.stream(get(server.url())).await.unwrap().into_body();
    let request = Request {
        timeout: Duration::from_millis(100),
        ..get(server.url())
    };
    assert!(matches!(
        egress.stream(request).await,
        Err(Error::Timeout(_))
    ));
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    drop(open);
    egress.stream(get(server.url())).await.unwrap();
}

#[tokio::test]
async fn floods_of_headers_are_refused_in_both_directions() {
    let many = "x: y\r\n".repeat(100_000);
    let answer = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
    let server = Server::answering(answer.leak(), false).await;
    let outcome = server.egress().request(get(server.url())).await;
    assert!(matches!(outcome, Err(Error::Broken(_))), "{outcome:?}");
    let request = Request {
        headers: vec![("x".into(), "y".into()); 100_000],
        ..get(server.url())
    };
    let outcome = server.egress().request(request).await;
    assert!(
        matches!(outcome, Err(Error::InvalidHeader(_))),
        "{outcome:?}"
    );
}

/// A server that answers one request after the other on each connection.
async fn patient(answer: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let (mut task, count) = (JoinSet::new(), connections.clone());
    task.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            open.spawn(async move {
                let mut buffer = [0; 4096];
                while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    socket.write_all(answer.as_bytes()).await.ok();
                }
            });
        }
    });
    Server {
        address,
        connections,
        seen: Arc::default(),
        _task: task,
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_whole_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ] {
        let server = patient(answer).await;
        let egress = server.egress();
        for _ in 0..3 {
            egress.request(get(server.url())).await.unwrap();
        }
        // Who has heard enough need not read the end.
        let mut body = Box::pin(egress.stream(get(server.url())).await.unwrap().into_body());
        body.next().await;
        drop(body);
        egress.request(get(server.url())).await.unwrap();
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "{answer}");
        let url = server.url().replace("127.0.0.1", "127.1");
        egress.request(get(url)).await.unwrap();
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_connection_is_not_used_again_after_a_part_of_an_answer() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin";
    let server = patient(answer).await;
    let egress = server.egress();
    for asked in 1..=3 {
        let mut body = Box::pin(egress.stream(get(server.url())).await.unwrap().into_body());
        assert_eq!(&body.next().await.unwrap().unwrap()[..], b"begin");
        drop(body);
        assert_eq!(server.connections.load(Ordering::SeqCst), asked);
    }
}

#[tokio::test]
async fn many_at_a_time_have_a_connection_each_and_share_them_later() {
    let server = patient("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let egress = server.egress();
    for _ in 0..3 {
        let asked = (0..20).map(|_| egress.request(get(server.url())));
        for answer in futures::future::join_all(asked).await {
            assert_eq!(&answer.unwrap().body[..], b"hi");
        }
    }
    assert!(server.connections.load(Ordering::SeqCst) <= 20);
}
