//! What the service answers over NATS, in the order of `contracts::llm`.

pub(crate) mod budgets;
mod calls;
mod complete;
mod embed;
mod limits;
mod providers;
mod recording;
mod routes;
mod usage;

pub(crate) use calls::{calls, get_call};
pub(crate) use complete::complete;
pub(crate) use embed::embed;
pub(crate) use limits::{limits, set_limits};
pub(crate) use providers::{
    create_provider, delete_provider, get_provider, models, providers, test_provider,
    update_provider,
};
pub(crate) use recording::{call_bodies, recording, set_recording};
pub(crate) use routes::{create_route, delete_route, get_route, routes, update_route};
pub(crate) use usage::usage;
