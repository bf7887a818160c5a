//! The engine's core: what an execution does next. Pure: no I/O, no clock, no randomness.
//!
//! Read [`state`] for what an execution is, [`fold`] for how records make it, [`apply`] for how it answers an input,
//! [`inline`] for the steps the core does itself, [`calls`] for what agents and crews do, [`program`] for what it runs,
//! [`reuse`] for what it takes over from another, and [`retry`] for pauses and keys. [`comparing`] and [`replaying`] look back.
//!
//! **Invariant:** a state is a pure fold over its records: folding the records of an execution from the first gives the
//! state that [`apply`] left, byte for byte. So nothing but [`fold`] changes a state.

mod answers;
pub(crate) mod apply;
pub(crate) mod bodies;
pub(crate) mod calls;
pub(crate) mod comparing;
pub(crate) mod fold;
pub(crate) mod inline;
pub(crate) mod limits;
mod outputs;
pub(crate) mod program;
pub(crate) mod replaying;
pub(crate) mod retry;
pub(crate) mod reuse;
mod rounds;
pub(crate) mod state;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use apply::{
    Answer, Applied, Called, Effect, Input, Timer, Word, outcome_of, patience, told_at_the_end,
};
pub(crate) use fold::Broken;
pub(crate) use program::Program;
pub(crate) use reuse::{Past, Reused, TakenOver};
pub(crate) use state::State;
