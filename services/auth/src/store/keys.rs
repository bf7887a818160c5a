//! The keys that sign access tokens, their private part sealed.

use chrono::{DateTime, Utc};
use contracts::principal::PublicKey;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{AuthStore, sessions::statement};

/// A signing key as it is stored.
#[derive(Clone)]
pub(crate) struct KeyRow {
    pub(crate) public: PublicKey,
    /// The data key under the master key.
    pub(crate) wrapped_key: Vec<u8>,
    /// The private part under the data key.
    pub(crate) sealed_seed: Vec<u8>,
    pub(crate) created_at: DateTime<Utc>,
}

impl AuthStore {
    /// The key that signs at present.
    pub(crate) async fn present_key(&self) -> Result<Option<KeyRow>, sql::Error> {
        let transaction = self.begin().await?;
        let query = statement(
            "SELECT kid, public_key, wrapped_key, sealed_seed, created_at FROM signing_keys WHERE retired_at IS NULL",
            [],
        );
        let row = transaction.conn().query_one_raw(query).await?;
        Ok(row.map(|row| read(&row)).transpose()?)
    }

    /// Makes this the key that signs, unless another process was faster.
    pub(crate) async fn offer_key(&self, key: &KeyRow) -> Result<(), sql::Error> {
        let transaction = self.begin().await?;
        let insert = statement(
            "INSERT INTO signing_keys (kid, public_key, wrapped_key, sealed_seed, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            [
                key.public.kid.clone().into(),
                key.public.x.clone().into(),
                key.wrapped_key.clone().into(),
                key.sealed_seed.clone().into(),
                key.created_at.into(),
            ],
        );
        transaction.conn().execute_raw(insert).await?;
        transaction.commit().await
    }

    /// The public keys of all tokens that may still be good: those not retired, or retired after `horizon`.
    pub(crate) async fn public_keys(
        &self,
        horizon: DateTime<Utc>,
    ) -> Result<Vec<PublicKey>, sql::Error> {
        let transaction = self.begin().await?;
        let query = statement(
            "SELECT kid, public_key FROM signing_keys WHERE retired_at IS NULL OR retired_at > $1",
            [horizon.into()],
        );
        let rows = transaction.conn().query_all_raw(query).await?;
        Ok(rows.iter().map(public).collect::<Result<_, _>>()?)
    }
}

fn read(row: &QueryResult) -> Result<KeyRow, sea_orm::DbErr> {
    Ok(KeyRow {
        public: public(row)?,
        wrapped_key: row.try_get("", "wrapped_key")?,
        sealed_seed: row.try_get("", "sealed_seed")?,
        created_at: row.try_get("", "created_at")?,
    })
}

fn public(row: &QueryResult) -> Result<PublicKey, sea_orm::DbErr> {
    Ok(PublicKey {
        kid: row.try_get("", "kid")?,
        x: row.try_get("", "public_key")?,
    })
}
