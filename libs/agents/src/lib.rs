//! What an agent or a crew does next: pure, so that the engine can record each call it makes, replay it, and go on after
//! a crash.
//!
//! Read [`call`] for what they may ask for, [`agent`] for the loop of one agent, [`memory`] for what it
//! recalls and keeps, [`crew`] for tasks and managers.
//!
//! **Invariant:** the answer follows from the run and the outcomes recorded so far, and from nothing else. Asked again
//! with the same outcomes it wants the same calls under the same paths.
//! **Invariant:** whatever a model says, a run ends: every question and every call counts against its limits.

mod agent;
mod call;
mod crew;
mod memory;
mod meter;
mod output;
mod prompt;
#[cfg(test)]
mod tests;

pub use agent::{AgentRun, agent};
pub use call::{Call, History, Next, Outcome, ToolUse, Wanted};
pub use crew::{CrewRun, crew};
