//! Files as they go out: piece by piece from the service that keeps them, at the pace of whoever reads.
//!
//! **Invariant:** no more than one piece of a file is held at a time; a file is offered for saving, never for showing.

use contracts::{ErrorCode, Problem, Request, file::FilePart, payload::PayloadHash};
use futures::{Stream, stream};
use poem::{Body, IntoResponse, Response, http::header};
use poem_openapi::{
    ApiResponse,
    payload::Payload,
    registry::{MetaSchema, MetaSchemaRef},
    types::Type,
};
use serde_json::Value;

use crate::{caller::Caller, edge::IMMUTABLE, problem::Refusal};

#[derive(ApiResponse)]
pub(crate) enum Download {
    /// The bytes of the file, under its own content type.
    #[oai(status = 200)]
    File(
        Content,
        /// `attachment`, with the file's name.
        #[oai(header = "Content-Disposition")]
        String,
        /// For `If-None-Match`.
        #[oai(header = "ETag")]
        String,
    ),
    /// The caller has the file already.
    #[oai(status = 304)]
    NotModified(#[oai(header = "ETag")] String),
}

/// A value that stands apart from its execution: its name is that of its content, so it never changes.
#[derive(ApiResponse)]
pub(crate) enum Apart {
    /// The value.
    #[oai(status = 200)]
    Value(
        JsonText,
        /// The value's hash, for `If-None-Match`.
        #[oai(header = "ETag")]
        String,
        #[oai(header = "Cache-Control")] String,
    ),
    /// The caller has the value already.
    #[oai(status = 304)]
    NotModified(
        #[oai(header = "ETag")] String,
        #[oai(header = "Cache-Control")] String,
    ),
}

/// JSON that comes as text.
pub(crate) struct JsonText(Content);

impl Payload for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(_: &str) -> bool {
        true
    }
    fn schema_ref() -> MetaSchemaRef {
        Value::schema_ref()
    }
}

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// The bytes of a file, whose content type is its own.
pub(crate) struct Content {
    content_type: String,
    bytes: u64,
    body: Body,
}

impl Payload for Content {
    const CONTENT_TYPE: &'static str = "application/octet-stream";

    fn check_content_type(_: &str) -> bool {
        true
    }
    fn schema_ref() -> MetaSchemaRef {
        let schema = MetaSchema::new_with_format("string", "binary");
        MetaSchemaRef::Inline(Box::new(schema))
    }
}

impl IntoResponse for Content {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(self.content_type)
            .header(header::CONTENT_LENGTH, self.bytes)
            .body(self.body)
    }
}

/// A file that `request` reads from a place on. `id` names bytes that never change.
///
/// # Errors
/// The service's problem; afterwards the body breaks off, short of its announced length.
pub(crate) async fn file<R>(
    caller: &Caller,
    id: &str,
    if_none_match: Option<&str>,
    request: impl Fn(u64) -> R + Send + 'static,
) -> Result<Download, Refusal>
where
    R: Request<Reply = FilePart>,
{
    let first = caller.ask(&request(0)).await?;
    let tag = format!("\"{id}\"");
    if if_none_match.is_some_and(|tags| matches(tags, &tag)) {
        return Ok(Download::NotModified(tag));
    }
    let disposition = disposition(&first.name);
    let content = content(caller, first, request);
    Ok(Download::File(content, disposition, tag))
}

/// A value that `request` reads from a place on, by the name of its content.
///
/// # Errors
/// As [`file`].
pub(crate) async fn value<R>(
    caller: &Caller,
    hash: &PayloadHash,
    if_none_match: Option<&str>,
    request: impl Fn(u64) -> R + Send + 'static,
) -> Result<Apart, Refusal>
where
    R: Request<Reply = FilePart>,
{
    let first = caller.ask(&request(0)).await?;
    let (tag, kept) = (format!("\"{hash}\""), IMMUTABLE.to_owned());
    if if_none_match.is_some_and(|tags| matches(tags, &tag)) {
        return Ok(Apart::NotModified(tag, kept));
    }
    let content = content(caller, first, request);
    Ok(Apart::Value(JsonText(content), tag, kept))
}

fn content<R>(
    caller: &Caller,
    first: FilePart,
    request: impl Fn(u64) -> R + Send + 'static,
) -> Content
where
    R: Request<Reply = FilePart>,
{
    Content {
        content_type: content_type(&first.content_type),
        bytes: first.bytes,
        body: Body::from_bytes_stream(pieces(caller.clone(), first, request)),
    }
}

fn pieces<R: Request<Reply = FilePart>>(
    caller: Caller,
    first: FilePart,
    request: impl Fn(u64) -> R + Send + 'static,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    let bytes = first.bytes;
    let state = (caller, request, Some(first), 0);
    stream::try_unfold(state, move |(caller, request, part, sent)| async move {
        if sent >= bytes {
            return Ok(None);
        }
        let part = match part {
            Some(first) => first,
            None => caller.ask_soon(&request(sent)).await.map_err(broken)?,
        };
        let content = part.content().filter(|content| !content.is_empty());
        let Some(content) = content else {
            let detail = "a piece of the file is missing";
            return Err(broken(Problem::new(ErrorCode::Internal, detail)));
        };
        let sent = sent + content.len() as u64;
        Ok(Some((content, (caller, request, None, sent))))
    })
}

fn broken(problem: Problem) -> std::io::Error {
    tracing::warn!(code = ?problem.code, "a download breaks off: {}", problem.detail);
    std::io::Error::other(problem.detail)
}

/// Texts are kept as UTF-8.
fn content_type(found: &str) -> String {
    if found.starts_with("text/") {
        format!("{found}; charset=utf-8")
    } else {
        found.to_owned()
    }
}

/// By RFC 9110, section 13.1.2: the comparison is weak.
fn matches(if_none_match: &str, tag: &str) -> bool {
    let mut tags = if_none_match.split(',').map(str::trim);
    tags.any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}

/// By RFC 6266: for old readers without what is not plain, and in full.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let mut full = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                full.push(char::from(byte));
            }
            _ => full.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_fits_into_a_header() {
        let check = |name: &str, expect: &str| assert_eq!(disposition(name), expect);
        check(
            "plan.pdf",
            "attachment; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf",
        );
        check(
            "Ä\"b\r\n.md",
            "attachment; filename=\"__b__.md\"; filename*=UTF-8''%C3%84%22b%0D%0A.md",
        );
    }

    #[test]
    fn a_tag_is_found_among_others() {
        for tags in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(matches(tags, "\"a\""), "{tags}");
        }
        for tags in ["", "a", "\"b\"", "\"ab\""] {
            assert!(!matches(tags, "\"a\""), "{tags}");
        }
    }
}
