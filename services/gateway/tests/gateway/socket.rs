//! The WebSocket: who gets in, what is streamed, what is refused, and when it is closed.

mod admission;
mod closing;
mod streams;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use contracts::{
    ErrorCode, Problem,
    auth::{MakeTicket, RedeemTicket, RedeemedTicket, Ticket},
    id::ExecutionId,
};
use gateway::Config;
use kernel::{Ctx, Running, Service};
use serde_json::{Value, json};
use testkit::{NotUpgraded, WebSocket};

use crate::platform::Platform;

/// Access tokens by ticket.
#[derive(Clone, Default)]
struct Tickets(Arc<Mutex<HashMap<String, String>>>);

async fn ws_ticket(ctx: Ctx<Tickets>, _: MakeTicket) -> Result<Ticket, Problem> {
    let token = ctx.token().expect("a token").to_owned();
    let mut tickets = ctx.state.0.lock().unwrap();
    let ticket = format!("wt_{}", tickets.len());
    tickets.insert(ticket.clone(), token);
    Ok(Ticket {
        ticket,
        expires_at: chrono::DateTime::UNIX_EPOCH,
    })
}

async fn redeem_ticket(
    ctx: Ctx<Tickets>,
    request: RedeemTicket,
) -> Result<RedeemedTicket, Problem> {
    let mut tickets = ctx.state.0.lock().unwrap();
    let token = tickets.get_mut(&request.ticket).map(std::mem::take);
    let refused = || Problem::new(ErrorCode::Unauthenticated, "the ticket is not valid");
    let access_token = token
        .filter(|token| !token.is_empty())
        .ok_or_else(refused)?;
    Ok(RedeemedTicket { access_token })
}

async fn auth(platform: &Platform) -> Running {
    let runtime = testkit::runtime(&platform.bus).await;
    let service = Service::new("auth", Tickets::default())
        .on(ws_ticket)
        .on(redeem_ticket);
    service.start(&runtime).await.unwrap()
}

async fn start(config: Config) -> (Platform, Running) {
    let platform = Platform::configured(config).await;
    let auth = auth(&platform).await;
    (platform, auth)
}

async fn ticket_for(platform: &Platform, token: &str) -> String {
    let ask = platform.visit("POST", "/api/v1/auth/ws-ticket");
    let made = ask.token(token).send().await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    made.json()["ticket"].as_str().unwrap().to_owned()
}

async fn try_open(
    platform: &Platform,
    query: &str,
    headers: &[(&str, &str)],
) -> Result<WebSocket, NotUpgraded> {
    let address = platform.visit("GET", "/").address().to_string();
    let path = format!("/api/v1/ws{query}");
    WebSocket::open(&address, &path, headers).await
}

async fn open_for(platform: &Platform, token: &str) -> WebSocket {
    let ticket = ticket_for(platform, token).await;
    let opened = try_open(platform, &format!("?ticket={ticket}"), &[]).await;
    opened.unwrap_or_else(|refused| panic!("{refused:?}"))
}

async fn open(platform: &Platform) -> WebSocket {
    open_for(platform, &platform.token).await
}

fn follow(id: &str, execution: ExecutionId, after: u64) -> Value {
    json!({"id": id, "subscribe": {"execution": execution, "after": after}})
}

/// The numbers of the next events of a subscription.
async fn numbers(socket: &mut WebSocket, id: &str, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let frame = socket.frame().await;
        assert_eq!(frame["id"], id, "{frame}");
        numbers.push(
            frame["event"]["n"]
                .as_u64()
                .unwrap_or_else(|| panic!("{frame}")),
        );
    }
    numbers
}
