//! Drafts whose nodes go to the current versions of their types.

use std::collections::BTreeSet;

use contracts::flow::{FlowUpgrade, UpdateFlow, UpgradeFlow};

use crate::{
    error::Error,
    handlers::{Ctx, now},
};

pub(crate) async fn upgrade(ctx: Ctx, request: UpgradeFlow) -> Result<FlowUpgrade, Error> {
    let flow = ctx.state.get(ctx.tenant, request.flow_id).await?;
    let is_expected = |expected: &u64| *expected == flow.version;
    if let Some(expected) = request.if_version.filter(|version| !is_expected(version)) {
        return Err(Error::VersionMismatch {
            flow: flow.id,
            expected,
            actual: flow.version,
        });
    }
    let known: BTreeSet<_> = flow.definition.nodes.iter().map(|node| &node.id).collect();
    let mut named = request.nodes.iter().flatten().enumerate();
    if let Some((position, id)) = named.find(|(_, id)| !known.contains(id)) {
        let node = id.chars().take(64).collect();
        return Err(Error::NoSuchNode { position, node });
    }
    let upgrade = graph::upgrade(&flow.definition, request.nodes.as_deref());
    let applied = request.apply && !upgrade.nodes.is_empty();
    let mut version = flow.version;
    if applied {
        let change = UpdateFlow {
            flow_id: flow.id,
            name: None,
            description: None,
            definition: Some(upgrade.definition.clone()),
            if_version: Some(flow.version),
        };
        let stored = ctx.state.update(ctx.tenant, change, now()).await;
        version = match stored {
            // Nobody asked for a version: that it was changed meanwhile is no mistake of the caller's.
            Err(Error::VersionMismatch { .. }) if request.if_version.is_none() => {
                return Err(Error::DraftChanged);
            }
            stored => stored?.version,
        };
    }
    Ok(FlowUpgrade {
        version,
        applied,
        definition: upgrade.definition,
        nodes: upgrade.nodes,
        left: upgrade.left,
    })
}
