//! What the binary can be asked to do.

pub(crate) mod check_archive;
pub(crate) mod migrate;
pub(crate) mod nats_config;
pub(crate) mod restore_log;
pub(crate) mod seed;
pub(crate) mod up;
