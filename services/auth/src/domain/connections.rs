//! Which NATS connections were opened with which token, so that they end when the token is revoked.
//!
//! **Invariant:** a revocation meets a connection whichever of the two is heard of first.

use std::collections::HashMap;

use contracts::principal::{Claims, revocation};

/// A connection, as the server that has it names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// The public key of the server.
    pub(crate) server: String,
    /// The server's number of the connection.
    pub(crate) number: u64,
}

struct Held {
    connection: Connection,
    /// Unix milliseconds.
    issued_ms: u64,
    /// Unix seconds; the server itself ends the connection then.
    until: u64,
}

/// All connections opened here whose tokens have not expired, and what was revoked of late.
#[derive(Default)]
pub(crate) struct Connections {
    held: HashMap<String, Vec<Held>>,
    /// Unix milliseconds by revocation key.
    revoked: HashMap<String, u64>,
}

impl Connections {
    /// Remembers a connection; false where its token has been revoked already.
    pub(crate) fn admit(&mut self, claims: &Claims, connection: &Connection) -> bool {
        let keys = keys_of(claims);
        if keys
            .iter()
            .any(|key| self.revoked.get(key).is_some_and(|at| claims.iat_ms <= *at))
        {
            return false;
        }
        for key in keys {
            let held = Held {
                connection: connection.clone(),
                issued_ms: claims.iat_ms,
                until: claims.exp,
            };
            self.held.entry(key).or_default().push(held);
        }
        true
    }

    /// The connections that must end; `at` is in Unix milliseconds.
    pub(crate) fn revoke(&mut self, key: &str, at: u64) -> Vec<Connection> {
        self.revoked.insert(key.to_owned(), at);
        let Some(held) = self.held.get_mut(key) else {
            return Vec::new();
        };
        let met = held.extract_if(.., |held| held.issued_ms <= at);
        met.map(|held| held.connection).collect()
    }

    /// Forgets what has expired by `now`, Unix seconds.
    pub(crate) fn forget(&mut self, now: u64) {
        self.held.retain(|_, held| {
            held.retain(|held| held.until > now);
            !held.is_empty()
        });
        let horizon = now.saturating_sub(super::ACCESS_LIFETIME.as_secs()) * 1000;
        self.revoked.retain(|_, at| *at > horizon);
    }
}

fn keys_of(claims: &Claims) -> Vec<String> {
    let member = revocation::of_member(claims.tid, claims.sub);
    claims
        .sid
        .map(revocation::of_session)
        .into_iter()
        .chain([member])
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use contracts::{
        Role,
        id::{SessionId, TenantId, UserId},
    };

    use super::*;
    use crate::domain::{Grant, claims};

    const ISSUED: i64 = 1_700_000_000;

    fn token(session: SessionId) -> Claims {
        let grant = Grant {
            user: UserId::EXAMPLE,
            tenant: TenantId::EXAMPLE,
            role: Role::Owner,
            session: Some(session),
            execution: None,
        };
        claims(
            grant,
            "j".into(),
            DateTime::from_timestamp(ISSUED, 0).expect("a time"),
        )
    }

    fn connection(number: u64) -> Connection {
        Connection {
            server: "N".into(),
            number,
        }
    }

    #[test]
    fn a_revoked_session_ends_its_connections_alone() {
        let (one, other) = (SessionId::generate(), SessionId::generate());
        let mut connections = Connections::default();
        assert!(connections.admit(&token(one), &connection(1)));
        assert!(connections.admit(&token(one), &connection(2)));
        assert!(connections.admit(&token(other), &connection(3)));
        let key = revocation::of_session(one);
        let issued = token(one).iat_ms;
        assert_eq!(connections.revoke(&key, issued - 1), []);
        assert_eq!(
            connections.revoke(&key, issued),
            [connection(1), connection(2)]
        );
        assert_eq!(connections.revoke(&key, issued), []);
        assert!(
            !connections.admit(&token(one), &connection(4)),
            "a revocation heard of before"
        );
        let member = revocation::of_member(TenantId::EXAMPLE, UserId::EXAMPLE);
        assert!(connections.revoke(&member, issued).contains(&connection(3)));
    }

    #[test]
    fn what_has_expired_is_forgotten() {
        let session = SessionId::generate();
        let mut connections = Connections::default();
        connections.admit(&token(session), &connection(1));
        connections.revoke("session.x", token(session).iat_ms);
        connections.forget(ISSUED.unsigned_abs() + 599);
        assert!(!connections.held.is_empty() && !connections.revoked.is_empty());
        connections.forget(ISSUED.unsigned_abs() + 600);
        assert!(connections.held.is_empty() && connections.revoked.is_empty());
    }
}
