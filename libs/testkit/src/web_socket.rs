//! A WebSocket client that speaks JSON, and can break off as a lost connection does.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderName, http::HeaderValue},
};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open socket; dropping it cuts the connection without a word.
pub struct WebSocket(WebSocketStream<TcpStream>);

/// What comes in.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Frame(Value),
    /// The other side asks whether we are there.
    Ping,
    /// The other side closed, with its code.
    Closed(Option<u16>),
}

/// The answer of a server that did not upgrade.
#[derive(Debug)]
pub struct NotUpgraded {
    /// 0 where no answer came at all.
    pub status: u16,
    pub body: Value,
}

impl NotUpgraded {
    fn silent(error: &dyn std::error::Error) -> Self {
        Self {
            status: 0,
            body: Value::String(error.to_string()),
        }
    }
}

impl WebSocket {
    /// Opens a socket at `host:port`.
    ///
    /// # Errors
    /// [`NotUpgraded`].
    pub async fn open(
        address: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, NotUpgraded> {
        let connection = TcpStream::connect(address).await;
        let connection = connection.map_err(|error| NotUpgraded::silent(&error))?;
        Self::over(connection, path, headers).await
    }

    /// Opens a socket over a connection.
    ///
    /// # Errors
    /// [`NotUpgraded`].
    ///
    /// # Panics
    /// When a header is none.
    pub async fn over(
        connection: TcpStream,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, NotUpgraded> {
        let address = connection.peer_addr();
        let address = address.map_err(|error| NotUpgraded::silent(&error))?;
        let mut request = format!("ws://{address}{path}")
            .into_client_request()
            .expect("a URL");
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header's name");
            let value = HeaderValue::from_str(value).expect("a header's value");
            request.headers_mut().insert(name, value);
        }
        match client_async(request, connection).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(NotUpgraded {
                status: response.status().as_u16(),
                body: serde_json::from_slice(response.body().as_deref().unwrap_or_default())
                    .unwrap_or_default(),
            }),
            Err(error) => Err(NotUpgraded::silent(&error)),
        }
    }

    /// As [`WebSocket::send`]; whether the connection still stood.
    pub async fn try_send(&mut self, frame: &Value) -> bool {
        self.0.send(Message::text(frame.to_string())).await.is_ok()
    }

    /// # Panics
    /// When the connection is lost.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(frame.to_string()).await;
    }

    /// # Panics
    /// When the connection is lost.
    pub async fn send_text(&mut self, text: String) {
        let sent = self.0.send(Message::text(text)).await;
        sent.expect("the connection stands");
    }

    /// # Panics
    /// When the connection is lost.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        let sent = self.0.send(Message::binary(bytes)).await;
        sent.expect("the connection stands");
    }

    /// What comes next. A connection that is lost is closed without a code.
    ///
    /// # Panics
    /// When nothing comes.
    pub async fn hear(&mut self) -> Heard {
        loop {
            let next = timeout(PATIENCE, self.0.next()).await;
            return match next.expect("something comes within a minute") {
                Some(Ok(Message::Text(text))) => {
                    Heard::Frame(serde_json::from_str(&text).expect("JSON"))
                }
                Some(Ok(Message::Ping(_))) => Heard::Ping,
                Some(Ok(Message::Close(frame))) => {
                    Heard::Closed(frame.map(|frame| frame.code.into()))
                }
                Some(Ok(Message::Binary(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(_)) | None => Heard::Closed(None),
            };
        }
    }

    /// The next frame, whatever pings come before.
    ///
    /// # Panics
    /// When the socket is closed.
    pub async fn frame(&mut self) -> Value {
        loop {
            match self.hear().await {
                Heard::Frame(frame) => return frame,
                Heard::Ping => {}
                Heard::Closed(code) => panic!("the socket is closed: {code:?}"),
            }
        }
    }

    /// The code that the other side closes with, whatever comes before.
    ///
    /// # Panics
    /// When it does not close.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.hear().await {
                return code;
            }
        }
    }
}
