//! The web app's files: the page for every address that is a page of the app, and what it loads.
//!
//! **Invariant:** only files directly in the folder `assets` are given out, under names that cannot leave it.

use std::{
    hash::{DefaultHasher, Hasher},
    io,
    path::PathBuf,
    sync::Arc,
};

use poem::{
    Endpoint, Request, Response, Result, Route,
    endpoint::make,
    error::{InternalServerError, NotFoundError},
    get,
    http::{HeaderMap, StatusCode, header},
};

use crate::edge::Policy;

/// As everywhere, and the page may compile the app, which is WebAssembly.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Kept, and asked for again each time: the answer is often that nothing has changed.
const REVALIDATE: &str = "no-cache";
const NOT_BUILT: &str = "The web app is not installed here. Build it with `cargo xtask web`, and let `TROUPE_WEB_DIR` \
    name its folder. The API is described at /docs.\n";
/// Characters of the part of a name that changes with the contents.
const FINGERPRINT_LEN: usize = 16;

/// The folder of the app.
#[derive(Clone)]
pub(crate) struct App {
    folder: Arc<PathBuf>,
}

/// How a file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Plain,
}

impl Coding {
    /// The smallest first.
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Plain];

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Plain => "identity",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Plain => "",
        }
    }
}

/// A file as it was read.
struct Copy {
    coding: Coding,
    bytes: Vec<u8>,
}

