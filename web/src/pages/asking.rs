//! What people are asked, where it is answered: on the page of an execution and in the inbox.

pub(crate) mod answer;
pub(crate) mod decide;
mod who;
