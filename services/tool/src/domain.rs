//! The rules of tools that need neither database nor network.

pub(crate) mod arguments;
pub(crate) mod import;
pub(crate) mod openapi;
pub(crate) mod schemas;
pub(crate) mod secret;
pub(crate) mod spec;
