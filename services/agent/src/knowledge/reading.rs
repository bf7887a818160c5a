//! From a file to its passages: pieces that make sense alone and are found as a whole.

use crate::error::Error;

/// Bytes of a document's text at most.
const MAX_TEXT: usize = 5 * 1024 * 1024;
/// Passages of a document at most.
const MAX_PASSAGES: usize = 5_000;
/// Characters that a passage grows to, while whole paragraphs fit.
const GROWN: usize = 1_500;
/// Characters of a heading that are kept.
const HEADING: usize = 200;

/// A piece of a document that is found as a whole.
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

/// The type of a content; what the sender takes it for tells Markdown from plain text.
///
/// # Errors
/// [`Error::UnknownContent`].
pub(crate) fn kind_of(
    content: &[u8],
    name: &str,
    declared: Option<&str>,
) -> Result<&'static str, Error> {
    let text = std::str::from_utf8(content).map_err(|_| Error::UnknownContent)?;
    let is_binary = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    if text.chars().take(4096).any(is_binary) {
        return Err(Error::UnknownContent);
    }
    let is_markdown = declared.is_some_and(|kind| kind.starts_with("text/markdown"))
        || name.to_lowercase().ends_with(".md");
    Ok(if is_markdown {
        "text/markdown"
    } else {
        "text/plain"
    })
}

/// # Errors
/// [`Error::TextTooLarge`], [`Error::NoText`] or [`Error::DocumentPassages`].
pub(crate) fn passages(content: &[u8], content_type: &str) -> Result<Vec<Passage>, Error> {
    if content.len() > MAX_TEXT {
        return Err(Error::TextTooLarge);
    }
    let text = String::from_utf8_lossy(content).replace('\0', "");
    let passages = cut(&text, content_type == "text/markdown");
    match passages.len() {
        0 => Err(Error::NoText),
        1..=MAX_PASSAGES => Ok(passages),
        _ => Err(Error::DocumentPassages),
    }
}

/// Paragraphs, together as long as they fit and stand under the same heading.
fn cut(text: &str, has_headings: bool) -> Vec<Passage> {
    let (mut passages, mut heading, mut grown) = (Vec::new(), None, String::new());
    let mut finish = |heading: &Option<String>, grown: &mut String| {
        let text = std::mem::take(grown);
        if !text.trim().is_empty() {
            let heading = heading.clone();
            let text = text.trim().to_owned();
            passages.push(Passage { heading, text });
        }
    };
    for line in text.lines().flat_map(pieces) {
        if let Some(title) = title(line).filter(|_| has_headings) {
            finish(&heading, &mut grown);
            heading = Some(title);
            continue;
        }
        let ends = line.trim().is_empty() && grown.chars().count() > GROWN / 2;
        if ends || grown.chars().count() + line.chars().count() > GROWN {
            finish(&heading, &mut grown);
        }
        grown.push_str(line);
        grown.push('\n');
    }
    finish(&heading, &mut grown);
    passages
}

/// A line that is longer than a passage, in pieces.
fn pieces(line: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), line);
    while let Some((end, _)) = rest.char_indices().nth(GROWN) {
        let (piece, after) = rest.split_at(rest[..end].rfind(' ').map_or(end, |at| at + 1));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// The title of a heading in Markdown.
fn title(line: &str) -> Option<String> {
    let after = line.strip_prefix('#')?.trim_start_matches('#');
    let title: String = after
        .strip_prefix(' ')?
        .trim()
        .chars()
        .take(HEADING)
        .collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: &str, expected: &[(Option<&str>, &str)]) {
        let passages = passages(text.as_bytes(), kind).unwrap();
        let found: Vec<_> = passages
            .iter()
            .map(|passage| (passage.heading.as_deref(), passage.text.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn headings_part_passages() {
        let text = "Intro.\n\n# One\nFirst.\n\nSecond.\n## Two ##\n\nThird.\n#tag\n";
        check(
            text,
            "text/markdown",
            &[
                (None, "Intro."),
                (Some("One"), "First.\n\nSecond."),
                (Some("Two ##"), "Third.\n#tag"),
            ],
        );
        check("# One\nFirst.", "text/plain", &[(None, "# One\nFirst.")]);
    }

    #[test]
    fn passages_are_bounded_and_nothing_is_lost() {
        let text = "ein Wort ".repeat(5_000);
        let passages = passages(text.as_bytes(), "text/plain").unwrap();
        assert!(
            passages
                .iter()
                .all(|passage| passage.text.chars().count() <= GROWN)
        );
        let words = passages
            .iter()
            .flat_map(|passage| passage.text.split_whitespace());
        assert_eq!(words.count(), 10_000);
        let endless = "ü".repeat(4_000);
        assert_eq!(cut(&endless, true).len(), 3);
    }

    #[test]
    fn what_is_too_much_or_nothing_is_refused() {
        let refused = |text: &str| passages(text.as_bytes(), "text/markdown").unwrap_err();
        assert!(matches!(refused(" \n\n "), Error::NoText));
        assert!(matches!(
            refused(&"# a\nb\n".repeat(5_001)),
            Error::DocumentPassages
        ));
        assert!(matches!(
            refused(&"x".repeat(MAX_TEXT + 1)),
            Error::TextTooLarge
        ));
    }

    #[test]
    fn the_content_decides() {
        let kind = |content: &[u8], name| kind_of(content, name, None).ok();
        assert_eq!(kind(b"# a", "a.md"), Some("text/markdown"));
        assert_eq!(kind(b"# a", "a.txt"), Some("text/plain"));
        assert_eq!(kind(b"\xff\xfe", "a.txt"), None);
        assert_eq!(kind(b"a\x00b", "a.md"), None);
    }
}
