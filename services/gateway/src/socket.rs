//! `GET /ws`: one WebSocket that carries many event streams, opened with a ticket.
//!
//! Read [`frames`] for what is said on it, [`conversation`] for who says what when.
//!
//! **Invariant:** nothing is upgraded before origin, room and ticket are found good; the ticket is in no log and in no
//! problem.

mod conversation;
mod frames;

use std::sync::Arc;

use contracts::{ErrorCode, Problem, auth::RedeemTicket, id::TenantId};
use poem::{
    FromRequest, IntoEndpoint, IntoResponse, Request, Response, Route,
    endpoint::make,
    get,
    web::websocket::{WebSocket, WebSocketConfig},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    api::PREFIX,
    caller::{Caller, Deadline},
    edge::check_origin,
    gate::Gate,
    problem::Refusal,
};

/// Above this size a frame is not even read.
const MAX_READ: usize = 64 * 1024;
/// Allocated for each socket: our clients' frames are short.
const READ_BUFFER: usize = 4 * 1024;

/// The room for sockets.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: u32,
}

impl Places {
    pub(crate) fn new(all: usize) -> Self {
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        Self {
            free: Arc::new(Semaphore::new(all as usize)),
            all,
        }
    }

    /// # Errors
    /// `unavailable` when as many sockets are open as there may be.
    fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.free.clone().try_acquire_owned().map_err(|_| {
            Problem::new(ErrorCode::Unavailable, "too many sockets are open")
                .with_retry_after_ms(5000)
        })
    }

    /// Returns once no socket is open.
    pub(crate) async fn all_left(&self) {
        // The semaphore is never closed; if it were, nobody would be in.
        self.free.acquire_many(self.all).await.ok();
    }
}

/// The route of the socket.
pub(crate) fn routes(route: Route) -> Route {
    route.at(format!("{PREFIX}/ws"), endpoint())
}

fn endpoint() -> impl IntoEndpoint<Endpoint: 'static> {
    get(make(|request: Request| async move { admit(request).await }))
}

async fn admit(request: Request) -> poem::Result<Response> {
    let gate = request
        .data::<Gate>()
        .expect("the edge carries the gate")
        .clone();
    check_origin(request.headers(), &gate.config)?;
    let socket = WebSocket::from_request_without_body(&request).await;
    let plain = |_| {
        Refusal(Problem::malformed(
            "this path speaks WebSocket (RFC 6455) alone",
        ))
    };
    let socket = socket.map_err(plain)?;
    let place = gate.sockets.enter().map_err(Refusal)?;
    // The last, for a ticket is used up by asking.
    let caller = redeem(&gate, &request).await.map_err(Refusal)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(MAX_READ))
        .max_frame_size(Some(MAX_READ));
    let upgraded = socket.config(config).on_upgrade(move |socket| async move {
        conversation::hold(socket, &caller).await;
        drop(place);
    });
    Ok(upgraded.into_response())
}

async fn redeem(gate: &Gate, request: &Request) -> Result<Caller, Problem> {
    let missing = || Problem::new(ErrorCode::Unauthenticated, "a ticket is needed: `?ticket=`");
    let ticket = ticket_of(request).ok_or_else(missing)?;
    let deadline = request
        .data::<Deadline>()
        .expect("the edge sets a deadline")
        .0;
    let request = RedeemTicket {
        ticket: ticket.to_owned(),
    };
    let redeemed = gate.ask(TenantId::PLATFORM, None, deadline, &request);
    let token = redeemed.await?.access_token;
    let principal = gate.verifier.verify(&token).await?;
    Ok(Caller {
        gate: gate.clone(),
        principal,
        token: Arc::from(token),
        deadline,
    })
}

/// Tickets have no character that a query would escape.
fn ticket_of(request: &Request) -> Option<&str> {
    let mut pairs = request.uri().query()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix("ticket="))
}
