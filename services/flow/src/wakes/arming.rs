//! Before triggers are followed: what stands in the database and goes on by a message is said to the bus once more. The bus
//! may have lost it, and saying it twice changes nothing.

use chrono::Utc;
use contracts::{id::TenantId, subject::Token};
use kernel::TaskCtx;

use crate::{error::Error, places, store::FlowStore};

/// Wakes every trigger that has something to do, and looks after every place.
///
/// # Errors
/// When database or bus are not available: part of it may be done.
pub(super) async fn arm(task: &TaskCtx<FlowStore>) -> Result<(), Error> {
    for tenant in task.state.tenants().await? {
        match arm_tenant(task, tenant).await {
            // The organization has left since, or is being made.
            Err(Error::Store(sql::Error::UnknownTenant(_) | sql::Error::NotMigrated { .. })) => {}
            armed => armed?,
        }
    }
    Ok(())
}

async fn arm_tenant(task: &TaskCtx<FlowStore>, tenant: TenantId) -> Result<(), Error> {
    let label = Token::new("start").expect("letters are a token");
    for trigger in task.state.triggers_at_work(tenant).await? {
        let woken = task.bus.wake_at(tenant, trigger, &label, Utc::now());
        woken.await.map_err(Error::Bus)?;
    }
    for flow in task.state.flows_with_places(tenant).await? {
        places::announce(&task.bus, tenant, flow).await?;
    }
    Ok(())
}
