//! The secrets of an organization.

use contracts::{
    page::Page,
    tool::{DeleteSecret, ListSecrets, Secret, SetSecret},
};
use secrecy::SecretString;

use crate::{
    domain::secret,
    error::Error,
    handlers::{Ctx, now},
};

pub(crate) async fn set(ctx: Ctx, request: SetSecret) -> Result<Secret, Error> {
    let hosts = secret::check(&request)?;
    let secret = Secret {
        name: request.name,
        hosts,
        updated_by: ctx.principal().user_id,
        updated_at: now(),
    };
    let value = SecretString::from(request.value);
    ctx.state.store.set_secret(ctx.tenant, secret, &value).await
}

pub(crate) async fn list(ctx: Ctx, request: ListSecrets) -> Result<Page<Secret>, Error> {
    ctx.state.store.secrets(ctx.tenant, &request.paging).await
}

pub(crate) async fn delete(ctx: Ctx, request: DeleteSecret) -> Result<(), Error> {
    ctx.state
        .store
        .delete_secret(ctx.tenant, &request.name)
        .await
}
