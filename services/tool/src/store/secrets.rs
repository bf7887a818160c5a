//! The secrets of each organization, sealed, in the organization's own schema.
//!
//! **Invariant:** a secret is sealed for its organization, its name and its hosts, and leaves this file opened only by
//! [`ToolStore::open_secrets`].

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    id::{TenantId, UserId},
    page::{Page, Paging},
    tool::Secret,
};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use secrecy::SecretString;
use sql::Tenant;

use crate::{
    error::Error,
    store::{ToolStore, entities::secret, name_after, page, read, write},
};

/// The table of the organization's data key.
const DATA_KEYS: &str = "tool_data_keys";

/// A secret that may be sent to its hosts.
pub(crate) struct OpenSecret {
    pub(crate) value: SecretString,
    pub(crate) hosts: Vec<String>,
}

impl ToolStore {
    /// New, or in place of the old one.
    pub(crate) async fn set_secret(
        &self,
        tenant: TenantId,
        secret: Secret,
        value: &SecretString,
    ) -> Result<Secret, Error> {
        let hosts = write(&secret.hosts)?;
        let transaction = self.pool.tenant(tenant).await?;
        let key = self
            .vault
            .tenant_key(&transaction, DATA_KEYS, tenant)
            .await?;
        let place = [&tenant.to_string(), "secret", &secret.name, &hosts];
        let row = secret::Model {
            name: secret.name.clone(),
            sealed: key.seal(&place, value)?,
            hosts: hosts.clone(),
            updated_by: secret.updated_by.uuid(),
            updated_at: secret.updated_at,
        };
        let replace = OnConflict::column(secret::Column::Name)
            .update_columns([
                secret::Column::Sealed,
                secret::Column::Hosts,
                secret::Column::UpdatedBy,
                secret::Column::UpdatedAt,
            ])
            .to_owned();
        secret::Entity::insert(row.into_active_model())
            .on_conflict(replace)
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        transaction.commit().await?;
        Ok(secret)
    }

    /// By name: the cursor is the last name of the page before.
    pub(crate) async fn secrets(
        &self,
        tenant: TenantId,
        paging: &Paging,
    ) -> Result<Page<Secret>, Error> {
        let mut query = secret::Entity::find();
        if let Some(name) = name_after(paging)? {
            query = query.filter(secret::Column::Name.gt(name.as_str()));
        }
        let transaction = self.pool.tenant(tenant).await?;
        let rows = query
            .order_by_asc(secret::Column::Name)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        page(
            rows,
            paging,
            |row| row.name.clone(),
            |row| {
                Ok(Secret {
                    name: row.name,
                    hosts: read(&row.hosts)?,
                    updated_by: UserId::from_uuid(row.updated_by),
                    updated_at: row.updated_at,
                })
            },
        )
    }

    pub(crate) async fn delete_secret(&self, tenant: TenantId, name: &str) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        // A name that PostgreSQL cannot read is none.
        let deleted = secret::Entity::delete_by_id(name.replace('\0', ""))
            .exec(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        if deleted.rows_affected == 0 {
            return Err(Error::SecretNotFound(name.chars().take(64).collect()));
        }
        Ok(transaction.commit().await?)
    }

    /// The hosts of those of these secrets that exist.
    pub(crate) async fn hosts_of(
        &self,
        tenant: TenantId,
        names: BTreeSet<&str>,
    ) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let rows = named(&transaction, names).await?.into_iter();
        rows.map(|row| Ok((row.name, read(&row.hosts)?))).collect()
    }

    /// Those of these secrets that exist, to be sent to their hosts and nowhere else.
    pub(crate) async fn open_secrets(
        &self,
        tenant: TenantId,
        names: BTreeSet<&str>,
    ) -> Result<BTreeMap<String, OpenSecret>, Error> {
        let owner = tenant.to_string();
        let transaction = self.pool.tenant(tenant).await?;
        let rows = named(&transaction, names).await?;
        if rows.is_empty() {
            return Ok(BTreeMap::new());
        }
        let wrapped = vault::wrapped_key(&transaction, DATA_KEYS)
            .await?
            .ok_or(vault::Error::Open)?;
        let key = self.vault.unwrap(&owner, &wrapped)?;
        let open = |row: secret::Model| {
            let place = [owner.as_str(), "secret", &row.name, &row.hosts];
            let secret = OpenSecret {
                value: key.open(&place, &row.sealed)?,
                hosts: read(&row.hosts)?,
            };
            Ok((row.name, secret))
        };
        rows.into_iter().map(open).collect()
    }
}

async fn named(transaction: &Tenant, names: BTreeSet<&str>) -> Result<Vec<secret::Model>, Error> {
    let rows = secret::Entity::find()
        .filter(secret::Column::Name.is_in(names))
        .all(transaction.conn())
        .await;
    Ok(rows.map_err(sql::Error::from)?)
}
