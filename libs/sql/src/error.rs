//! What can go wrong between a store and PostgreSQL.
//!
//! **Invariant:** the text of an error names no value of a row; the cause stays in `source()`, which is only logged.

use std::sync::Arc;

use sea_orm::{DbErr, RuntimeErr, sqlx};

use contracts::{ErrorCode, id::TenantId};

use crate::SchemaName;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("organization `{0}` does not exist")]
    UnknownTenant(TenantId),
    #[error("cursor `{0}` is not valid: pass the `next` of the page before")]
    InvalidCursor(String),
    #[error("the database is not available at present")]
    Unavailable(#[source] DbErr),
    #[error("the database did not answer in time")]
    Timeout(#[source] DbErr),
    /// A unique constraint refused the row; [`Error::violates`] tells which.
    #[error("an object with this key exists already")]
    Duplicate {
        constraint: String,
        #[source]
        source: DbErr,
    },
    #[error("the database refused a statement")]
    Database(#[source] DbErr),
    #[error("schema `{schema}` lacks migrations of service `{service}`: run `troupe migrate`")]
    NotMigrated {
        schema: String,
        service: &'static str,
    },
    #[error(
        "migration `{name}` of service `{service}` differs from what was applied to schema `{schema}`: add a new migration instead of changing an old one"
    )]
    MigrationChanged {
        schema: String,
        service: String,
        name: String,
    },
    #[error("migration `{name}` of service `{service}` failed on schema `{schema}`")]
    MigrationFailed {
        schema: String,
        service: &'static str,
        name: &'static str,
        #[source]
        source: DbErr,
    },
    #[error("the database is not set up safely: {0}")]
    NotSafe(String),
    #[error(
        "neither `TROUPE_POSTGRES_SECRET` nor `TROUPE_POSTGRES_PASSWORD` is set: role `{0}` has no password"
    )]
    NoPassword(String),
    #[error("`TROUPE_POSTGRES_URL` is not a PostgreSQL URL")]
    Url(#[source] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownTenant(_) => ErrorCode::NotFound,
            Self::InvalidCursor(_) => ErrorCode::InvalidInput,
            Self::Unavailable(_) | Self::NotMigrated { .. } => ErrorCode::Unavailable,
            Self::Timeout(_) => ErrorCode::Timeout,
            Self::Duplicate { .. } => ErrorCode::Conflict,
            Self::Database(_)
            | Self::MigrationChanged { .. }
            | Self::MigrationFailed { .. }
            | Self::NotSafe(_)
            | Self::NoPassword(_)
            | Self::Url(_) => ErrorCode::Internal,
        }
    }

    /// Whether the unique constraint or index of this name refused the row.
    pub fn violates(&self, name: &str) -> bool {
        matches!(self, Self::Duplicate { constraint, .. } if constraint == name)
    }

    /// The SQLSTATE the server answered with, if it was the server that refused.
    pub(crate) fn sqlstate(&self) -> Option<String> {
        let (Self::Unavailable(source)
        | Self::Timeout(source)
        | Self::Database(source)
        | Self::Duplicate { source, .. }
        | Self::MigrationFailed { source, .. }) = self
        else {
            return None;
        };
        let error = driver_error(source)?.as_database_error()?;
        error.code().map(|code| code.into_owned())
    }

    pub(crate) fn failed_on(
        schema: &SchemaName,
        service: &'static str,
        name: &'static str,
        source: sqlx::Error,
    ) -> Self {
        Self::MigrationFailed {
            schema: schema.to_string(),
            service,
            name,
            source: wrap(source),
        }
    }
}

impl From<DbErr> for Error {
    fn from(source: DbErr) -> Self {
        match kind_of(&source) {
            Kind::Unavailable => Self::Unavailable(source),
            Kind::Timeout => Self::Timeout(source),
            Kind::Duplicate(constraint) => Self::Duplicate { constraint, source },
            Kind::Other => Self::Database(source),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        wrap(source).into()
    }
}

enum Kind {
    Unavailable,
    Timeout,
    Duplicate(String),
    Other,
}

fn kind_of(error: &DbErr) -> Kind {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return Kind::Unavailable;
    }
    let Some(error) = driver_error(error) else {
        return Kind::Other;
    };
    let Some(refusal) = error.as_database_error() else {
        let is_connection = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        return if is_connection {
            Kind::Unavailable
        } else {
            Kind::Other
        };
    };
    // PostgreSQL, appendix A: error codes.
    match refusal.code().as_deref().unwrap_or_default() {
        "23505" => Kind::Duplicate(refusal.constraint().unwrap_or_default().to_owned()),
        "57014" | "55P03" | "25P03" => Kind::Timeout,
        code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
            Kind::Unavailable
        }
        _ => Kind::Other,
    }
}

fn driver_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn wrap(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}
