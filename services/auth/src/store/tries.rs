//! How often the password of an account was tried of late.
//!
//! **Invariant:** a try is counted before the password is checked, in one statement: parallel tries cannot slip through.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;

use super::{AuthStore, sessions::statement};
use crate::domain::{Email, TRIES, TRIES_WINDOW};

impl AuthStore {
    /// Counts a try; where there were too many, it is not counted and the time until the next one is returned.
    pub(crate) async fn count_try(
        &self,
        email: &Email,
        now: DateTime<Utc>,
    ) -> Result<Option<TimeDelta>, sql::Error> {
        let since = now - TRIES_WINDOW;
        let transaction = self.begin().await?;
        let count = statement(
            "INSERT INTO login_tries AS l (email_hash, tries, last_at) VALUES ($1, ARRAY[$2::timestamptz], $2)
             ON CONFLICT (email_hash) DO UPDATE
             SET tries = ARRAY(SELECT t FROM unnest(l.tries) t WHERE t > $3) || $2::timestamptz, last_at = $2
             WHERE (SELECT count(*) FROM unnest(l.tries) t WHERE t > $3) < $4",
            [hash(email).into(), now.into(), since.into(), i64::from(TRIES).into()],
        );
        if transaction.conn().execute_raw(count).await?.rows_affected() == 1 {
            transaction.commit().await?;
            return Ok(None);
        }
        let oldest = statement(
            "SELECT min(t) AS oldest FROM login_tries l, unnest(l.tries) t WHERE l.email_hash = $1 AND t > $2",
            [hash(email).into(), since.into()],
        );
        let row = transaction.conn().query_one_raw(oldest).await?;
        let oldest: Option<DateTime<Utc>> = match row {
            Some(row) => row.try_get("", "oldest").map_err(sql::Error::from)?,
            None => None,
        };
        // Another try may be counted with a later time than ours, and a part of a millisecond would read as no wait.
        let wait = oldest.unwrap_or(now) - since;
        let longest = now - since;
        Ok(Some(wait.clamp(TimeDelta::milliseconds(1), longest)))
    }

    /// The password was right: the tries before it no longer count.
    pub(crate) async fn forget_tries(&self, email: &Email) -> Result<(), sql::Error> {
        let transaction = self.begin().await?;
        let delete = statement(
            "DELETE FROM login_tries WHERE email_hash = $1",
            [hash(email).into()],
        );
        transaction.conn().execute_raw(delete).await?;
        transaction.commit().await
    }

    /// Removes what no longer limits anyone.
    pub(crate) async fn forget_old_tries(&self, now: DateTime<Utc>) -> Result<u64, sql::Error> {
        let transaction = self.begin().await?;
        let delete = statement(
            "DELETE FROM login_tries WHERE last_at < $1",
            [(now - TRIES_WINDOW).into()],
        );
        let deleted = transaction
            .conn()
            .execute_raw(delete)
            .await?
            .rows_affected();
        transaction.commit().await?;
        Ok(deleted)
    }
}

/// Addresses that nobody registered are not kept in clear.
fn hash(email: &Email) -> Vec<u8> {
    blake3::hash(email.as_str().as_bytes()).as_bytes().to_vec()
}
