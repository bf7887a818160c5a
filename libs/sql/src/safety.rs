//! The check at start: the wall between tenants stands only if the server was set up as we think.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};

use crate::Error;

/// Tables of `platform` with a tenant's rows whose row-level security does not bind everyone.
const OPEN_TABLES: &str = "
    SELECT c.relname::text
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'platform'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
    ORDER BY 1";

/// Why the role that we signed in as is above the rules.
const ROLE_FAULTS: &str = "
    SELECT fault FROM pg_catalog.pg_roles r, LATERAL (VALUES
        ('is a superuser', r.rolsuper),
        ('may bypass row-level security', r.rolbypassrls),
        ('inherits the rights of its roles', r.rolinherit),
        ('may create roles', r.rolcreaterole),
        ('may create schemas', pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')),
        ('may create tables in `platform`', pg_catalog.has_schema_privilege('platform', 'CREATE')),
        ('owns tables', EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relowner = r.oid)),
        ('owns schemas', EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspowner = r.oid)),
        ('may become the owner of tables', EXISTS (
            SELECT FROM pg_catalog.pg_namespace n
            WHERE n.nspname = 'platform' AND pg_catalog.pg_has_role(r.oid, n.nspowner, 'MEMBER')))
    ) AS faults(fault, found)
    WHERE r.rolname = current_user AND found";

/// # Errors
/// [`Error::NotSafe`] names what is wrong.
pub(crate) async fn check(connection: &DatabaseTransaction) -> Result<(), Error> {
    let tables = texts(connection, OPEN_TABLES).await?;
    if !tables.is_empty() {
        return Err(Error::NotSafe(format!(
            "row-level security is not forced on {}",
            tables.join(", ")
        )));
    }
    let faults = texts(connection, ROLE_FAULTS).await?;
    if !faults.is_empty() {
        return Err(Error::NotSafe(format!(
            "the service's role {}",
            faults.join(", ")
        )));
    }
    Ok(())
}

async fn texts(
    connection: &DatabaseTransaction,
    query: &'static str,
) -> Result<Vec<String>, Error> {
    let statement = Statement::from_string(DbBackend::Postgres, query);
    let rows = connection.query_all_raw(statement).await?;
    let texts = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(texts.collect::<Result<_, _>>()?)
}
