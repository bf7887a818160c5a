//! Versions of many items at once, as a run pins them.

use std::collections::HashMap;

use contracts::id::TenantId;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    domain::item::{Item, Kind, Spec, Stored},
    error::Error,
    store::{
        AgentStore,
        entities::{item, version},
        rows,
    },
};

impl AgentStore {
    /// In the order of the pins, each once. What does not exist, or is no `kind`, is left out.
    pub(crate) async fn pinned<S: Spec>(
        &self,
        tenant: TenantId,
        kind: Kind,
        pins: &[(Item, Option<u32>)],
    ) -> Result<Vec<Stored<S>>, Error> {
        if pins.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.pool.tenant(tenant).await?;
        let found = item::Entity::find()
            .filter(item::Column::Id.is_in(pins.iter().map(|(item, _)| item.uuid())))
            .filter(item::Column::Kind.eq(kind.as_str()))
            .filter(item::Column::DeletedAt.is_null())
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let found: HashMap<_, _> = found.into_iter().map(|row| (row.id, row)).collect();
        let mut keys = Vec::new();
        for (item, asked) in pins {
            let Some(row) = found.get(&item.uuid()) else {
                continue;
            };
            // A number too great for the column is no version.
            let number = asked.map_or(Ok(row.version), i32::try_from);
            if let Some(key) = number.ok().map(|number| (row.id, number))
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let key = Expr::tuple([
            Expr::col(version::Column::Id),
            Expr::col(version::Column::Version),
        ]);
        let versions = version::Entity::find()
            .filter(key.in_tuples(keys.clone()))
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let mut versions: HashMap<_, _> = versions
            .into_iter()
            .map(|row| ((row.id, row.version), row))
            .collect();
        keys.into_iter()
            .filter_map(|key| Some((found.get(&key.0)?.clone(), versions.remove(&key)?)))
            .map(|(row, version)| rows::stored(row, version))
            .collect()
    }
}
