//! As little of an HTTP/1.0 client as these tests need: 1.0, so that the end of
//! the answer is the end of the connection.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) async fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (String, String) {
    exchange(address, "POST", path, headers, body).await
}

pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> (String, String) {
    exchange(address, "GET", path, headers, "").await
}

/// The head and the body of the answer, as far as it came.
async fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (String, String) {
    let mut request = format!(
        "{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    let mut connection = TcpStream::connect(address).await.expect("it listens");
    connection
        .write_all(request.as_bytes())
        .await
        .expect("the request is sent");
    let mut answer = Vec::new();
    // A connection that is cut may end in an error: what came is what counts.
    connection.read_to_end(&mut answer).await.ok();
    let answer = String::from_utf8(answer).expect("the answer is text");
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .expect("the answer has a head");
    (head.to_lowercase(), body.to_owned())
}
