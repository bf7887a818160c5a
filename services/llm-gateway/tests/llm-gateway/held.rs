//! A vendor that begins an answer, holds it, and notices when nobody listens any more.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

const BEGIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Once upon a time\"}}]}\n\n";

/// What it does after it was asked.
#[derive(Clone)]
pub(crate) enum Habit {
    /// Says nothing.
    Silent,
    /// Begins to speak and goes on for ever.
    Speaks,
    /// Says this much of a longer answer and hangs up.
    Cuts(String),
}

pub(crate) struct Held {
    pub(crate) address: SocketAddr,
    /// Connections that were asked something, and that were left.
    counts: watch::Receiver<(u32, u32)>,
    _serving: JoinSet<()>,
}

impl Held {
    pub(crate) async fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, counts) = watch::channel((0, 0));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(hold(connection, habit.clone(), told.clone()));
            }
        });
        Self {
            address,
            counts,
            _serving: serving,
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) async fn asked(&mut self) {
        self.counts.wait_for(|(asked, _)| *asked > 0).await.unwrap();
    }

    pub(crate) async fn left(&mut self) {
        self.counts.wait_for(|(_, left)| *left > 0).await.unwrap();
    }

    pub(crate) fn times_asked(&self) -> u32 {
        self.counts.borrow().0
    }
}

async fn hold(mut connection: TcpStream, habit: Habit, told: watch::Sender<(u32, u32)>) {
    let mut read = [0; 64 * 1024];
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        match connection.read(&mut read).await {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&read[..count]),
        }
    }
    told.send_modify(|(asked, _)| *asked += 1);
    match habit {
        Habit::Silent => {}
        Habit::Speaks => connection.write_all(BEGIN.as_bytes()).await.unwrap(),
        Habit::Cuts(said) => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 100000\r\n\r\n";
            connection
                .write_all(format!("{head}{said}").as_bytes())
                .await
                .unwrap();
            return;
        }
    }
    // What is left of the request may still come; then nothing, until the other side closes.
    while connection
        .read(&mut read)
        .await
        .is_ok_and(|count| count > 0)
    {}
    told.send_modify(|(_, left)| *left += 1);
}
