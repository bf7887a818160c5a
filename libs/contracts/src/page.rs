//! Lists: `{items, next}` with an opaque cursor.

use serde::{Deserialize, Serialize};

/// Rows of a page when the caller names no limit.
pub const DEFAULT_LIMIT: u32 = 50;
/// Rows of a page at most.
pub const MAX_LIMIT: u32 = 200;

/// One page of a list; `next` is the cursor of the following page, null on the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// Where a page starts and how long it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// The `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// 1 to 200, 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

impl Paging {
    /// The number of rows to read, within the bounds.
    pub fn rows(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }
}
