//! The type of a file by its content; what its sender says only tells one text from another.
//!
//! **Invariant:** a type that is not `application/octet-stream` is true of the bytes, whatever was declared.

use serde::de::IgnoredAny;

/// What begins a file of a type.
const BEGINNINGS: [(&[u8], &str); 7] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    // A zip file without entries.
    (b"PK\x05\x06", "application/zip"),
    (b"%PDF-", PDF),
];
pub(crate) const PDF: &str = "application/pdf";
pub(crate) const HTML: &str = "text/html";
pub(crate) const MARKDOWN: &str = "text/markdown";
pub(crate) const PLAIN: &str = "text/plain";
pub(crate) const JSON: &str = "application/json";
const UNKNOWN: &str = "application/octet-stream";

/// How far into a file a PDF may begin (PDF 1.7, implementation note 13).
const PDF_WITHIN: usize = 1024;
/// How an HTML file begins, after white space and comments.
const HTML_BEGINNINGS: [&str; 5] = ["<!doctype html", "<html", "<head", "<body", "<title"];

/// The type of a file, one of `image/png`, `image/jpeg`, `image/gif`, `image/webp`, `application/pdf`,
/// `application/zip`, `text/html`, `application/json`, `text/markdown`, `text/plain`; `application/octet-stream` for
/// anything else. Text is UTF-8.
///
/// `declared` is what the sender takes it for, a content type with or without parameters.
pub fn sniff(bytes: &[u8], declared: Option<&str>) -> &'static str {
    let known = BEGINNINGS
        .iter()
        .find(|(begin, _)| bytes.starts_with(begin));
    if let Some((_, kind)) = known {
        return kind;
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return "image/webp";
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(is_written) => kind_of_text(text, declared),
        _ if begins_late(bytes) => PDF,
        _ => UNKNOWN,
    }
}

/// A content type without its parameters, in lowercase.
pub(crate) fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Some tools write bytes of their own in front of a PDF.
fn begins_late(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(PDF_WITHIN)];
    head.windows(5).any(|five| five == b"%PDF-")
}

fn is_written(c: char) -> bool {
    !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}')
}

fn kind_of_text(text: &str, declared: Option<&str>) -> &'static str {
    let declared = declared.map(essence).unwrap_or_default();
    let begin = after_comments(text);
    let is_html = |name: &&str| {
        begin
            .get(..name.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(name))
    };
    // A page may also be a piece of one, if its sender says so.
    let is_piece = declared == HTML && begin.starts_with('<');
    if is_piece || HTML_BEGINNINGS.iter().any(is_html) {
        return HTML;
    }
    if begin.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(begin).is_ok() {
        return JSON;
    }
    match declared.as_str() {
        "text/markdown" | "text/x-markdown" => MARKDOWN,
        _ => PLAIN,
    }
}

fn after_comments(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while let Some((_, after)) = rest
        .strip_prefix("<!--")
        .and_then(|comment| comment.split_once("-->"))
    {
        rest = after.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], declared: Option<&str>, expect: &str) {
        assert_eq!(sniff(bytes, declared), expect);
    }

    #[test]
    fn magic_numbers_win_over_what_is_declared() {
        check(b"\x89PNG\r\n\x1a\n....", Some("text/plain"), "image/png");
        check(b"\xff\xd8\xff\xe0", Some("image/png"), "image/jpeg");
        check(b"GIF89a", None, "image/gif");
        check(b"RIFF\x10\0\0\0WEBPVP8 ", None, "image/webp");
        check(b"RIFF\x10\0\0\0WAVEfmt ", None, UNKNOWN);
        check(
            b"PK\x03\x04rest",
            Some("application/pdf"),
            "application/zip",
        );
        check(b"%PDF-1.7\n", Some("text/html"), PDF);
        check(b"\xff\0junk%PDF-1.7\n", None, PDF);
    }

    #[test]
    fn text_is_told_by_how_it_begins() {
        check(b"<!DOCTYPE HTML><p>", None, HTML);
        check(b"\xef\xbb\xbf <!-- c --> <HTML>", Some("text/plain"), HTML);
        check(b"<p>hi</p>", Some("text/html; charset=utf-8"), HTML);
        check(b"<p>hi</p>", None, PLAIN);
        check(b"no markup", Some("text/html"), PLAIN);
        check(b"{\"a\": [1]}", None, JSON);
        check(b"{not json}", Some("application/json"), PLAIN);
        check(b"# Title", Some("Text/Markdown"), MARKDOWN);
        check(b"# Title", None, PLAIN);
        check(b"the header %PDF- in a text", None, PLAIN);
        check("grüße".as_bytes(), Some("application/pdf"), PLAIN);
        check(b"", None, PLAIN);
    }

    #[test]
    fn what_is_no_text_is_unknown() {
        check(b"a\0b", Some("text/plain"), UNKNOWN);
        check(b"\xff\xfea\0", Some("text/plain"), UNKNOWN);
        check(b"MZ\x90\0", Some("image/png"), UNKNOWN);
        check(&[0x1b, b'[', b'2', b'J'], None, UNKNOWN);
    }
}
