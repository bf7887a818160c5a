//! Registration: a user, then their organization, then a session.
//!
//! **Invariant:** a registration that broke off half-way is completed by the next one, or the next login, that brings
//! the right password; nobody else can complete it.

use chrono::Utc;
use contracts::{
    auth::{Register, Session, User},
    id::{TenantId, UserId},
    tenant::Provision,
};
use kernel::Ctx;

use super::sign_in::{check_password, enter};
use crate::{
    Error, State,
    domain::{Registration, storable},
    store::{Account, AccountState},
};

pub(crate) async fn register(ctx: Ctx<State>, request: Register) -> Result<Session, Error> {
    let Registration {
        email,
        password,
        name,
        organization,
    } = Registration::parse(request).map_err(Error::Invalid)?;
    let account = Account {
        user: User {
            id: UserId::generate(),
            email: email.as_str().to_owned(),
            name,
            created_at: storable(Utc::now()),
        },
        password_hash: ctx.state.passwords.hash(password.clone()).await?,
        state: AccountState::Pending {
            organization_id: TenantId::generate(),
            organization,
        },
    };
    if ctx.state.store.add_user(&account).await? {
        complete(&ctx, &account).await?;
        return enter(&ctx, account.user, None).await;
    }
    let known = ctx
        .state
        .store
        .user_by_email(&email)
        .await?
        .ok_or(Error::EmailTaken)?;
    let is_pending = matches!(known.state, AccountState::Pending { .. });
    if !is_pending || !check_password(&ctx, &email, password, Some(&known)).await? {
        return Err(Error::EmailTaken);
    }
    complete(&ctx, &known).await?;
    enter(&ctx, known.user, None).await
}

/// Makes the organization of a pending registration; does nothing for any other account.
pub(super) async fn complete(ctx: &Ctx<State>, account: &Account) -> Result<(), Error> {
    let AccountState::Pending {
        organization_id,
        organization,
    } = &account.state
    else {
        return Ok(());
    };
    let provision = Provision {
        name: organization.clone(),
        owner_id: account.user.id,
        owner_email: account.user.email.clone(),
        owner_name: account.user.name.clone(),
    };
    ctx.call_in(*organization_id, &provision).await?;
    ctx.state.store.activate(account.user.id).await?;
    tracing::info!(user.id = %account.user.id, tenant.id = %organization_id, "a user has registered");
    Ok(())
}
