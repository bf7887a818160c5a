//! The names of schemas.
//!
//! **Invariant:** a [`SchemaName`] is `platform` or matches `^t_[0-9a-f]{32}$`; it is built from an id, never from a text
//! of a user, so it may stand in a statement as it is.

use std::fmt;

use contracts::id::TenantId;

use crate::Error;

/// A schema, and for a tenant also the role of the same name that may use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SchemaName(String);

impl SchemaName {
    /// The schema of the tables that all tenants share.
    pub fn platform() -> Self {
        Self("platform".to_owned())
    }

    /// # Errors
    /// [`Error::UnknownTenant`] for [`TenantId::PLATFORM`], which has no schema of its own.
    pub fn of(tenant: TenantId) -> Result<Self, Error> {
        if tenant == TenantId::PLATFORM {
            return Err(Error::UnknownTenant(tenant));
        }
        Ok(Self(format!("t_{}", tenant.uuid().simple())))
    }

    /// Reads the tenant back out of a name found in the server's catalogue.
    pub(crate) fn tenant(name: &str) -> Option<TenantId> {
        format!("org_{}", name.strip_prefix("t_")?).parse().ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_ids_alone() {
        let tenant = TenantId::generate();
        let schema = SchemaName::of(tenant).unwrap();
        let digits = schema.as_str().strip_prefix("t_").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(
            digits
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert_eq!(SchemaName::tenant(schema.as_str()), Some(tenant));
        assert!(SchemaName::of(TenantId::PLATFORM).is_err());
        for name in ["platform", "t_x", "t_", "public", "t_\"; DROP SCHEMA x"] {
            assert_eq!(SchemaName::tenant(name), None, "{name}");
        }
    }
}
