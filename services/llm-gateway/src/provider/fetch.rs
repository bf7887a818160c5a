//! Images and files behind links, brought in for vendors who fetch nothing themselves.
//!
//! **Invariant:** only `egress` fetches, so no link leads inside.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::llm::Complete;
use egress::Egress;
use serde_json::Value;

use super::terms::Terms;
use crate::provider::Fault;

/// Links of one question at most.
const MAX_LINKS: usize = 20;
/// Bytes behind one link at most.
const MAX_BYTES: usize = 20 * 1024 * 1024;
/// Bytes behind all links of one question at most.
const MAX_ALL: usize = 32 * 1024 * 1024;
const TYPES: [&str; 5] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
];
/// Where a link stands in a part of a message's content.
const PLACES: [&str; 2] = ["/image_url/url", "/file/file_data"];

/// The question with the content of its links in place of them.
pub(crate) async fn inlined<'a>(
    egress: &Egress,
    ask: Cow<'a, Complete>,
    terms: &Terms<'_>,
) -> Result<Cow<'a, Complete>, Fault> {
    let count = links(&ask).map_err(|why| terms.invalid(why))?;
    if count == 0 {
        return Ok(ask);
    }
    if count > MAX_LINKS {
        return Err(terms.invalid(format!("{count} links in one question are too many")));
    }
    let mut ask = ask.into_owned();
    let mut room = MAX_ALL;
    for message in &mut ask.messages {
        let parts = message.content.as_array_mut();
        for part in parts.into_iter().flatten() {
            let Some((place, url)) = link(part).map(|(place, url)| (place, url.to_owned())) else {
                continue;
            };
            let fetched = fetch(egress, url, room.min(MAX_BYTES)).await;
            let (content, bytes) = fetched.map_err(|why| terms.invalid(why))?;
            room = room.saturating_sub(bytes);
            if let Some(there) = part.pointer_mut(place) {
                *there = content.into();
            }
        }
    }
    Ok(Cow::Owned(ask))
}

/// How many links the question has; none of them names something of the server's own, as `file:///etc/passwd` does.
fn links(ask: &Complete) -> Result<usize, &'static str> {
    let contents = ask.messages.iter().map(|message| &message.content);
    let mut count = 0;
    for part in contents.filter_map(Value::as_array).flatten() {
        if link(part).is_some() {
            count += 1;
            continue;
        }
        let mut urls = PLACES
            .into_iter()
            .filter_map(|place| part.pointer(place)?.as_str());
        if urls.any(|url| url.contains(':') && !url.starts_with("data:")) {
            return Err("content is an `http` URL or `data:<type>;base64,<data>`");
        }
    }
    Ok(count)
}

fn link(part: &Value) -> Option<(&'static str, &str)> {
    PLACES.into_iter().find_map(|place| {
        let url = part.pointer(place)?.as_str()?;
        let is_link = url.starts_with("https://") || url.starts_with("http://");
        is_link.then_some((place, url))
    })
}

/// The content as a `data:` URL, and its bytes.
async fn fetch(egress: &Egress, url: String, most: usize) -> Result<(String, usize), String> {
    let request = egress::Request {
        max_response_bytes: most,
        ..egress::Request::new("GET", url)
    };
    let response = egress.request(request).await;
    let response = response.map_err(|error| format!("a link cannot be followed: {error}"))?;
    if response.status != 200 {
        return Err(format!(
            "a link was answered with status {}",
            response.status
        ));
    }
    let kind = response.header("content-type").unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if !TYPES.contains(&kind.as_str()) {
        return Err("a link leads to no image and no PDF".to_owned());
    }
    let content = BASE64_STANDARD.encode(&response.body);
    Ok((format!("data:{kind};base64,{content}"), response.body.len()))
}
