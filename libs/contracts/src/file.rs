//! Files that are read back piece by piece: none has to fit into one message.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// A piece of a file, and what the file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    pub name: String,
    /// By the content of the file.
    pub content_type: String,
    /// Of the whole file.
    pub bytes: u64,
    /// Base64 of up to 1 MiB; empty behind the end.
    pub content: String,
}

impl FilePart {
    /// Bytes of one piece at most.
    pub const MAX_BYTES: u32 = 1024 * 1024;

    pub fn new(name: String, content_type: String, bytes: u64, content: &[u8]) -> Self {
        Self {
            name,
            content_type,
            bytes,
            content: STANDARD.encode(content),
        }
    }

    /// The bytes of this piece; none where it is no base64.
    pub fn content(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.content).ok()
    }
}

/// How PostgreSQL's `substring(bytes from … for …)` counts a place in a file: from 1, in 32 bits. A place beyond any file
/// is one behind its end.
pub fn place_in_sql(offset: u64) -> i32 {
    i32::try_from(offset.saturating_add(1)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_as_they_were_written() {
        let part = FilePart::new("a".into(), "text/plain".into(), 9, b"\0\xff ");
        assert_eq!(part.content.as_str(), "AP8g");
        assert_eq!(part.content().unwrap(), b"\0\xff ");
        let broken = FilePart {
            content: "?".into(),
            ..part
        };
        assert_eq!(broken.content(), None);
    }

    #[test]
    fn places_are_never_too_large_for_the_database() {
        assert_eq!((place_in_sql(0), place_in_sql(9)), (1, 10));
        assert_eq!(place_in_sql(u64::MAX), i32::MAX);
    }
}
