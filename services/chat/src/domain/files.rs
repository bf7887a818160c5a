//! What a file is, by its content alone.

/// Bytes of a file's text that are kept; the rest is cut, and the text says so.
const TEXT: usize = 100 * 1024;
const CUT: &str = "\n[the text goes on]";

/// What an attachment may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Pdf,
    Png,
    Jpeg,
    Gif,
    Webp,
}

impl Kind {
    /// None for what is no attachment.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::Webp),
            [b'%', b'P', b'D', b'F', b'-', ..] => Some(Self::Pdf),
            [] => None,
            text => {
                let text = std::str::from_utf8(text).ok()?;
                (!text.contains('\0')).then_some(Self::Text)
            }
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
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
        for (bytes, kind) in [
            (&b"hello"[..], Some(Kind::Text)),
            ("# Ä\n".as_bytes(), Some(Kind::Text)),
            (b"%PDF-1.7\n", Some(Kind::Pdf)),
            (b"\x89PNG\r\n\x1a\n\0\0", Some(Kind::Png)),
            (b"\xff\xd8\xff\xe0", Some(Kind::Jpeg)),
            (b"GIF89a\x01", Some(Kind::Gif)),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some(Kind::Webp)),
            (b"RIFF\x01\x02\x03\x04WAVE", None),
            (b"PK\x03\x04\xff\xff", None),
            (b"text with a \0", None),
            (b"\xfe\xff", None),
            (b"", None),
        ] {
            assert_eq!(Kind::of(bytes), kind, "{bytes:?}");
        }
    }

    #[test]
    fn a_long_text_says_that_it_goes_on() {
        assert_eq!(kept("a\0b".into()), "ab");
        let kept = kept("ä".repeat(TEXT));
        assert!(kept.ends_with(CUT) && kept.len() <= TEXT + CUT.len());
    }
}
