//! What every start needs, whoever asks for it: the revision, where the engine finds it, the variables.

use bus::{Bucket, Bus};
use contracts::{
    flow::Executable,
    id::{FlowId, TenantId},
};
use serde_json::Value;

use crate::{domain, error::Error, store::FlowStore};

/// A revision with its number: the latest where none is named.
///
/// # Errors
/// [`Error::FlowNotFound`], [`Error::NotPublished`], [`Error::RevisionNotFound`].
pub(crate) async fn published(
    store: &FlowStore,
    tenant: TenantId,
    flow_id: FlowId,
    number: Option<u32>,
) -> Result<(u32, Executable), Error> {
    let number = match number {
        Some(number) => number,
        None => {
            let flow = store.get(tenant, flow_id).await?;
            flow.revision.ok_or(Error::NotPublished(flow_id))?
        }
    };
    let executable = store.executable(tenant, flow_id, number).await?;
    Ok((number, executable))
}

/// Puts it where the engine finds it, and gives its hash.
pub(crate) async fn hand_over(bus: &Bus, executable: &Executable) -> Result<String, Error> {
    let text = domain::write_executable(executable)?;
    let hash = domain::hash(&text);
    let bucket = bus.kv(Bucket::FlowDef).await.map_err(Error::Definition)?;
    match bucket.create(&hash, text.into()).await {
        Ok(_) | Err(bus::Error::Conflict { .. }) => Ok(hash),
        Err(error) => Err(Error::Definition(error)),
    }
}

/// The organization's variables, as the engine gets them.
pub(crate) async fn variables(store: &FlowStore, tenant: TenantId) -> Result<Value, Error> {
    let variables = store.variables(tenant).await?;
    Ok(variables.into_iter().collect())
}
