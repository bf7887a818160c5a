//! What is kept with versions: agents and crews, alike.

use std::fmt;

use chrono::{DateTime, Utc};
use contracts::id::{AgentId, CrewId, UserId};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Agent,
    Crew,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Crew => "crew",
        }
    }
}

/// An agent or a crew, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    Agent(AgentId),
    Crew(CrewId),
}

impl Item {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Agent(_) => Kind::Agent,
            Self::Crew(_) => Kind::Crew,
        }
    }

    pub(crate) const fn uuid(self) -> Uuid {
        match self {
            Self::Agent(id) => id.uuid(),
            Self::Crew(id) => id.uuid(),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => write!(f, "agent `{id}`"),
            Self::Crew(id) => write!(f, "crew `{id}`"),
        }
    }
}

/// One version, as it is kept.
#[derive(Debug)]
pub(crate) struct Stored<S> {
    pub(crate) id: Uuid,
    pub(crate) version: u32,
    pub(crate) spec: S,
    /// Of the item, not of this version.
    pub(crate) created_by: UserId,
    pub(crate) created_at: DateTime<Utc>,
    /// When this version was made.
    pub(crate) updated_at: DateTime<Utc>,
}

/// What lists show and search of an item's newest version.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) name: &'a str,
    pub(crate) about: &'a str,
    pub(crate) goal: Option<&'a str>,
    pub(crate) mode: &'static str,
}

/// What an author says about an item.
pub(crate) trait Spec: serde::Serialize + serde::de::DeserializeOwned {
    fn shown(&self) -> Shown<'_>;
}

/// An item in a list.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: Uuid,
    pub(crate) version: u32,
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) mode: String,
    pub(crate) updated_at: DateTime<Utc>,
}
