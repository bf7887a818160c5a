//! The rules of conversations: pure, without clock and I/O.

pub(crate) mod checks;
