//! Tickets: how a client that cannot send headers opens a WebSocket.
//!
//! **Invariant:** of all uses of one ticket at most one succeeds, on whichever replicas they come in; no ticket and no
//! access token is stored.

use std::time::Duration;

use bus::Bucket;
use chrono::{DateTime, Utc};
use contracts::{
    auth::{MakeTicket, RedeemTicket, RedeemedTicket, Ticket},
    principal::Claims,
};
use kernel::Ctx;
use serde::{Deserialize, Serialize};

use crate::{Error, State, opaque};

/// The bucket keeps entries a little longer.
const LIFETIME: Duration = Duration::from_secs(30);

/// What is kept under the hash of a ticket.
#[derive(Serialize, Deserialize)]
struct Kept {
    expires_at: DateTime<Utc>,
    /// Of the access token that asked.
    claims: Claims,
}

pub(crate) async fn ws_ticket(ctx: Ctx<State>, _: MakeTicket) -> Result<Ticket, Error> {
    let token = ctx.token().expect("a signed-in user has sent a token");
    let claims = ctx.state.verifier.claims(token).await?;
    let (ticket, hash) = opaque::generate(opaque::TICKET)?;
    let kept = Kept {
        expires_at: Utc::now() + LIFETIME,
        claims: Claims::clone(&claims),
    };
    let value = serde_json::to_vec(&kept).expect("claims have only string keys");
    let bucket = ctx.bus.kv(Bucket::Tickets).await.map_err(Error::Tickets)?;
    let created = bucket.create(&hash.hex(), value.into()).await;
    created.map_err(Error::Tickets)?;
    Ok(Ticket {
        ticket,
        expires_at: kept.expires_at,
    })
}

pub(crate) async fn redeem_ticket(
    ctx: Ctx<State>,
    request: RedeemTicket,
) -> Result<RedeemedTicket, Error> {
    let hash = opaque::read(opaque::TICKET, &request.ticket).ok_or(Error::TicketRefused)?;
    let bucket = ctx.bus.kv(Bucket::Tickets).await.map_err(Error::Tickets)?;
    let taken = bucket.take(&hash.hex()).await.map_err(Error::Tickets)?;
    let kept = taken.and_then(|value| serde_json::from_slice::<Kept>(&value).ok());
    let now = Utc::now();
    let kept = kept
        .filter(|kept| now < kept.expires_at)
        .ok_or(Error::TicketRefused)?;
    // Who verifies it finds out by itself whether it has expired or was revoked meanwhile.
    let access_token = ctx.state.signing_key.sign_again(kept.claims)?;
    Ok(RedeemedTicket { access_token })
}
