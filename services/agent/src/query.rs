//! Plain SQL with values, for questions that need more than one table or the types of an extension.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};

/// A statement with its values, `$1` first.
pub(crate) fn statement<const N: usize>(sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// # Errors
/// What the database says.
pub(crate) async fn all<R: FromQueryResult>(
    conn: &impl ConnectionTrait,
    statement: Statement,
) -> Result<Vec<R>, sql::Error> {
    Ok(R::find_by_statement(statement).all(conn).await?)
}

/// # Errors
/// What the database says.
pub(crate) async fn one<R: FromQueryResult>(
    conn: &impl ConnectionTrait,
    statement: Statement,
) -> Result<Option<R>, sql::Error> {
    Ok(R::find_by_statement(statement).one(conn).await?)
}

/// The number of rows that were changed.
///
/// # Errors
/// What the database says.
pub(crate) async fn execute(
    conn: &impl ConnectionTrait,
    statement: Statement,
) -> Result<u64, sql::Error> {
    Ok(conn.execute_raw(statement).await?.rows_affected())
}

/// A count as the database keeps it; it never keeps a negative one.
pub(crate) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
