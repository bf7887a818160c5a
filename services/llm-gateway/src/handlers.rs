//! What the service answers over NATS, in the order of `contracts::llm`.

mod complete;
mod embed;
mod providers;
mod usage;

pub(crate) use complete::complete;
pub(crate) use embed::embed;
pub(crate) use providers::{
    create_provider, delete_provider, get_provider, models, providers, test_provider,
    update_provider,
};
pub(crate) use usage::usage;
