//! A NATS client that only writes lines: it can try what the bus does not offer.

use std::time::Duration;

use testkit::Nats;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

pub(crate) struct Wire {
    connection: BufReader<TcpStream>,
}

impl Wire {
    /// None where the server ends the connection.
    pub(crate) async fn connect(nats: &Nats, user: &str, password: &str) -> Option<Self> {
        let connection = TcpStream::connect(nats.address())
            .await
            .expect("the server listens");
        let mut wire = Self {
            connection: BufReader::new(connection),
        };
        let greeting = serde_json::json!({ "verbose": false, "headers": true, "user": user, "pass": password });
        wire.write(&format!("CONNECT {greeting}")).await;
        wire.errors().await.ok()?;
        Some(wire)
    }

    /// Whether the server lets the command pass.
    pub(crate) async fn may(&mut self, command: &str) -> bool {
        self.write(command).await;
        self.errors()
            .await
            .expect("the connection stands")
            .is_empty()
    }

    pub(crate) async fn write(&mut self, command: &str) {
        let bytes = format!("{command}\r\n");
        self.connection
            .get_mut()
            .write_all(bytes.as_bytes())
            .await
            .expect("written");
    }

    /// The next line that is neither a ping nor the greeting; none at the end of the connection.
    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            let read = self.connection.read_line(&mut line);
            let read = tokio::time::timeout(Duration::from_secs(20), read)
                .await
                .expect("a line in time");
            // A server that ends a connection may do so with a reset.
            if read.unwrap_or(0) == 0 {
                return None;
            }
            match line.trim_end() {
                "PING" => self.write("PONG").await,
                info if info.starts_with("INFO ") => {}
                line => return Some(line.to_owned()),
            }
        }
    }

    /// What the server objects to until it answers a ping.
    async fn errors(&mut self) -> Result<Vec<String>, ()> {
        self.write("PING").await;
        let mut errors = Vec::new();
        loop {
            match self.line().await.ok_or(())?.as_str() {
                "PONG" => return Ok(errors),
                error if error.starts_with("-ERR 'Authorization") => return Err(()),
                error if error.starts_with("-ERR") => errors.push(error.to_owned()),
                _ => {}
            }
        }
    }
}
