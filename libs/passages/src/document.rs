//! A file as text.

use crate::{Error, MAX_TEXT};

/// Bytes of a title or heading that are kept.
const MAX_LABEL: usize = 300;

/// The text of a file. Lines end in `\n`, and there are no other control characters but tabs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub title: Option<String>,
    pub text: String,
    /// In the order of the text, where the format has headings.
    pub headings: Vec<Heading>,
}

/// A heading, which is part of the text too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// 1 to 6, the most important first.
    pub level: u8,
    /// On one line.
    pub text: String,
    /// Where its line begins in the text, in bytes.
    pub start: usize,
    /// Where its line ends.
    pub end: usize,
}

impl Document {
    /// The document, if there is something to read in it.
    pub(crate) fn finished(mut self) -> Result<Self, Error> {
        if self.text.len() > MAX_TEXT {
            return Err(Error::TextTooLarge);
        }
        if self.text.trim().is_empty() {
            return Err(Error::NoText);
        }
        self.title = self.title.and_then(|title| label(&title));
        Ok(self)
    }
}

/// A text on one line, cut to the length of a title; none where nothing is left.
pub(crate) fn label(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut label = words.join(" ");
    label.retain(|c| !c.is_control());
    label.truncate(label.floor_char_boundary(MAX_LABEL));
    (!label.is_empty()).then_some(label)
}

/// Lines end in `\n`; control characters, which databases refuse, are left out.
pub(crate) fn clean(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\u{c}' | '\u{b}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\n' | '\t' => clean.push(c),
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_alike_and_control_characters_go() {
        let text = "\u{feff}a\r\nb\rc\u{0}\u{7}\td\u{c}e\u{2028}f";
        assert_eq!(clean(text), "a\nb\nc\td\ne\nf");
    }

    #[test]
    fn labels_are_one_short_line() {
        assert_eq!(label(" a\n b\t"), Some("a b".into()));
        assert_eq!(label(" \n"), None);
        assert_eq!(label(&"ü".repeat(200)).unwrap().len(), 300);
        assert_eq!(label(&"€".repeat(101)).unwrap().chars().count(), 100);
    }
}
