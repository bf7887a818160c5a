//! The data key of an organization, in the one row of a service's table of data keys.
//!
//! The table has the columns `id` (always 1), `wrapped` and `created_at`, in the organization's schema.

use contracts::id::TenantId;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query},
};

use crate::{DataKey, Error, Vault};

/// The id of the one row.
const ONLY: i16 = 1;

/// Why there is no data key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Store(#[from] sql::Error),
    #[error(transparent)]
    Vault(#[from] Error),
}

impl Vault {
    /// The organization's data key, made when it is first needed and wrapped anew after a rotation of the master key.
    ///
    /// # Errors
    /// That the table cannot be read or written; [`Error::Open`] for a key of another master key.
    pub async fn tenant_key(
        &self,
        transaction: &sql::Tenant,
        table: &'static str,
        tenant: TenantId,
    ) -> Result<DataKey, KeyError> {
        let owner = tenant.to_string();
        let Some(wrapped) = wrapped_key(transaction, table).await? else {
            let (key, wrapped) = self.new_data_key(&owner)?;
            if insert(transaction, table, wrapped).await? {
                return Ok(key);
            }
            // Another request made one a moment ago; the insert has waited for it.
            let wrapped = wrapped_key(transaction, table).await?.ok_or(Error::Open)?;
            return Ok(self.unwrap(&owner, &wrapped)?);
        };
        if let Some(rewrapped) = self.rewrap(&owner, &wrapped)? {
            let update = Query::update()
                .table(Alias::new(table))
                .value(Alias::new("wrapped"), rewrapped)
                .and_where(Expr::col(Alias::new("id")).eq(ONLY))
                .to_owned();
            let updated = transaction.conn().execute(&update).await;
            updated.map_err(sql::Error::from)?;
        }
        Ok(self.unwrap(&owner, &wrapped)?)
    }
}

/// The wrapped form of the organization's data key, where it has one: for [`Vault::unwrap`].
///
/// # Errors
/// That the table cannot be read.
pub async fn wrapped_key(
    transaction: &sql::Tenant,
    table: &'static str,
) -> Result<Option<Vec<u8>>, sql::Error> {
    let select = Query::select()
        .column(Alias::new("wrapped"))
        .from(Alias::new(table))
        .and_where(Expr::col(Alias::new("id")).eq(ONLY))
        .to_owned();
    let row = transaction.conn().query_one(&select).await;
    let Some(row) = row.map_err(sql::Error::from)? else {
        return Ok(None);
    };
    Ok(Some(row.try_get_by_index(0).map_err(sql::Error::from)?))
}

/// Whether this one counts.
async fn insert(
    transaction: &sql::Tenant,
    table: &'static str,
    wrapped: Vec<u8>,
) -> Result<bool, KeyError> {
    let insert = Query::insert()
        .into_table(Alias::new(table))
        .columns(["id", "wrapped", "created_at"].map(Alias::new))
        .values_panic([ONLY.into(), wrapped.into(), Expr::current_timestamp()])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .to_owned();
    let inserted = transaction.conn().execute(&insert).await;
    Ok(inserted.map_err(sql::Error::from)?.rows_affected() > 0)
}
