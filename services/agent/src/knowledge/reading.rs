//! From a file to its passages: pieces that make sense alone and are found as a whole.

use passages::ChunkOptions;

use crate::error::Error;

/// Passages of a document at most.
const MAX_PASSAGES: usize = 5_000;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// What it stands under; never empty.
    pub(crate) heading: Option<String>,
    pub(crate) text: String,
}

impl Passage {
    /// The heading often says what the text takes for granted.
    pub(crate) fn for_embedding(&self) -> String {
        match &self.heading {
            Some(heading) => format!("{heading}\n\n{}", self.text),
            None => self.text.clone(),
        }
    }
}

/// The type of a content; only which of two texts it is, the sender knows better.
///
/// # Errors
/// [`Error::Unreadable`].
pub(crate) fn kind_of(
    content: &[u8],
    name: &str,
    declared: Option<&str>,
) -> Result<&'static str, Error> {
    let by_name = name.to_lowercase().ends_with(".md");
    let declared = declared.or(by_name.then_some("text/markdown"));
    match passages::sniff(content, declared) {
        kind @ ("text/plain" | "text/markdown" | "text/html" | "application/pdf") => Ok(kind),
        "application/json" => Ok("text/plain"),
        other => Err(passages::Error::Unsupported(other.to_owned()).into()),
    }
}

/// # Errors
/// [`Error::Unreadable`] or [`Error::DocumentPassages`].
pub(crate) fn passages(content: &[u8], content_type: &str) -> Result<Vec<Passage>, Error> {
    let document = passages::extract(content_type, content)?;
    let passages = passages::chunk(&document, ChunkOptions::default());
    if passages.len() > MAX_PASSAGES {
        return Err(Error::DocumentPassages);
    }
    let passages = passages.into_iter().map(|passage| Passage {
        heading: passage.heading.filter(|heading| !heading.is_empty()),
        text: passage.text,
    });
    Ok(passages.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides() {
        let kind = |content: &[u8], name| kind_of(content, name, None).ok();
        assert_eq!(kind(b"# a", "a.md"), Some("text/markdown"));
        assert_eq!(kind(b"# a", "a.txt"), Some("text/plain"));
        assert_eq!(kind(b"{\"a\": 1}", "a.txt"), Some("text/plain"));
        assert_eq!(kind(b"<!doctype html><p>a", "a.txt"), Some("text/html"));
        assert_eq!(kind(b"PK\x03\x04", "a.md"), None);
        assert_eq!(kind(b"\xff\xfe", "a.txt"), None);
    }

    #[test]
    fn a_passage_knows_its_heading() {
        let found = passages(b"# Leave\n\nThirty days.", "text/markdown").unwrap();
        assert!(found[0].text.contains("Thirty days."));
        assert_eq!(found[0].heading.as_deref(), Some("Leave"));
        assert!(found[0].for_embedding().starts_with("Leave\n\n"));
    }

    #[test]
    fn a_document_has_a_bounded_number_of_passages() {
        let many = |count| passages("# a\nb\n".repeat(count).as_bytes(), "text/markdown");
        assert_eq!(many(5_000).unwrap().len(), 5_000);
        assert!(matches!(many(5_001), Err(Error::DocumentPassages)));
    }
}
