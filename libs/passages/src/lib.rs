//! From a file to passages: what type it has by its content, its text, and the text cut into pieces that make sense alone.
//!
//! Pure functions of bytes. Files come from strangers, so every function is bounded by the limits below; [`extract`]
//! of a PDF is still heavy work on a hostile format, so call it on a thread for blocking work and wait for it no longer
//! than you are willing to. A thread cannot be stopped: bound how many such calls run at the same time.
//!
//! **Invariant:** no input makes a function here panic, and no output is larger than its limit.

mod chunk;
mod document;
mod error;
mod extract;
mod sniff;

pub use chunk::{ChunkOptions, Passage, chunk};
pub use document::{Document, Heading};
pub use error::Error;
pub use extract::extract;
pub use sniff::sniff;

/// Bytes of a file at most.
pub const MAX_FILE: usize = 20 * 1024 * 1024;
/// Bytes of the text of a file at most.
pub const MAX_TEXT: usize = 5 * 1024 * 1024;
/// Pages of a PDF at most.
pub const MAX_PAGES: usize = 2_000;
