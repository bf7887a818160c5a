//! The rows, and how they become what the contract shows.

pub(super) mod budget;
pub(super) mod provider;
pub(super) mod route;
