//! Versions of many tools at once, as a run pins them.

use std::collections::HashMap;

use contracts::{
    agent::Pin,
    id::{TenantId, ToolId},
    tool::{FlowPin, ToolKind, ToolSnapshot, ToolSpec},
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::{
    ToolStore,
    entities::{tool, version},
    read,
};
use crate::{error::Error, kinds::flow::flow_of};

impl ToolStore {
    /// In the order of the pins, each once. What does not exist is left out.
    pub(crate) async fn snapshots(
        &self,
        tenant: TenantId,
        pins: &[Pin<ToolId>],
    ) -> Result<Vec<ToolSnapshot>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let ids = pins.iter().map(|pin| pin.id.uuid());
        let tools = tool::Entity::find()
            .filter(tool::Column::Id.is_in(ids))
            .filter(tool::Column::DeletedAt.is_null())
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let newest: HashMap<_, _> = tools.iter().map(|row| (row.id, row.version)).collect();
        let mut keys = Vec::new();
        for pin in pins {
            let id = pin.id.uuid();
            let Some(newest) = newest.get(&id) else {
                continue;
            };
            // A number too great for the column is no version.
            let asked = pin.version.map_or(Ok(*newest), i32::try_from);
            if let Some(key) = asked.ok().map(|number| (id, number))
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let key = Expr::tuple([
            Expr::col(version::Column::ToolId),
            Expr::col(version::Column::Version),
        ]);
        let rows = version::Entity::find()
            .filter(key.in_tuples(keys.clone()))
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let mut specs: HashMap<_, _> = rows
            .into_iter()
            .map(|row| ((row.tool_id, row.version), row.spec))
            .collect();
        keys.into_iter()
            .filter_map(|key| Some((key, specs.remove(&key)?)))
            .map(|((id, number), spec)| snapshot(ToolId::from_uuid(id), number, &spec))
            .collect()
    }
}

fn snapshot(id: ToolId, number: i32, spec: &str) -> Result<ToolSnapshot, Error> {
    let spec: ToolSpec = read(spec)?;
    let timeout_ms = spec.timeout_ms();
    let flow = match spec.kind {
        ToolKind::Flow => Some(FlowPin {
            flow_id: flow_of(&spec.config)?,
            revision: None,
            hash: None,
        }),
        _ => None,
    };
    Ok(ToolSnapshot {
        id,
        version: number.unsigned_abs(),
        name: spec.name,
        description: spec.description,
        input_schema: spec.input_schema,
        approval: spec.approval,
        timeout_ms,
        flow,
    })
}
