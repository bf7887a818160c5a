//! The signed-in user about themselves.

use contracts::{
    auth::{GetMe, Me, UpdateMe, User},
    id::UserId,
};
use kernel::Ctx;

use super::sign_in::memberships;
use crate::{Error, State, domain::parse_name};

pub(crate) async fn me(ctx: Ctx<State>, _: GetMe) -> Result<Me, Error> {
    let user_id = ctx.principal().user_id;
    let user = user(&ctx, user_id).await?;
    let memberships = memberships(&ctx, user_id).await?;
    let present = memberships
        .iter()
        .find(|membership| membership.organization.id == ctx.tenant);
    let present = present.cloned().ok_or(Error::NoMember {
        user: user_id,
        tenant: ctx.tenant,
    })?;
    Ok(Me {
        user,
        organization: present.organization,
        role: present.role,
        organizations: memberships
            .into_iter()
            .map(|membership| membership.organization)
            .collect(),
    })
}

pub(crate) async fn update_me(ctx: Ctx<State>, request: UpdateMe) -> Result<User, Error> {
    let name = parse_name(&request.name).map_err(|why| Error::field("/name", why))?;
    let user_id = ctx.principal().user_id;
    ctx.state.store.rename(user_id, &name).await?;
    user(&ctx, user_id).await
}

async fn user(ctx: &Ctx<State>, id: UserId) -> Result<User, Error> {
    // A token outlives its user by ten minutes at most.
    let account = ctx.state.store.user(id).await?.ok_or(Error::NoMember {
        user: id,
        tenant: ctx.tenant,
    })?;
    Ok(account.user)
}