impl App {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder: Arc::new(folder),
        }
    }

    /// Its routes, below all others: a page's address is whatever nothing else answers.
    pub(crate) fn routes(self, route: Route) -> Route {
        let (asset, page) = (self.clone(), self);
        route
            .at("/assets/:name", get(endpoint(asset, App::asset)))
            .at("/", get(endpoint(page.clone(), App::page)))
            .at("/*path", get(endpoint(page, App::page)))
    }

    async fn asset(self, request: Request) -> Result<Response> {
        let name: String = request.path_params().unwrap_or_default();
        let content_type = content_type(&name).ok_or(NotFoundError)?;
        let caching = if has_fingerprint(&name) {
            FOREVER
        } else {
            REVALIDATE
        };
        let path = format!("assets/{name}");
        let copy = self.read(&path, request.headers()).await;
        let copy = copy.map_err(missing)?;
        Ok(response(copy, content_type, caching, request.headers()))
    }

    async fn page(self, request: Request) -> Result<Response> {
        if !is_page(request.uri().path()) {
            return Err(NotFoundError.into());
        }
        match self.read("index.html", request.headers()).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Response::builder()
                .status(StatusCode::NOT_FOUND)
                .content_type("text/plain; charset=utf-8")
                .body(NOT_BUILT)),
            read => {
                let html = "text/html; charset=utf-8";
                let copy = read.map_err(missing)?;
                Ok(response(copy, html, REVALIDATE, request.headers()))
            }
        }
    }

    /// The copy that the client likes best.
    async fn read(&self, name: &str, headers: &HeaderMap) -> io::Result<Copy> {
        for coding in by_liking(headers) {
            let path = self.folder.join(format!("{name}{}", coding.suffix()));
            match tokio::fs::read(path).await {
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && coding != Coding::Plain => {}
                read => {
                    return Ok(Copy {
                        coding,
                        bytes: read?,
                    });
                }
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

fn endpoint<F>(app: App, answer: fn(App, Request) -> F) -> impl Endpoint<Output = Response>
where
    F: Future<Output = Result<Response>> + Send + 'static,
{
    make(move |request| answer(app.clone(), request))
}

fn response(
    copy: Copy,
    content_type: &'static str,
    caching: &'static str,
    asked: &HeaderMap,
) -> Response {
    let mut response = Response::builder()
        .header(header::CACHE_CONTROL, caching)
        .header(header::VARY, "accept-encoding");
    let mut is_known = false;
    if caching == REVALIDATE {
        let tag = tag(&copy.bytes);
        is_known = knows(asked, &tag);
        response = response.header(header::ETAG, tag);
    }
    let mut response = if is_known {
        response.status(StatusCode::NOT_MODIFIED).finish()
    } else {
        if copy.coding != Coding::Plain {
            response = response.header(header::CONTENT_ENCODING, copy.coding.name());
        }
        response.content_type(content_type).body(copy.bytes)
    };
    // A worker has the policy of its own script.
    response.set_data(Policy(POLICY));
    response
}

fn missing(error: io::Error) -> poem::Error {
    if error.kind() == io::ErrorKind::NotFound {
        return NotFoundError.into();
    }
    tracing::error!(%error, "a file of the web app cannot be read");
    InternalServerError(error)
}

/// What is no page: all of the APIs, and a name with an ending, which is a file that there is not.
fn is_page(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    let is_taken = matches!(parts.next(), Some("api" | "assets" | "v1"));
    !is_taken
        && !path
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains('.'))
}

/// By the name's ending; none for a name that no file of the app has.
fn content_type(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.starts_with('.') || !name.chars().all(plain) {
        return None;
    }
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "wasm" => Some("application/wasm"),
        _ => None,
    }
}

/// Whether the name changes with the contents: `app-0123456789abcdef.js`.
fn has_fingerprint(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('-').is_some_and(|(_, print)| {
        print.len() == FINGERPRINT_LEN && print.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Names the very bytes; nobody's safety hangs on it.
fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether the client has that copy already (`If-None-Match`).
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).into_iter();
    let mut tags = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    tags.any(|one| one.trim().trim_start_matches("W/") == tag)
}

/// The codings that the client takes, its favourite first and the smallest among equals. A file as it is comes last
/// even where it was not asked for: better than none.
fn by_liking(headers: &HeaderMap) -> Vec<Coding> {
    let mut liked: Vec<_> = Coding::ALL
        .into_iter()
        .map(|coding| (coding, weight(headers, coding)))
        .filter(|(coding, weight)| *weight > 0.0 || *coding == Coding::Plain)
        .collect();
    liked.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    liked.into_iter().map(|(coding, _)| coding).collect()
}

/// Of `Accept-Encoding` (RFC 9110, 12.5.3): from 0, which is never, to 1.
fn weight(headers: &HeaderMap, coding: Coding) -> f32 {
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let named = codings.find_map(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, "q=1"));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        let is_it = name.trim().eq_ignore_ascii_case(coding.name());
        is_it.then(|| weight.trim().parse().unwrap_or(0.0))
    });
    named.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_is_the_one_that_the_client_likes_best() {
        use Coding::{Brotli, Gzip, Plain};
        for (value, expect) in [
            ("br", vec![Brotli, Plain]),
            ("gzip, deflate, br, zstd", vec![Brotli, Gzip, Plain]),
            ("gzip, BR;q=0.5", vec![Gzip, Brotli, Plain]),
            ("gzip;q=0.2, br; q=0.9", vec![Brotli, Gzip, Plain]),
            ("identity, br;q=0.5", vec![Plain, Brotli]),
            ("br;q=0, gzip;q=0.000", vec![Plain]),
            ("br;q=much", vec![Plain]),
            ("identity;q=0", vec![Plain]),
            ("", vec![Plain]),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(by_liking(&headers), expect, "{value}");
        }
        assert_eq!(by_liking(&HeaderMap::new()), [Plain]);
    }

    #[test]
    fn a_page_is_what_is_neither_an_api_nor_a_file() {
        for path in ["/", "/flows", "/flows/flow_1", "/apis", "/a//b"] {
            assert!(is_page(path), "{path}");
        }
        for path in [
            "/api",
            "/api/nope",
            "//api/v1",
            "/v1/x",
            "/assets/",
            "/favicon.ico",
        ] {
            assert!(!is_page(path), "{path}");
        }
    }

    #[test]
    fn only_plain_names_of_known_kinds_are_files() {
        assert_eq!(content_type("app-00ff.wasm"), Some("application/wasm"));
        for name in [
            "..", "../a.js", "a/b.js", ".js", "a.html", "a", "a%2e.js", "ä.js",
        ] {
            assert_eq!(content_type(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_with_a_fingerprint_may_be_kept_for_ever() {
        assert!(has_fingerprint("app-0123456789abcdef.js"));
        for name in [
            "app.js",
            "app-0123.js",
            "app-0123456789abcdeg.js",
            "code-editor.js",
        ] {
            assert!(!has_fingerprint(name), "{name}");
        }
    }
}
