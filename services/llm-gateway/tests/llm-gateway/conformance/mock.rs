//! A server that says what it is told to say, piece by piece, and notes what it was asked.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{StreamExt, stream};
use poem::{
    Body, Request, Response, Server, endpoint::make, http::StatusCode, listener::TcpAcceptor,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time};

/// The pause between two pieces of an endless answer.
const AGAIN: Duration = Duration::from_millis(20);

/// One answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    InOrder,
    /// The connection breaks.
    Cut,
    /// The last piece comes again and again, until the other side leaves.
    Endless,
}

impl Script {
    pub(crate) fn refusal(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".into())],
            parts: vec![body.to_string().into_bytes()],
            end: End::InOrder,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// The same bytes, one at a time.
    pub(crate) fn byte_by_byte(mut self) -> Self {
        self.parts = self.parts.concat().chunks(1).map(<[u8]>::to_vec).collect();
        self
    }
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
    /// The body, byte for byte.
    pub(crate) text: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Heard {
    script: VecDeque<Script>,
    asked: Vec<Asked>,
}

pub(crate) struct Mock {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    /// Endless answers that were left.
    left: watch::Receiver<u32>,
    _serving: JoinSet<std::io::Result<()>>,
}

/// Tells when an endless answer is dropped.
struct Leaves(watch::Sender<u32>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.send_modify(|left| *left += 1);
    }
}

impl Mock {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (told, left) = watch::channel(0);
        let shared = heard.clone();
        let endpoint = make(move |request| answer(request, shared.clone(), told.clone()));
        let mut serving = JoinSet::new();
        serving.spawn(Server::new_with_acceptor(acceptor).run(endpoint));
        Self {
            address,
            heard,
            left,
            _serving: serving,
        }
    }

    pub(crate) fn script(&self, script: Script) {
        self.heard.lock().unwrap().script.push_back(script);
    }

    pub(crate) fn forget_script(&self) {
        self.heard.lock().unwrap().script.clear();
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.heard.lock().unwrap().asked.clone()
    }

    pub(crate) fn last(&self) -> Asked {
        self.asked().pop().unwrap()
    }

    pub(crate) fn left(&self) -> watch::Receiver<u32> {
        self.left.clone()
    }
}

async fn answer(
    mut request: Request,
    heard: Arc<Mutex<Heard>>,
    told: watch::Sender<u32>,
) -> poem::Result<Response> {
    let path = request.original_uri().to_string();
    let headers = request.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let headers = headers.collect();
    let text = request.take_body().into_string().await?;
    let script = {
        let mut heard = heard.lock().unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        heard.asked.push(Asked {
            path,
            headers,
            body,
            text,
        });
        heard.script.pop_front()
    };
    let Some(script) = script else {
        return Ok(Response::builder()
            .status(StatusCode::IM_A_TEAPOT)
            .body("no answer is scripted"));
    };
    let mut response = Response::builder().status(StatusCode::from_u16(script.status).unwrap());
    for (name, value) in script.headers {
        response = response.header(name, value);
    }
    if script.end == End::Cut {
        // More was promised.
        response = response.header("content-length", "1000000");
    }
    let last = script.parts.last().cloned().unwrap_or_default();
    let parts = stream::iter(script.parts.into_iter().map(Ok::<_, std::io::Error>));
    let body = match script.end {
        End::InOrder => Body::from_bytes_stream(parts),
        End::Cut => {
            let cut = async {
                // What was said before is sent while this is waited for.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            };
            Body::from_bytes_stream(parts.chain(stream::once(cut)))
        }
        End::Endless => {
            let more = stream::unfold(
                (time::interval(AGAIN), last, Leaves(told)),
                |(mut interval, part, leaves)| async move {
                    interval.tick().await;
                    let said = Ok(part.clone());
                    Some((said, (interval, part, leaves)))
                },
            );
            Body::from_bytes_stream(parts.chain(more))
        }
    };
    Ok(response.body(body))
}
