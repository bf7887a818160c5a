//! What a file is, by its content, and what is kept of its text.

/// Bytes of a file's text that are kept; the rest is cut, and the text says so.
const TEXT: usize = 100 * 1024;
const CUT: &str = "\n[the text goes on]";

/// What an attachment may be.
const TYPES: [&str; 9] = [
    "text/plain",
    "text/markdown",
    "text/html",
    "application/json",
    "application/pdf",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
];

/// The type by the content; the name only tells one kind of text from another. None for what is no attachment.
pub(crate) fn type_of(name: &str, bytes: &[u8]) -> Option<&'static str> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let declared = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("md" | "markdown") => Some("text/markdown"),
        Some("html" | "htm") => Some("text/html"),
        Some("json") => Some("application/json"),
        _ => None,
    };
    let found = passages::sniff(bytes, declared);
    (TYPES.contains(&found) && !bytes.is_empty()).then_some(found)
}

/// Whether there is something to read in a file of this type.
pub(crate) fn has_text(content_type: &str) -> bool {
    !content_type.starts_with("image/")
}

/// What is kept of a text.
pub(crate) fn kept(mut text: String) -> String {
    // PostgreSQL takes every character but this one.
    text.retain(|c| c != '\0');
    if text.len() > TEXT {
        text.truncate(text.floor_char_boundary(TEXT));
        text.push_str(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_type() {
        for (name, bytes, found) in [
            ("a.exe", &b"hello"[..], Some("text/plain")),
            ("a.md", "# \u{c4}\n".as_bytes(), Some("text/markdown")),
            ("a.md", b"%PDF-1.7\n", Some("application/pdf")),
            ("a", b"\x89PNG\r\n\x1a\n\0\0", Some("image/png")),
            ("a", b"\xff\xd8\xff\xe0\0\0", Some("image/jpeg")),
            ("a", b"GIF89a\x01", Some("image/gif")),
            ("a", b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some("image/webp")),
            ("a.txt", b"RIFF\x01\x02\x03\x04WAVE", None),
            ("a.txt", b"PK\x03\x04\xff\xff", None),
            ("a.txt", b"text with a \0", None),
            ("a.txt", b"", None),
        ] {
            assert_eq!(type_of(name, bytes), found, "{name} {bytes:?}");
        }
    }

    #[test]
    fn a_long_text_says_that_it_goes_on() {
        assert_eq!(kept("a\0b".into()), "ab");
        let kept = kept("\u{e4}".repeat(TEXT));
        assert!(kept.ends_with(CUT) && kept.len() <= TEXT + CUT.len());
    }
}
