//! Connections over plain HTTP/1.1, each driven by the task that asks over it: no other task has to be woken to send a
//! request, nor for each piece of its answer.
//!
//! **Invariant:** a connection is used again only after an answer that was read to its end, and not after [`IDLE`].

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{Stream, task::AtomicWaker};
use http_body_util::Full;
use hyper::{
    Response,
    body::{Body, Incoming},
    client::conn::http1::{self, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A crowd to one server comes again: its connections are made once.
pub(crate) const MAX_IDLE: usize = 256;
pub(crate) const IDLE: Duration = Duration::from_secs(60);

pub(crate) type Request = hyper::Request<Full<Bytes>>;

/// Where a lane leads.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Its addresses are not checked, so it is never used for a place whose addresses are.
    pub(crate) allowed: bool,
}

/// A connection, and the right to ask over it.
pub(crate) struct Lane {
    ask: SendRequest<Full<Bytes>>,
    wire: Wire,
}

struct Wire {
    connection: Pin<Box<Connection<TokioIo<TcpStream>, Full<Bytes>>>>,
    /// It must not be driven any more.
    is_over: bool,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Wakes the task that drives a wire, but not for what that task does itself: it would run once more for nothing.
#[derive(Default)]
struct Bell {
    task: AtomicWaker,
    is_muted: AtomicBool,
    has_rung: AtomicBool,
}

/// Why there is no answer.
pub(crate) enum Lost {
    /// The request was not sent, and may be sent over another lane.
    Unsent(Box<Request>),
    /// It was sent, in part at least.
    Broken,
}

impl Lane {
    pub(crate) async fn over(socket: TcpStream) -> Result<Self, hyper::Error> {
        let (ask, connection) = http1::handshake(TokioIo::new(socket)).await?;
        let bell = Arc::new(Bell::default());
        let wire = Wire {
            connection: Box::pin(connection),
            is_over: false,
            waker: bell.clone().into(),
            bell,
        };
        Ok(Self { ask, wire })
    }

    pub(crate) async fn send(&mut self, request: Request) -> Result<Response<Incoming>, Lost> {
        let mut answer = pin!(self.ask.try_send_request(request));
        let wire = &mut self.wire;
        poll_fn(|cx| {
            wire.advance(cx);
            // It comes by the wire, which wakes this task already.
            match answer.as_mut().poll(&mut quiet()) {
                Poll::Ready(Ok(answer)) => Poll::Ready(Ok(answer)),
                Poll::Ready(Err(mut error)) => Poll::Ready(Err(match error.take_message() {
                    Some(request) => Lost::Unsent(Box::new(request)),
                    None => Lost::Broken,
                })),
                Poll::Pending if wire.is_over => Poll::Ready(Err(Lost::Broken)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Whether a request may follow.
    fn is_open(&mut self) -> bool {
        self.wire.advance(&mut quiet());
        !self.wire.is_over && self.ask.is_ready()
    }
}

impl Wire {
    /// Moves what can be moved.
    fn advance(&mut self, cx: &mut Context<'_>) {
        if !self.is_over {
            self.bell.task.register(cx.waker());
            let mut cx = Context::from_waker(&self.waker);
            self.is_over = self.connection.as_mut().poll(&mut cx).is_ready();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::SeqCst);
        if !self.is_muted.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

impl Bell {
    /// What `take` finds. Where it finds something, the wire is driven again in any case: whoever reads an answer asks for
    /// the next piece.
    fn muted<T>(&self, take: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.has_rung.store(false, Ordering::SeqCst);
        self.is_muted.store(true, Ordering::SeqCst);
        let taken = take();
        self.is_muted.store(false, Ordering::SeqCst);
        if taken.is_pending() && self.has_rung.load(Ordering::SeqCst) {
            self.task.wake();
        }
        taken
    }
}

/// Somebody else sees to it that this task is woken.
fn quiet() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Lanes that nobody asks over at present.
#[derive(Clone, Default)]
pub(crate) struct Idle(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    lanes: HashMap<Place, Vec<(Instant, Lane)>>,
    swept: Option<Instant>,
}

impl Idle {
    /// A lane that the other side has not closed.
    pub(crate) fn take(&self, place: &Place) -> Option<Lane> {
        loop {
            let (since, mut lane) = self.lock().lanes.get_mut(place)?.pop()?;
            if since.elapsed() < IDLE && lane.is_open() {
                return Some(lane);
            }
        }
    }

    fn put(&self, place: Place, lane: Lane) {
        let now = Instant::now();
        let mut shelf = self.lock();
        if shelf.swept.is_none_or(|swept| now - swept > IDLE / 4) {
            shelf.swept = Some(now);
            shelf.lanes.retain(|_, lanes| {
                lanes.retain(|(since, _)| now - *since < IDLE);
                !lanes.is_empty()
            });
        }
        let lanes = shelf.lanes.entry(place).or_default();
        if lanes.len() < MAX_IDLE {
            lanes.push((now, lane));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // Nothing is half-written when a holder panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer. Dropping it closes the connection, unless the answer has ended.
pub(crate) struct Answer {
    length: Option<u64>,
    /// None once there is nothing more to come.
    lane: Option<(Lane, Incoming)>,
    place: Place,
    idle: Idle,
}

impl Answer {
    pub(crate) fn new(lane: Lane, body: Incoming, place: Place, idle: Idle) -> Self {
        Self {
            length: body.size_hint().exact(),
            lane: Some((lane, body)),
            place,
            idle,
        }
    }

    /// How many bytes it has, where that was announced.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    fn end(&mut self) {
        let Some((mut lane, body)) = self.lane.take() else {
            return;
        };
        drop(body);
        if lane.is_open() {
            self.idle.put(self.place.clone(), lane);
        }
    }
}

impl Stream for Answer {
    type Item = Result<Bytes, hyper::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some((lane, body)) = &mut self.lane else {
            return Poll::Ready(None);
        };
        let bell = lane.wire.bell.clone();
        let mut next = bell.muted(|| piece(body));
        if next.is_pending() {
            // Whatever comes, comes by the wire.
            lane.wire.advance(cx);
            next = bell.muted(|| piece(body));
        }
        match next {
            Poll::Ready(None) => self.end(),
            Poll::Ready(Some(Err(_))) => self.lane = None,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        next
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // Who has heard enough may have left the end of an answer unread that is there.
        self.end();
    }
}

/// The next bytes that have been read off the wire.
fn piece(body: &mut Incoming) -> Poll<Option<Result<Bytes, hyper::Error>>> {
    loop {
        let frame = match Pin::new(&mut *body).poll_frame(&mut quiet()) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        // Trailers say nothing to anyone here.
        if let Ok(bytes) = frame.into_data() {
            return Poll::Ready(Some(Ok(bytes)));
        }
    }
}
