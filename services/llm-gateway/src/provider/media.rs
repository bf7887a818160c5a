//! Images, documents and sound in the content of a message.

use serde_json::Value;

/// A part of a message that is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Media<'a> {
    pub(crate) kind: Kind,
    pub(crate) source: Source<'a>,
    pub(crate) file_name: Option<&'a str>,
    /// What the caller says about caching, for vendors who cache on request.
    pub(crate) cache_control: Option<&'a Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    Document,
    Audio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// In base64.
    Inline {
        mime: &'a str,
        data: &'a str,
    },
    Url(&'a str),
}

/// Reads a part of a message's content; why it cannot be read, where it cannot.
pub(crate) fn read(part: &Value) -> Result<Media<'_>, String> {
    Ok(Media {
        cache_control: part.get("cache_control"),
        ..read_plain(part)?
    })
}

fn read_plain(part: &Value) -> Result<Media<'_>, String> {
    let text = |pointer: &str| part.pointer(pointer).and_then(Value::as_str);
    match part["type"].as_str() {
        Some("image_url") => {
            let url = text("/image_url/url").ok_or("an image has no `image_url.url`")?;
            let source = source(url)?;
            if matches!(source, Source::Inline { mime, .. } if !mime.starts_with("image/")) {
                return Err("`image_url` holds no image".to_owned());
            }
            Ok(media(Kind::Image, source))
        }
        Some("file") => {
            let data = text("/file/file_data").ok_or("a file has no `file.file_data`")?;
            Ok(Media {
                file_name: text("/file/filename"),
                ..media(Kind::Document, source(data)?)
            })
        }
        Some("input_audio") => {
            let data = text("/input_audio/data").ok_or("sound has no `input_audio.data`")?;
            let mime = match text("/input_audio/format") {
                Some("wav") => "audio/wav",
                Some("mp3") => "audio/mp3",
                Some("flac") => "audio/flac",
                Some("ogg") => "audio/ogg",
                Some("aac") => "audio/aac",
                _ => return Err("`input_audio.format` is wav, mp3, flac, ogg or aac".to_owned()),
            };
            Ok(media(Kind::Audio, Source::Inline { mime, data }))
        }
        other => {
            let shown: String = other.unwrap_or_default().chars().take(32).collect();
            Err(format!("`{shown}` is no type of content"))
        }
    }
}

fn media(kind: Kind, source: Source<'_>) -> Media<'_> {
    Media {
        kind,
        source,
        file_name: None,
        cache_control: None,
    }
}

fn source(url: &str) -> Result<Source<'_>, String> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Source::Url(url));
    }
    let inline = url.strip_prefix("data:").and_then(|rest| {
        let (head, data) = rest.split_once(',')?;
        let mime = head.strip_suffix(";base64")?;
        Some(Source::Inline {
            mime: mime.split(';').next()?,
            data,
        })
    });
    let inline =
        inline.filter(|source| matches!(source, Source::Inline { mime, .. } if mime.contains('/')));
    inline.ok_or_else(|| "content is an `http` URL or `data:<type>;base64,<data>`".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_is_read() {
        let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}});
        let expect = Source::Inline {
            mime: "image/png",
            data: "AAAA",
        };
        assert_eq!(read(&image), Ok(media(Kind::Image, expect)));
        let link = json!({"type": "image_url", "image_url": {"url": "https://x/y.png"}});
        assert_eq!(
            read(&link).map(|m| m.source),
            Ok(Source::Url("https://x/y.png"))
        );
        let file = json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}});
        assert_eq!(
            read(&file).map(|m| (m.kind, m.file_name)),
            Ok((Kind::Document, Some("a.pdf")))
        );
        let sound = json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}});
        let expect = Source::Inline {
            mime: "audio/mp3",
            data: "AA",
        };
        assert_eq!(read(&sound), Ok(media(Kind::Audio, expect)));
    }

    #[test]
    fn what_is_none_is_told() {
        for part in [
            json!({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
            json!({"type": "image_url", "image_url": {"url": "data:image/png,AAAA"}}),
            json!({"type": "image_url", "image_url": {"url": "data:text/html;base64,AAAA"}}),
            json!({"type": "image_url"}),
            json!({"type": "file", "file": {"file_id": "file-1"}}),
            json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "exe"}}),
            json!({"type": "video"}),
            json!(7),
        ] {
            assert!(read(&part).is_err(), "{part}");
        }
    }
}
