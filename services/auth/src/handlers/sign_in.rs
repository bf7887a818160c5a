//! Login: from email and password to a session in one organization.
//!
//! **Invariant:** an unknown email costs a caller the same time and tells them the same as a wrong password.

use chrono::{DateTime, Utc};
use contracts::{
    auth::{Login, Session, User},
    id::{SessionId, TenantId, UserId},
    tenant::{Membership, MembershipsOf},
};
use kernel::Ctx;

use super::register::complete;
use crate::{
    Error, State,
    domain::{ACCESS_LIFETIME, Email, Grant, SessionTimes, choose},
    opaque,
    store::{Account, AccountState, SessionRow},
};

pub(crate) async fn login(ctx: Ctx<State>, request: Login) -> Result<Session, Error> {
    let email = Email::parse(&request.email).map_err(|why| Error::field("/email", why))?;
    let account = ctx.state.store.user_by_email(&email).await?;
    if !check_password(&ctx, &email, request.password, account.as_ref()).await? {
        return Err(Error::WrongCredentials);
    }
    let account = account
        .filter(|account| account.state != AccountState::Disabled)
        .ok_or(Error::WrongCredentials)?;
    complete(&ctx, &account).await?;
    enter(&ctx, account.user, request.organization_id).await
}

/// Whether the password is the account's, within the number of tries that an account takes.
pub(super) async fn check_password(
    ctx: &Ctx<State>,
    email: &Email,
    password: String,
    account: Option<&Account>,
) -> Result<bool, Error> {
    let store = &ctx.state.store;
    if let Some(wait) = store.count_try(email, Utc::now()).await? {
        let retry_after_ms = u64::try_from(wait.num_milliseconds())
            .unwrap_or_default()
            .max(1);
        return Err(Error::TooManyTries { retry_after_ms });
    }
    let hash = account.map(|account| account.password_hash.as_str());
    let fits = ctx.state.passwords.fits(password, hash).await?;
    if fits {
        store.forget_tries(email).await?;
    } else {
        tracing::info!(
            user.id = account.map(|account| tracing::field::display(account.user.id)),
            "a login was refused"
        );
    }
    Ok(fits)
}

/// Opens a session of a user whose password was right.
pub(super) async fn enter(
    ctx: &Ctx<State>,
    user: User,
    wanted: Option<TenantId>,
) -> Result<Session, Error> {
    // Before the role is read: a revocation for a change that comes in between then meets this token.
    let now = Utc::now();
    let memberships = memberships(ctx, user.id).await?;
    let membership = choose(memberships, wanted)
        .ok_or_else(|| wanted.map_or(Error::NoOrganization, Error::UnknownOrganization))?;
    let session = SessionRow {
        id: SessionId::generate(),
        user: user.id,
        organization: membership.organization.id,
        times: SessionTimes::beginning(now),
    };
    let (refresh_token, hash) = opaque::generate(opaque::REFRESH)?;
    ctx.state.store.open_session(session, hash).await?;
    tracing::info!(user.id = %user.id, tenant.id = %session.organization, session.id = %session.id, "a user has logged in");
    SignedIn {
        user,
        membership,
        session: session.id,
        refresh_token,
    }
    .reply(&ctx.state, now)
}

/// A user in an organization, for whom tokens are made.
pub(super) struct SignedIn {
    pub(super) user: User,
    pub(super) membership: Membership,
    pub(super) session: SessionId,
    pub(super) refresh_token: String,
}

impl SignedIn {
    /// The answer that carries the pair of tokens; the access token is good from `now` on.
    pub(super) fn reply(self, state: &State, now: DateTime<Utc>) -> Result<Session, Error> {
        let Membership { organization, role } = self.membership;
        let grant = Grant {
            user: self.user.id,
            tenant: organization.id,
            role,
            session: Some(self.session),
            execution: None,
        };
        Ok(Session {
            user: self.user,
            organization,
            role,
            access_token: state.signing_key.sign(grant, now)?,
            refresh_token: self.refresh_token,
            expires_in: ACCESS_LIFETIME.as_secs(),
        })
    }
}

/// The organizations of a user as they are now, the first joined first.
pub(super) async fn memberships(ctx: &Ctx<State>, user: UserId) -> Result<Vec<Membership>, Error> {
    Ok(ctx
        .call_in(TenantId::PLATFORM, &MembershipsOf { user_id: user })
        .await?)
}
