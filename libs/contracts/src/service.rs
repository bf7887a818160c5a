//! The services and the call graph between them.
//!
//! **Invariant:** the call graph has no cycle; answers flow back only as replies and events.

use std::fmt;

/// A service, by the token it has in subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    Auth,
    Tenant,
    Flow,
    Agent,
    Tool,
    Execution,
    Chat,
    Llm,
    Gateway,
}

impl Service {
    pub const ALL: [Self; 9] = [
        Self::Auth,
        Self::Tenant,
        Self::Flow,
        Self::Agent,
        Self::Tool,
        Self::Execution,
        Self::Chat,
        Self::Llm,
        Self::Gateway,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Tenant => "tenant",
            Self::Flow => "flow",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Execution => "execution",
            Self::Chat => "chat",
            Self::Llm => "llm",
            Self::Gateway => "gateway",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.as_str() == text)
    }

    /// The services it may send requests to.
    pub const fn calls(self) -> &'static [Self] {
        match self {
            Self::Gateway => &[
                Self::Auth,
                Self::Tenant,
                Self::Flow,
                Self::Agent,
                Self::Tool,
                Self::Execution,
                Self::Chat,
                Self::Llm,
            ],
            Self::Chat => &[Self::Agent, Self::Flow, Self::Execution],
            Self::Flow => &[Self::Agent, Self::Tool, Self::Execution, Self::Auth],
            Self::Execution => &[Self::Agent, Self::Tool, Self::Llm, Self::Auth],
            Self::Agent => &[Self::Tool, Self::Llm, Self::Auth],
            Self::Auth => &[Self::Tenant],
            Self::Tool | Self::Llm | Self::Tenant => &[],
        }
    }

    /// The services that may send requests to it.
    pub fn callers(self) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |caller| caller.calls().contains(&self))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::OPERATIONS;

    #[test]
    fn the_call_graph_has_no_cycle() {
        fn reaches(from: Service, to: Service) -> bool {
            from.calls()
                .iter()
                .any(|next| *next == to || reaches(*next, to))
        }
        // `reaches` would not end in a cycle that excludes `from`; the stack then says so.
        for service in Service::ALL {
            assert!(!reaches(service, service), "{service}");
        }
    }

    #[test]
    fn every_operation_belongs_to_a_service() {
        for operation in OPERATIONS {
            assert!(
                Service::parse(operation.service()).is_some(),
                "{}",
                operation.name
            );
        }
    }
}
