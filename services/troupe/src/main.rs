//! The one binary; its roles follow.

fn main() {}
