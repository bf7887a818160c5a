//! The text of a file.

mod html;
mod markdown;
mod pdf;

use crate::{
    Document, Error, MAX_FILE, MAX_TEXT,
    document::clean,
    sniff::{HTML, JSON, MARKDOWN, PDF, PLAIN, essence},
};

/// The text of a file of this type: `text/plain`, `text/markdown`, `text/html`, `application/json` or
/// `application/pdf`. [`crate::sniff`] tells the type of bytes nobody vouches for.
///
/// # Errors
/// Where there is no text, or more than the limits allow. See [`Error`].
pub fn extract(content_type: &str, bytes: &[u8]) -> Result<Document, Error> {
    if bytes.len() > MAX_FILE {
        return Err(Error::FileTooLarge);
    }
    let document = match essence(content_type).as_str() {
        PLAIN | JSON => plain(bytes)?,
        MARKDOWN => markdown::read(plain(bytes)?.text),
        HTML => html::read(utf8(bytes)?)?,
        PDF => pdf::read(bytes)?,
        other => return Err(Error::Unsupported(other.chars().take(64).collect())),
    };
    document.finished()
}

fn plain(bytes: &[u8]) -> Result<Document, Error> {
    if bytes.len() > MAX_TEXT {
        return Err(Error::TextTooLarge);
    }
    Ok(Document {
        text: clean(utf8(bytes)?),
        ..Document::default()
    })
}

fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_as_it_is() {
        let text = extract("Text/Plain; charset=utf-8", b"one\r\ntwo").unwrap();
        assert_eq!(text.text, "one\ntwo");
        assert_eq!((text.title, text.headings), (None, vec![]));
        let json = extract("application/json", b"{\"a\": 1}").unwrap();
        assert_eq!(json.text, "{\"a\": 1}");
    }

    #[test]
    fn what_has_no_text_is_refused() {
        let check = |kind: &str, bytes: &[u8], expect: &Error| {
            assert_eq!(extract(kind, bytes).as_ref(), Err(expect), "{kind}");
        };
        check("text/plain", b" \n\t", &Error::NoText);
        check("text/plain", b"\xff", &Error::NotUtf8);
        check("text/html", b"<p>\xff", &Error::NotUtf8);
        check("text/html", b"<script>x()</script>", &Error::NoText);
        check("image/png", b"x", &Error::Unsupported("image/png".into()));
        check(
            "text/plain",
            &vec![b'x'; MAX_TEXT + 1],
            &Error::TextTooLarge,
        );
        check(
            "application/pdf",
            &vec![0; MAX_FILE + 1],
            &Error::FileTooLarge,
        );
    }
}
