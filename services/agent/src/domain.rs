//! The rules of agents and crews that need neither database nor network.

pub(crate) mod agent;
pub(crate) mod checks;
pub(crate) mod crew;
pub(crate) mod import;
pub(crate) mod item;
pub(crate) mod problems;
