//! What the gateway knows about questions and answers, without asking anyone.
//!
//! **Invariant:** no async, no I/O, no clock.

pub(crate) mod answer;
pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod catalog;
pub(crate) mod guard;
pub(crate) mod likeness;
pub(crate) mod meter;
pub(crate) mod piece;
pub(crate) mod price;
pub(crate) mod prices;
pub(crate) mod question;
pub(crate) mod redact;
pub(crate) mod routing;
pub(crate) mod settings;
pub(crate) mod shape;
pub(crate) mod texts;
pub(crate) mod words;
