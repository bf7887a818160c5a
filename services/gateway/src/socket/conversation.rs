//! One open socket: frames of the client in, events of what it subscribed to out.
//!
//! **Invariant:** what waits for a client is bounded: the next events, [`TOGETHER`] at most, are taken from their streams
//! only when those before were sent, and a client that takes nothing for [`STALL`] is closed. No socket outlives its access token.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use contracts::{
    ErrorCode, Problem,
    chat::{ChatEvent, GetSession},
    id::{ChatId, MessageId},
};
use futures::{
    FutureExt, SinkExt, StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use poem::web::websocket::{Message, WebSocketStream};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::frames::{self, Refused, Target, Wish};
use crate::{
    caller::Caller,
    live::{Item, Resume, Said, Shown, answer, follow},
};

const MAX_SUBSCRIPTIONS: usize = 64;
/// Of a client's frame, in bytes.
const MAX_FRAME: usize = 16 * 1024;
/// Events that are written at once, where so many are there.
const TOGETHER: usize = 32;
/// How long a client may leave events untaken.
const STALL: Duration = Duration::from_secs(10);
/// How often the access token is looked at.
const CHECK: Duration = Duration::from_secs(1);
/// How long the client may take to answer that the socket is closed.
const GOODBYE: Duration = Duration::from_secs(5);

/// Why a socket ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The client has gone.
    Gone,
    /// We close, with a code (RFC 6455, section 7.4) and its reason.
    Close(u16, &'static str),
}

const SHUTDOWN: Ending = Ending::Close(1001, "this gateway shuts down: connect again");
const NOT_READABLE: Ending = Ending::Close(1002, "a frame is malformed or above 64 KiB");
const NOT_TEXT: Ending = Ending::Close(1003, "frames are text");
const TOO_BIG: Ending = Ending::Close(1009, "a frame has up to 16 KiB");
const TOO_SLOW: Ending = Ending::Close(1013, "events were not read in time: connect again");
const TOKEN_OVER: Ending = Ending::Close(4401, "the access token expired or was revoked");

/// Holds the conversation until one side ends it.
pub(super) async fn hold(mut socket: WebSocketStream, caller: &Caller) {
    let begun = Instant::now();
    let ending = tokio::select! {
        biased;
        () = caller.gate.stop.cancelled() => SHUTDOWN,
        () = token_over(caller) => TOKEN_OVER,
        ending = converse(&mut socket, caller) => ending,
    };
    let code = match ending {
        Ending::Gone => None,
        Ending::Close(code, reason) => {
            close(&mut socket, code, reason).await;
            Some(code)
        }
    };
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let tenant = caller.principal.tenant;
    tracing::info!(tenant.id = %tenant, websocket.close_code = code, duration_ms, "a socket is closed");
}

async fn token_over(caller: &Caller) {
    let mut check = interval(CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        check.tick().await;
        let verdict = caller.gate.verifier.verify(&caller.token).await;
        if verdict.is_err_and(|problem| problem.code == ErrorCode::Unauthenticated) {
            return;
        }
    }
}

async fn converse(socket: &mut WebSocketStream, caller: &Caller) -> Ending {
    let mut subscriptions = Subscriptions::new(caller);
    let pause = caller.gate.config.socket_ping();
    let silence = pause.mul_f32(2.5);
    let mut ping = interval_at(Instant::now() + pause, pause);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_at = Instant::now();
    loop {
        let messages = tokio::select! {
            incoming = socket.next() => {
                heard_at = Instant::now();
                match text_of(incoming) {
                    Ok(Some(text)) => Vec::from_iter(subscriptions.hear(&text).map(Message::Text)),
                    Ok(None) => Vec::new(),
                    Err(ending) => return ending,
                }
            }
            Some((id, news)) = subscriptions.news.next() => {
                let mut messages = vec![Message::Text(subscriptions.tell(&id, &news))];
                while messages.len() < TOGETHER
                    && let Some(Some((id, news))) = subscriptions.news.next().now_or_never()
                {
                    messages.push(Message::Text(subscriptions.tell(&id, &news)));
                }
                messages
            }
            _ = ping.tick() => {
                if heard_at.elapsed() > silence {
                    return Ending::Gone;
                }
                vec![Message::ping(Vec::new())]
            }
        };
        if messages.is_empty() {
            continue;
        }
        match timeout(STALL, send(socket, messages)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ending::Gone,
            Err(_) => return TOO_SLOW,
        }
    }
}

/// Writes them all at once.
async fn send(socket: &mut WebSocketStream, messages: Vec<Message>) -> io::Result<()> {
    for message in messages {
        socket.feed(message).await?;
    }
    socket.flush().await
}

/// The text of a client's frame; none where the frame asks for nothing.
fn text_of(incoming: Option<io::Result<Message>>) -> Result<Option<String>, Ending> {
    match incoming {
        None => Err(Ending::Gone),
        Some(Err(error)) if error.kind() == io::ErrorKind::Other => Err(NOT_READABLE),
        Some(Err(_)) => Err(Ending::Gone),
        Some(Ok(Message::Text(text))) if text.len() > MAX_FRAME => Err(TOO_BIG),
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Binary(_))) => Err(NOT_TEXT),
        // The library answers pings and closes by itself.
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => Ok(None),
    }
}

