//! The providers of each organization with their sealed keys, its routes and its budgets, in the organization's own schema.
//!
//! **Invariant:** a key is stored sealed for its organization, its provider and the origin of the provider's URL, and
//! leaves this file opened only by [`Store::open_key`].

mod answers;
mod budgets;
mod entities;
mod ledger;
mod limits;
mod recording;
mod routes;

use std::hash::{DefaultHasher, Hash, Hasher};

use contracts::{
    id::{ProviderId, TenantId},
    llm::{Provider, ProviderModel, RateLimits, Recording, Route},
    page::{Page, Paging},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, EntityTrait, ModelTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use secrecy::{ExposeSecret, SecretString};
use sql::{Cursor, Migration, Migrations, Pool, Tenant};
use vault::Vault;

pub(crate) use self::{
    answers::Meaning,
    ledger::{Counter, Reservation, Settled},
};
use crate::{
    Error,
    domain::{
        budget::Kept,
        settings::{origin, problem},
    },
};
use entities::provider;

pub const MIGRATIONS: Migrations = Migrations {
    service: "llm",
    platform: &[],
    tenant: &[
        Migration {
            name: "0001_providers",
            sql: include_str!("store/0001_providers.sql"),
        },
        Migration {
            name: "0002_kinds",
            sql: include_str!("store/0002_kinds.sql"),
        },
        Migration {
            name: "0003_routes",
            sql: include_str!("store/0003_routes.sql"),
        },
        Migration {
            name: "0004_budgets",
            sql: include_str!("store/0004_budgets.sql"),
        },
        Migration {
            name: "0005_answers",
            sql: include_str!("store/0005_answers.sql"),
        },
        Migration {
            name: "0006_answer_vectors",
            sql: include_str!("store/0006_answer_vectors.sql"),
        },
        Migration {
            name: "0007_versions",
            sql: include_str!("store/0007_versions.sql"),
        },
        Migration {
            name: "0008_recording",
            sql: include_str!("store/0008_recording.sql"),
        },
    ],
};

/// The table of the organization's data key.
const DATA_KEYS: &str = "llm_data_keys";
/// Providers of one organization at most.
const MAX_PROVIDERS: u64 = 500;

pub(crate) struct Store {
    pool: Pool,
    vault: Vault,
}

/// What an organization can name.
pub(crate) struct Stored {
    /// The oldest first.
    pub(crate) providers: Vec<StoredProvider>,
    /// The oldest first.
    pub(crate) routes: Vec<Route>,
    pub(crate) budgets: Vec<Kept>,
    /// Those of the organization as a whole.
    pub(crate) limits: Option<RateLimits>,
    pub(crate) recording: Recording,
}

/// A provider with its sealed keys.
pub(crate) struct StoredProvider {
    pub(crate) provider: Provider,
    sealed_key: Option<Vec<u8>>,
    /// The organization's data key, wrapped.
    wrapped: Option<Vec<u8>>,
}

/// What of a provider shall be different.
pub(crate) struct Change {
    pub(crate) base_url: Option<String>,
    pub(crate) keys: Option<Keys>,
    pub(crate) key_hint: Option<String>,
    pub(crate) limits: Option<RateLimits>,
    pub(crate) models: Option<Vec<ProviderModel>>,
}

/// All keys of a provider.
pub(crate) struct Keys {
    /// One per line: a key has no line break.
    lines: SecretString,
    count: u32,
}

impl Keys {
    pub(crate) fn new(first: String, more: Vec<String>) -> Self {
        let count = u32::try_from(more.len() + 1).unwrap_or(u32::MAX);
        let lines = std::iter::once(first).chain(more).collect::<Vec<_>>();
        Self {
            lines: lines.join("\n").into(),
            count,
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }
}

impl StoredProvider {
    /// Tells this provider's keys from all others, also from those it had before.
    pub(crate) fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.sealed_key.hash(&mut hasher);
        hasher.finish()
    }
}

impl Store {
    pub(crate) async fn connect(config: &sql::Config, vault: Vault) -> Result<Self, Error> {
        let pool = Pool::connect(config, &MIGRATIONS).await?;
        Ok(Self { pool, vault })
    }

    pub(crate) async fn ping(&self) -> Result<(), Error> {
        Ok(self.pool.ping().await?)
    }

    pub(crate) async fn stored(&self, tenant: TenantId) -> Result<Stored, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let rows = provider::Entity::find()
            .order_by_asc(provider::Column::CreatedAt)
            .order_by_asc(provider::Column::Id)
            .limit(MAX_PROVIDERS)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let wrapped = if rows.iter().any(|row| row.sealed_key.is_some()) {
            vault::wrapped_key(&transaction, DATA_KEYS).await?
        } else {
            None
        };
        let stored = rows.into_iter().map(|mut row| {
            Ok(StoredProvider {
                sealed_key: row.sealed_key.take(),
                wrapped: wrapped.clone(),
                provider: row.into_contract()?,
            })
        });
        Ok(Stored {
            providers: stored.collect::<Result<_, Error>>()?,
            routes: routes::all(&transaction).await?,
            budgets: budgets::all(&transaction).await?,
            limits: limits::of(&transaction).await?,
            recording: recording::of(&transaction).await?,
        })
    }

    /// The oldest first.
    pub(crate) async fn page(
        &self,
        tenant: TenantId,
        paging: &Paging,
    ) -> Result<Page<Provider>, Error> {
        let after = Cursor::of(paging)?;
        let transaction = self.pool.tenant(tenant).await?;
        let mut rows = provider::Entity::find();
        if let Some(cursor) = after {
            rows = rows.filter(cursor.after(provider::Column::CreatedAt, provider::Column::Id));
        }
        let rows = rows
            .order_by_asc(provider::Column::CreatedAt)
            .order_by_asc(provider::Column::Id)
            .limit(u64::from(paging.rows()) + 1)
            .all(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        let cursor = |row: &provider::Model| Cursor {
            at: row.created_at,
            id: row.id,
        };
        let page = sql::page(rows, paging, cursor, provider::Model::into_contract);
        Ok(Page {
            items: page.items.into_iter().collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    pub(crate) async fn get(&self, tenant: TenantId, id: ProviderId) -> Result<Provider, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        find(&transaction, id).await?.into_contract()
    }

    pub(crate) async fn insert(
        &self,
        tenant: TenantId,
        provider: Provider,
        keys: Option<Keys>,
    ) -> Result<Provider, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let sealed_key = match &keys {
            None => None,
            Some(keys) => {
                let place = Place {
                    tenant,
                    provider: provider.id,
                    base_url: &provider.base_url,
                };
                Some(self.seal(&transaction, &place, &keys.lines).await?)
            }
        };
        let row = provider::ActiveModel {
            id: Set(provider.id.uuid()),
            name: Set(provider.name.clone()),
            kind: Set(provider::kind_text(provider.kind)),
            base_url: Set(provider.base_url.clone()),
            sealed_key: Set(sealed_key),
            key_hint: Set(provider.key_hint.clone()),
            keys: Set(signed(provider.keys)),
            models: Set(models_text(&provider.models)),
            limits: Set(provider.limits.as_ref().map(limits::text)),
            created_at: Set(provider.created_at),
        };
        let inserted = provider::Entity::insert(row)
            .exec_without_returning(transaction.conn())
            .await
            .map_err(sql::Error::from);
        match inserted {
            Err(error) if error.violates("llm_providers_name") => {
                return Err(Error::ProviderExists(provider.name));
            }
            outcome => outcome?,
        };
        transaction.commit().await?;
        Ok(provider)
    }

    pub(crate) async fn update(
        &self,
        tenant: TenantId,
        id: ProviderId,
        change: Change,
    ) -> Result<Provider, Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let present = find(&transaction, id).await?;
        let base_url = change.base_url.unwrap_or_else(|| present.base_url.clone());
        let mut row: provider::ActiveModel = present.clone().into();
        match &change.keys {
            Some(keys) => {
                let place = Place {
                    tenant,
                    provider: id,
                    base_url: &base_url,
                };
                let sealed = self.seal(&transaction, &place, &keys.lines).await?;
                row.sealed_key = Set(Some(sealed));
                row.keys = Set(signed(keys.count));
                row.key_hint = Set(change.key_hint);
            }
            // Whoever may change the URL must not thereby send the key to a server of their own.
            None if present.sealed_key.is_some()
                && origin(&base_url) != origin(&present.base_url) =>
            {
                let text = "the key was given for another server: give it again";
                return Err(Error::InvalidProvider(vec![problem("/api_key", text)]));
            }
            None => {}
        }
        row.base_url = Set(base_url);
        if let Some(models) = &change.models {
            row.models = Set(models_text(models));
        }
        if let Some(limits) = &change.limits {
            row.limits = Set(Some(limits::text(limits)));
        }
        let changed = row
            .update(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        transaction.commit().await?;
        changed.into_contract()
    }

    pub(crate) async fn delete(&self, tenant: TenantId, id: ProviderId) -> Result<(), Error> {
        let transaction = self.pool.tenant(tenant).await?;
        let row = find(&transaction, id).await?;
        row.delete(transaction.conn())
            .await
            .map_err(sql::Error::from)?;
        Ok(transaction.commit().await?)
    }

    /// A key of a provider by its number from 0, to be sent to the origin of its URL and nowhere else.
    pub(crate) fn open_key(
        &self,
        tenant: TenantId,
        stored: &StoredProvider,
        number: u32,
    ) -> Result<Option<SecretString>, Error> {
        let Some(sealed) = &stored.sealed_key else {
            return Ok(None);
        };
        let wrapped = stored.wrapped.as_ref().ok_or(vault::Error::Open)?;
        let key = self.vault.unwrap(&tenant.to_string(), wrapped)?;
        let place = Place {
            tenant,
            provider: stored.provider.id,
            base_url: &stored.provider.base_url,
        };
        let lines = place.with(|aad| key.open(aad, sealed))?;
        if stored.provider.keys <= 1 {
            return Ok(Some(lines));
        }
        let line = usize::try_from(number).unwrap_or(usize::MAX);
        let key = lines.expose_secret().lines().nth(line);
        Ok(key.map(SecretString::from))
    }

    async fn seal(
        &self,
        transaction: &Tenant,
        place: &Place<'_>,
        key: &SecretString,
    ) -> Result<Vec<u8>, Error> {
        let data_key = self
            .vault
            .tenant_key(transaction, DATA_KEYS, place.tenant)
            .await?;
        Ok(place.with(|aad| data_key.seal(aad, key))?)
    }
}

/// Where a sealed key belongs.
struct Place<'a> {
    tenant: TenantId,
    provider: ProviderId,
    base_url: &'a str,
}

impl Place<'_> {
    fn with<T>(&self, work: impl FnOnce(&[&str]) -> T) -> T {
        let (tenant, provider) = (self.tenant.to_string(), self.provider.to_string());
        let origin = origin(self.base_url).unwrap_or_default();
        work(&[&tenant, &provider, "api_key", &origin])
    }
}

async fn find(transaction: &Tenant, id: ProviderId) -> Result<provider::Model, Error> {
    let row = provider::Entity::find_by_id(id.uuid())
        .lock_exclusive()
        .one(transaction.conn())
        .await
        .map_err(sql::Error::from)?;
    row.ok_or(Error::UnknownProvider(id))
}

/// Whether what is replaced is what its replacer has seen, if they say what that was.
///
/// # Errors
/// When somebody else was faster.
fn check_version(
    actual: i32,
    seen: Option<u32>,
    what: impl FnOnce() -> String,
) -> Result<(), Error> {
    let actual = actual.unsigned_abs();
    match seen {
        Some(expected) if expected != actual => Err(Error::VersionMismatch {
            what: what(),
            expected,
            actual,
        }),
        _ => Ok(()),
    }
}

fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn models_text(models: &[ProviderModel]) -> String {
    serde_json::to_string(models).expect("models can be written as JSON")
}
