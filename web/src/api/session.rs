//! Who is signed in. The access token lives in memory, the refresh token in a cookie that no script can read.
//!
//! **Invariant:** a refresh token is used once: requests of a tab share a renewal, tabs take turns.

use std::{
    cell::RefCell,
    task::{Poll, Waker},
};

use contracts::{
    ErrorCode, Permission, Problem, Role,
    auth::{Login, Register, User},
    tenant::Organization,
};
use dioxus::prelude::*;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use super::{Call, query};
use crate::dom;

/// Milliseconds before its end at which an access token is replaced.
const EARLY_MS: f64 = 60_000.0;
/// Remembers that there may be a cookie, so that a first visit asks for none.
const HINT: &str = "troupe-signed-in";

pub(crate) static SESSION: GlobalSignal<Session> = Signal::global(|| Session::Unknown);
/// The session ended while somebody worked: requests wait until they signed in again.
pub(crate) static EXPIRED: GlobalSignal<bool> = Signal::global(|| false);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Session {
    /// Being asked for.
    Unknown,
    /// The server did not say.
    Unreachable(Problem),
    SignedOut,
    SignedIn(Identity),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Identity {
    pub(crate) user: User,
    pub(crate) organization: Organization,
    pub(crate) role: Role,
}

/// What the API answers; the refresh token is in a cookie.
#[derive(Deserialize)]
struct SignedIn {
    #[serde(flatten)]
    identity: Identity,
    access_token: String,
    expires_in: u32,
}

struct Token {
    text: String,
    renew_at_ms: f64,
}

thread_local! {
    static TOKEN: RefCell<Option<Token>> = const { RefCell::new(None) };
    static WAITING: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_namespace = navigator, js_name = locks)]
    static LOCKS: Option<Locks>;
    #[derive(Clone)]
    type Locks;
    #[wasm_bindgen(method)]
    fn request(this: &Locks, name: &str, turn: &js_sys::Function) -> js_sys::Promise;
}

/// The signed-in user; subscribes the caller.
pub(crate) fn identity() -> Option<Identity> {
    match &*SESSION.read() {
        Session::SignedIn(identity) => Some(identity.clone()),
        Session::Unknown | Session::Unreachable(_) | Session::SignedOut => None,
    }
}

/// Whether the user's role allows it; subscribes the caller.
pub(crate) fn may(permission: Permission) -> bool {
    identity().is_some_and(|identity| identity.role.allows(permission))
}

/// Goes on with the session of the cookie, if there is one.
pub(crate) async fn resume() {
    if dom::storage().is_some() && dom::stored(HINT).is_none() {
        *SESSION.write() = Session::SignedOut;
        return;
    }
    match renew().await {
        Ok(_) => {}
        Err(problem) if problem.status == 401 => leave(),
        Err(problem) => *SESSION.write() = Session::Unreachable(problem),
    }
}

pub(crate) async fn login(form: &Login) -> Result<(), Problem> {
    enter(web("/auth/login").json(form).send().await?);
    Ok(())
}

pub(crate) async fn register(form: &Register) -> Result<(), Problem> {
    enter(web("/auth/register").json(form).send().await?);
    Ok(())
}

pub(crate) async fn logout() {
    // The cookie's end is the server's business; here the session is over in any case.
    drop(web("/auth/logout").send::<()>().await);
    leave();
}

/// The organization has another name now.
pub(crate) fn rename(organization: Organization) {
    if let Session::SignedIn(identity) = &mut *SESSION.write() {
        identity.organization = organization;
    }
}

/// Ends it here: what waits for a new session fails.
pub(crate) fn leave() {
    TOKEN.set(None);
    dom::store(HINT, None);
    query::clear();
    *SESSION.write() = Session::SignedOut;
    regain();
}

/// An access token that is good for a while.
pub(crate) async fn token() -> Result<String, Problem> {
    if let Some(token) = fresh() {
        return Ok(token);
    }
    let problem = match renew().await {
        Ok(token) => return Ok(token),
        Err(problem) => problem,
    };
    let signed_in = matches!(&*SESSION.peek(), Session::SignedIn(_));
    if problem.status != 401 || !signed_in {
        return Err(problem);
    }
    *EXPIRED.write() = true;
    regained().await;
    fresh().ok_or(problem)
}

/// The server did not take this token.
pub(crate) fn refuse(refused: &str) {
    TOKEN.with_borrow_mut(|token| {
        if token.as_ref().is_some_and(|token| token.text == refused) {
            *token = None;
        }
    });
}

fn fresh() -> Option<String> {
    let now = dom::now_ms();
    TOKEN.with_borrow(|token| {
        let token = token.as_ref().filter(|token| now < token.renew_at_ms)?;
        Some(token.text.clone())
    })
}

/// Tabs take turns; whoever waited may find it done.
async fn renew() -> Result<String, Problem> {
    let Some(locks) = LOCKS.with(Clone::clone) else {
        return refresh().await;
    };
    let (done, answer) = hand_over();
    let turn = Closure::once_into_js(move || {
        future_to_promise(async move {
            done.replace(Some(refresh().await));
            Ok(JsValue::UNDEFINED)
        })
    });
    let turn: js_sys::Function = turn.unchecked_into();
    // The turn itself never fails: its outcome is handed over.
    drop(JsFuture::from(locks.request("troupe-refresh", &turn)).await);
    let answer = answer.take();
    answer.unwrap_or_else(|| {
        Err(Problem::new(
            ErrorCode::Unavailable,
            "the session could not be renewed",
        ))
    })
}

type Outcome = std::rc::Rc<RefCell<Option<Result<String, Problem>>>>;

fn hand_over() -> (Outcome, Outcome) {
    let outcome = Outcome::default();
    (outcome.clone(), outcome)
}

async fn refresh() -> Result<String, Problem> {
    if let Some(token) = fresh() {
        return Ok(token);
    }
    // Boxed, since any request may lead here and this is one.
    let answer = Box::pin(web("/auth/refresh").send::<SignedIn>()).await?;
    let token = answer.access_token.clone();
    enter(answer);
    Ok(token)
}

fn web(path: &str) -> Call {
    Call::new("POST", path)
        .header("x-troupe-client", "web")
        .anonymous()
}

fn enter(answer: SignedIn) {
    TOKEN.set(Some(Token {
        text: answer.access_token,
        renew_at_ms: dom::now_ms() + f64::from(answer.expires_in) * 1000.0 - EARLY_MS,
    }));
    dom::store(HINT, Some("1"));
    let was = match &*SESSION.peek() {
        Session::SignedIn(identity) => Some(identity.clone()),
        Session::Unknown | Session::Unreachable(_) | Session::SignedOut => None,
    };
    let moved = was
        .as_ref()
        .is_none_or(|was| was.organization.id != answer.identity.organization.id);
    if moved {
        query::clear();
    }
    if was.as_ref() != Some(&answer.identity) {
        *SESSION.write() = Session::SignedIn(answer.identity);
    }
    regain();
}

fn regain() {
    if *EXPIRED.peek() {
        *EXPIRED.write() = false;
    }
    for waker in WAITING.take() {
        waker.wake();
    }
}

async fn regained() {
    std::future::poll_fn(|context| {
        if !*EXPIRED.peek() {
            return Poll::Ready(());
        }
        WAITING.with_borrow_mut(|waiting| waiting.push(context.waker().clone()));
        Poll::Pending
    })
    .await;
}