async fn close(socket: &mut WebSocketStream, code: u16, reason: &str) {
    let goodbye = async {
        if socket.send(Message::close_with(code, reason)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // Who does not answer is left without.
    timeout(GOODBYE, goodbye).await.ok();
}

/// What a subscription has to tell.
enum News {
    Frame(Arc<Shown>),
    Said(ChatEvent),
    /// It ends for this reason.
    Problem(Problem),
    /// It ends because there is nothing more to come.
    End,
}

impl From<Item> for News {
    fn from(item: Item) -> Self {
        match item {
            Item::Event(frame) => Self::Frame(frame),
            Item::Problem(problem) => Self::Problem(problem),
        }
    }
}

impl From<Said> for News {
    fn from(said: Said) -> Self {
        match said {
            Said::Event(event) => Self::Said(event),
            Said::Problem(problem) => Self::Problem(problem),
        }
    }
}

struct Subscriptions<'a> {
    caller: &'a Caller,
    /// A dropped guard ends the stream.
    open: HashMap<Arc<str>, DropGuard>,
    news: SelectAll<BoxStream<'static, (Arc<str>, News)>>,
}

impl<'a> Subscriptions<'a> {
    fn new(caller: &'a Caller) -> Self {
        Self {
            caller,
            open: HashMap::new(),
            news: SelectAll::new(),
        }
    }

    /// What is answered at once.
    fn hear(&mut self, text: &str) -> Option<String> {
        let parsed = frames::parse(text);
        let tenant = self.caller.principal.tenant;
        let allowed = self.caller.gate.limits.take(tenant);
        let done = match (parsed, allowed) {
            (Err(refused), _) => Err(refused),
            (Ok(Wish::Subscribe { id, .. }), Err(problem)) => Err(Refused {
                id: Some(id),
                problem,
            }),
            (Ok(Wish::Unsubscribe { .. } | Wish::Ping), Err(problem)) => {
                Err(Refused { id: None, problem })
            }
            (Ok(Wish::Ping), Ok(())) => return Some(frames::PONG.to_owned()),
            (Ok(Wish::Unsubscribe { id }), Ok(())) => {
                self.open.remove(id.as_str());
                return Some(frames::end(&id));
            }
            (Ok(Wish::Subscribe { id, to, after }), Ok(())) => self.subscribe(id, to, after),
        };
        let Refused { id, problem } = done.err()?;
        let id = id.filter(|id| !self.open.contains_key(id.as_str()));
        Some(frames::problem(id.as_deref(), &problem))
    }

    fn subscribe(&mut self, id: String, to: Target, after: u64) -> Result<(), Refused> {
        let conflict = if self.open.contains_key(id.as_str()) {
            let detail = format!("the id `{id}` has a subscription already, which goes on");
            Some(Problem::new(ErrorCode::Conflict, detail).with_reason("id_taken"))
        } else if self.open.len() >= MAX_SUBSCRIPTIONS {
            let detail = format!("a socket carries up to {MAX_SUBSCRIPTIONS} subscriptions");
            Some(Problem::new(ErrorCode::Conflict, detail).with_reason("too_many_subscriptions"))
        } else {
            None
        };
        if let Some(problem) = conflict {
            let id = Some(id);
            return Err(Refused { id, problem });
        }
        let (id, over): (Arc<str>, _) = (Arc::from(id), CancellationToken::new());
        let name = id.clone();
        let news = stream::once(open(self.caller.clone(), to, after)).flatten();
        let news = news.take_until(over.clone().cancelled_owned());
        self.news
            .push(news.map(move |news| (name.clone(), news)).boxed());
        self.open.insert(id, over.drop_guard());
        Ok(())
    }

    fn tell(&mut self, id: &str, news: &News) -> String {
        match news {
            News::Frame(frame) => frames::written(id, frame.json()),
            News::Said(event) => frames::event(id, event),
            News::Problem(problem) => {
                self.open.remove(id);
                frames::problem(Some(id), problem)
            }
            News::End => {
                self.open.remove(id);
                frames::end(id)
            }
        }
    }
}

/// The news of one subscription; the last is the end or the problem that ended it.
async fn open(caller: Caller, to: Target, after: u64) -> BoxStream<'static, News> {
    let ended = |news: BoxStream<'static, News>| news.chain(stream::once(async { News::End }));
    match attach(caller, to, after).await {
        Ok(news) => ended(news).boxed(),
        Err(problem) => stream::once(async { News::Problem(problem) }).boxed(),
    }
}

async fn attach(
    caller: Caller,
    to: Target,
    after: u64,
) -> Result<BoxStream<'static, News>, Problem> {
    match to {
        Target::Execution(execution) => Ok(match follow(caller, execution, after).await? {
            Resume::Stream(items) => items.map(News::from).boxed(),
            Resume::AtTheEnd => stream::empty().boxed(),
        }),
        Target::Answer { session, message } => {
            let message = match message {
                Some(message) => message,
                None => shown(&caller, session).await?,
            };
            let said = answer(caller, session, message, after).await?;
            Ok(said.map(News::from).boxed())
        }
    }
}

/// The last message of the branch that is shown: the answer that is being made, where one is.
async fn shown(caller: &Caller, session_id: ChatId) -> Result<MessageId, Problem> {
    let session = caller.ask_soon(&GetSession { session_id }).await?;
    session.head.ok_or_else(|| {
        let detail = format!("chat session `{session_id}` has no answer yet");
        Problem::new(ErrorCode::NotFound, detail)
    })
}
