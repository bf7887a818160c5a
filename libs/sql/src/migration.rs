//! What a service brings to the database: its tables, as numbered pieces of plain SQL.

/// One step. Its text never changes once it was applied anywhere: its checksum is kept.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Unique within the service, for example `0001_flows`.
    pub name: &'static str,
    /// Plain SQL, usually by `include_str!`. Additive only: older processes still read the schema.
    pub sql: &'static str,
}

impl Migration {
    pub(crate) fn checksum(&self) -> String {
        blake3::hash(self.sql.as_bytes()).to_hex().to_string()
    }
}

/// All steps of one service.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The service token, which is also the tail of its login role `troupe_<service>`.
    pub service: &'static str,
    /// For the schema `platform`, which all tenants share. A table with a `tenant_id` column must force row-level
    /// security; its policies compare with `platform.current_tenant()` and `platform.current_user_id()`. Grants are part
    /// of the text: `GRANT SELECT, INSERT ON users TO troupe_auth;`.
    pub platform: &'static [Migration],
    /// For each tenant's own schema. Names are unqualified; the tenant's role gets all rows of all tables.
    pub tenant: &'static [Migration],
}
