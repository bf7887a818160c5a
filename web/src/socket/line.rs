//! Opens the socket with a one-time ticket, keeps it while somebody listens, and opens it again when it is lost.
//!
//! **Invariant:** there is at most one socket in a tab; it is closed when nobody listens any more.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use contracts::{Problem, auth::Ticket};
use dioxus::core::spawn_forever;
use wasm_bindgen::{JsCast, prelude::*};
use web_sys::{MessageEvent, WebSocket};

use super::{Heard, Subscription, book::Book, queue::Queue};
use crate::{api, dom, live::backoff};

/// A server that says nothing for two of these is taken for lost.
const TICK_MS: i32 = 20_000;
/// Tries before anything ever came through, after which there is no socket to be had.
const FIRST_TRIES: u32 = 2;

#[derive(Default)]
struct Line {
    book: Book,
    listeners: HashMap<String, Rc<Queue<Heard>>>,
    /// The socket that stands.
    socket: Option<WebSocket>,
    running: bool,
    unavailable: bool,
}

/// What the browser tells of a socket.
enum Said {
    Open,
    Text(String),
    Closed,
    Tick,
}

thread_local! {
    static LINE: RefCell<Line> = RefCell::default();
}

pub(super) fn subscribe(execution: &str, after: u64) -> Subscription {
    let heard = Rc::new(Queue::default());
    let (id, begin) = LINE.with_borrow_mut(|line| {
        let id = line.book.add(execution, after);
        line.listeners.insert(id.clone(), heard.clone());
        if line.unavailable {
            heard.put(Heard::Unavailable);
        } else if let Some(frame) = line.socket.as_ref().and(line.book.subscribe(&id)) {
            line.say(&frame);
            heard.put(Heard::Open);
        }
        let begin = !line.running && !line.unavailable;
        line.running |= begin;
        (id, begin)
    });
    if begin {
        spawn_forever(run());
    }
    Subscription { id, heard }
}

pub(super) fn unsubscribe(id: &str) {
    LINE.with_borrow_mut(|line| {
        line.listeners.remove(id);
        if !line.book.remove(id) {
            return;
        }
        if line.book.is_empty() {
            line.hang_up();
        } else {
            line.say(&Book::unsubscribe(id));
        }
    });
}

impl Line {
    /// What is said on a socket that is closing is said again on the next one, where it still matters.
    fn say(&self, frame: &str) {
        if let Some(socket) = &self.socket {
            drop(socket.send_with_str(frame));
        }
    }

    fn hang_up(&mut self) {
        if let Some(socket) = self.socket.take() {
            drop(socket.close());
        }
    }

    fn tell_all(&self, heard: &Heard) {
        for listener in self.listeners.values() {
            listener.put(heard.clone());
        }
    }
}

/// Until nobody listens.
async fn run() {
    let (mut failures, mut stood) = (0, false);
    loop {
        let opened = match open().await {
            Ok(socket) => converse(socket).await,
            Err(problem) if problem.status == 404 => {
                failures = FIRST_TRIES;
                false
            }
            Err(_) => false,
        };
        stood |= opened;
        failures = if opened { 1 } else { failures + 1 };
        let done = LINE.with_borrow_mut(|line| {
            line.hang_up();
            line.unavailable = !stood && failures >= FIRST_TRIES;
            line.running = !line.book.is_empty() && !line.unavailable;
            line.tell_all(if line.unavailable {
                &Heard::Unavailable
            } else {
                &Heard::Lost
            });
            !line.running
        });
        if done {
            return;
        }
        #[allow(clippy::cast_possible_truncation)]
        dom::sleep_ms(backoff::pause_ms(failures, js_sys::Math::random()) as i32).await;
    }
}

async fn open() -> Result<WebSocket, Problem> {
    let ticket: Ticket = api::post("/auth/ws-ticket", &serde_json::json!({})).await?;
    let origin = dom::window().location().origin().unwrap_or_default();
    let address = format!(
        "{}/api/v1/ws?ticket={}",
        origin.replacen("http", "ws", 1),
        ticket.ticket
    );
    WebSocket::new(&address).map_err(|_| Problem::malformed("the socket's address is not valid"))
}

/// Whether the socket stood before it was closed.
async fn converse(socket: WebSocket) -> bool {
    let said = Rc::new(Queue::default());
    let ears = Ears::on(&socket, &said);
    let (mut stood, mut silent) = (false, false);
    loop {
        match said.next().await {
            Said::Open => {
                stood = true;
                LINE.with_borrow_mut(|line| {
                    line.socket = Some(socket.clone());
                    if line.book.is_empty() {
                        line.hang_up();
                    }
                    for frame in line.book.subscribe_all() {
                        line.say(&frame);
                    }
                    line.tell_all(&Heard::Open);
                });
            }
            Said::Text(text) => {
                silent = false;
                LINE.with_borrow_mut(|line| {
                    let Some((id, heard)) = line.book.hear(&text) else {
                        return;
                    };
                    if let Some(listener) = line.listeners.get(&id) {
                        listener.put(heard);
                    }
                });
            }
            Said::Tick if silent => break,
            Said::Tick => {
                silent = true;
                LINE.with_borrow(|line| line.say(r#"{"ping":true}"#));
            }
            Said::Closed => break,
        }
    }
    drop(ears);
    // It may be closed already.
    drop(socket.close());
    stood
}

/// The callbacks of a socket; without them it is mute.
struct Ears {
    socket: WebSocket,
    timer: i32,
    _open: Closure<dyn FnMut()>,
    _text: Closure<dyn FnMut(MessageEvent)>,
    _closed: Closure<dyn FnMut()>,
    _tick: Closure<dyn FnMut()>,
}

impl Ears {
    fn on(socket: &WebSocket, said: &Rc<Queue<Said>>) -> Self {
        let queue = said.clone();
        let open = Closure::<dyn FnMut()>::new(move || queue.put(Said::Open));
        let queue = said.clone();
        let text = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                queue.put(Said::Text(text));
            }
        });
        let queue = said.clone();
        let closed = Closure::<dyn FnMut()>::new(move || queue.put(Said::Closed));
        let queue = said.clone();
        let tick = Closure::<dyn FnMut()>::new(move || queue.put(Said::Tick));
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(text.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        let every = tick.as_ref().unchecked_ref();
        // It fails only for a callback that is none.
        let timer =
            dom::window().set_interval_with_callback_and_timeout_and_arguments_0(every, TICK_MS);
        Self {
            socket: socket.clone(),
            timer: timer.unwrap_or_default(),
            _open: open,
            _text: text,
            _closed: closed,
            _tick: tick,
        }
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        dom::window().clear_interval_with_handle(self.timer);
    }
}
