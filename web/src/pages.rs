//! The pages, one file each.

pub(crate) mod agent;
pub(crate) mod agents;
pub(crate) mod chat;
pub(crate) mod crew;
pub(crate) mod crews;
pub(crate) mod dashboard;
mod deleting;
pub(crate) mod design;
mod editing;
pub(crate) mod editor;
pub(crate) mod execution;
pub(crate) mod executions;
pub(crate) mod flows;
mod json_text;
pub(crate) mod knowledge;
pub(crate) mod knowledge_base;
mod listing;
pub(crate) mod login;
pub(crate) mod missing;
pub(crate) mod providers;
pub(crate) mod register;
mod picking;
mod running;
pub(crate) mod settings;
pub(crate) mod tool;
pub(crate) mod tools;
mod versions;
