//! The life of a session after login: refresh with rotation, logout.
//!
//! **Invariant:** of all uses of one refresh token exactly one succeeds, and every other one ends the session.

use bus::{Bucket, Bus};
use chrono::{DateTime, Utc};
use contracts::{
    auth::{Logout, Refresh, Session},
    id::SessionId,
    principal::revocation,
};
use kernel::Ctx;

use super::sign_in::{SignedIn, memberships};
use crate::{
    Error, State,
    domain::{ACCESS_LIFETIME, choose},
    opaque,
    store::{AccountState, Rotated},
};

pub(crate) async fn refresh(ctx: Ctx<State>, request: Refresh) -> Result<Session, Error> {
    let (store, now) = (&ctx.state.store, Utc::now());
    let old = opaque::read(opaque::REFRESH, &request.refresh_token).ok_or(Error::RefreshRefused)?;
    let known = store
        .refresh_token(old)
        .await?
        .ok_or(Error::RefreshRefused)?;
    let session = known.session;
    if known.used {
        return Err(reused(&ctx, session.id, now).await?);
    }
    if !session.times.is_open(now) {
        return Err(Error::RefreshRefused);
    }
    let account = store
        .user(session.user)
        .await?
        .filter(|account| account.state == AccountState::Active);
    // Asked before the token is used up: where the answer fails, the client may try again with the same token.
    let membership = choose(
        memberships(&ctx, session.user).await?,
        Some(session.organization),
    );
    let (Some(account), Some(membership)) = (account, membership) else {
        end(&ctx.state, &ctx.bus, session.id, now).await?;
        return Err(Error::RefreshRefused);
    };
    let (refresh_token, new) = opaque::generate(opaque::REFRESH)?;
    match store.rotate(session.id, old, new, now).await? {
        Rotated::Yes => {
            let (user, session) = (account.user, session.id);
            SignedIn {
                user,
                membership,
                session,
                refresh_token,
            }
            .reply(&ctx.state, now)
        }
        Rotated::Reused => Err(reused(&ctx, session.id, now).await?),
        Rotated::Ended => Err(Error::RefreshRefused),
    }
}

pub(crate) async fn logout(ctx: Ctx<State>, request: Logout) -> Result<(), Error> {
    let Some(hash) = opaque::read(opaque::REFRESH, &request.refresh_token) else {
        return Ok(());
    };
    let Some(known) = ctx.state.store.refresh_token(hash).await? else {
        return Ok(());
    };
    end(&ctx.state, &ctx.bus, known.session.id, Utc::now()).await
}

/// A used token came again: whoever holds the other copy, thief or owner, is cut off.
async fn reused(ctx: &Ctx<State>, session: SessionId, now: DateTime<Utc>) -> Result<Error, Error> {
    end(&ctx.state, &ctx.bus, session, now).await?;
    tracing::warn!(session.id = %session, "a refresh token was used twice; its session has been ended");
    Ok(Error::RefreshRefused)
}

/// Ends a session here and, by a revocation, its access tokens everywhere. May be repeated.
async fn end(
    state: &State,
    bus: &Bus,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    state.store.end_session(session, now).await?;
    // A refresh that was under way may still sign a token; an ended session meets those too.
    let until = (now + ACCESS_LIFETIME).timestamp_millis().to_string();
    bus.kv(Bucket::Revocations)
        .await?
        .put(&revocation::of_session(session), until.into())
        .await?;
    Ok(())
}
