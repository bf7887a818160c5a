//! The rows, and how they become what the contract shows.

pub(super) mod provider;
