//! Conversations with MCP servers, between their calls.
//!
//! **Invariant:** a conversation is taken up by the organization that began it alone: its container may remember.
//! **Invariant:** never more are kept than the configuration says. None is kept longer than [`SESSION_IDLE`] without a
//! call, nor longer than [`SESSION_LIFE`] in all.

use std::time::Duration;

use contracts::id::TenantId;

use crate::containers::{
    config::Config,
    pool::{Kind, SESSION_LIFE},
    session::Session,
};

/// A minute after the last call none is left.
const SESSION_IDLE: Duration = Duration::from_secs(45);

pub(super) struct Sessions {
    most: usize,
    /// The one used last at the end.
    idle: Vec<(TenantId, Kind, Session)>,
}

impl Sessions {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            most: usize::from(config.containers_warm_total),
            idle: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, tenant: TenantId, kind: &Kind) -> Option<Session> {
        self.retire();
        let fits = |(whose, what, _): &(TenantId, Kind, Session)| *whose == tenant && what == kind;
        let at = self.idle.iter().rposition(fits)?;
        Some(self.idle.remove(at).2)
    }

    /// The one that was used longest ago makes room.
    pub(super) fn keep(&mut self, tenant: TenantId, kind: &Kind, session: Session) {
        self.idle.push((tenant, kind.clone(), session));
        let surplus = self.idle.len().saturating_sub(self.most);
        self.idle.drain(..surplus);
    }

    /// Drops those that are too old.
    pub(super) fn retire(&mut self) {
        self.idle
            .retain(|(_, _, session)| session.is_fresh(SESSION_LIFE, SESSION_IDLE));
    }

    pub(super) fn clear(&mut self) {
        self.idle.clear();
    }
}
