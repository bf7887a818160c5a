//! What other organizations and services need to know of users.

use chrono::Utc;
use contracts::{
    Role,
    auth::{AddMember, RoleOf, RoleOfReply, RunToken, RunTokenReply},
    id::UserId,
    tenant::{JoinOrganization, Member},
};
use kernel::Ctx;

use super::sign_in::memberships;
use crate::{
    Error, State,
    domain::{ACCESS_LIFETIME, Email, Grant, choose},
    store::AccountState,
};

pub(crate) async fn add_member(ctx: Ctx<State>, request: AddMember) -> Result<Member, Error> {
    let email = Email::parse(&request.email).map_err(|why| Error::field("/email", why))?;
    let account = ctx.state.store.user_by_email(&email).await?;
    let account = account.filter(|account| account.state == AccountState::Active);
    let user = account
        .ok_or_else(|| Error::UnknownEmail(email.as_str().to_owned()))?
        .user;
    let join = JoinOrganization {
        user_id: user.id,
        email: user.email,
        name: user.name,
        role: request.role,
        by_role: ctx.principal().role,
    };
    Ok(ctx.call(&join).await?)
}

pub(crate) async fn run_token(ctx: Ctx<State>, request: RunToken) -> Result<RunTokenReply, Error> {
    // Before the role is read: a revocation for a change that comes in between then meets this token.
    let now = Utc::now();
    let grant = Grant {
        user: request.user_id,
        tenant: ctx.tenant,
        role: role(&ctx, request.user_id).await?,
        session: None,
        execution: Some(request.execution_id),
    };
    let access_token = ctx.state.signing_key.sign(grant, now)?;
    Ok(RunTokenReply {
        access_token,
        expires_in: ACCESS_LIFETIME.as_secs(),
    })
}

pub(crate) async fn role_of(ctx: Ctx<State>, request: RoleOf) -> Result<RoleOfReply, Error> {
    let role = role(&ctx, request.user_id).await?;
    Ok(RoleOfReply { role })
}

/// The role of an active user who is a member.
async fn role(ctx: &Ctx<State>, user: UserId) -> Result<Role, Error> {
    let tenant = ctx.tenant;
    let no_member = || Error::NoMember { user, tenant };
    let account = ctx.state.store.user(user).await?;
    account
        .filter(|account| account.state == AccountState::Active)
        .ok_or_else(no_member)?;
    let membership = choose(memberships(ctx, user).await?, Some(tenant)).ok_or_else(no_member)?;
    Ok(membership.role)
}
