//! The web app's files: the page for every address that is a page of the app, and what it loads.
//!
//! **Invariant:** only files directly in the folder `assets` are given out, under names that cannot leave it.

use std::{io, path::PathBuf, sync::Arc};

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
    /// The one that is the smallest.
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
            "no-cache"
        };
        let file = self.read(&format!("assets/{name}"), request.headers());
        let (coding, bytes) = file.await.map_err(missing)?;
        Ok(response(coding, content_type, caching, bytes))
    }

    async fn page(self, request: Request) -> Result<Response> {
        let path = request.uri().path();
        let last = path.rsplit('/').next().unwrap_or(path);
        // A name with an ending is a file, of which there is none.
        if last.contains('.') {
            return Err(NotFoundError.into());
        }
        match self.read("index.html", request.headers()).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Response::builder()
                .status(StatusCode::NOT_FOUND)
                .content_type("text/plain; charset=utf-8")
                .body(NOT_BUILT)),
            read => {
                let (coding, bytes) = read.map_err(missing)?;
                let html = "text/html; charset=utf-8";
                Ok(response(coding, html, "no-cache", bytes))
            }
        }
    }

    /// The smallest copy that the client takes.
    async fn read(&self, name: &str, headers: &HeaderMap) -> io::Result<(Coding, Vec<u8>)> {
        for coding in Coding::ALL {
            if !accepts(headers, coding) {
                continue;
            }
            let path = self.folder.join(format!("{name}{}", coding.suffix()));
            match tokio::fs::read(path).await {
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && coding != Coding::Plain => {}
                read => return Ok((coding, read?)),
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
    coding: Coding,
    content_type: &'static str,
    caching: &'static str,
    bytes: Vec<u8>,
) -> Response {
    let mut response = Response::builder()
        .content_type(content_type)
        .header(header::CACHE_CONTROL, caching)
        .header(header::VARY, "accept-encoding");
    if coding != Coding::Plain {
        response = response.header(header::CONTENT_ENCODING, coding.name());
    }
    let mut response = response.body(bytes);
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

/// Of `Accept-Encoding` (RFC 9110, 12.5.3), whether it names the coding, and not with a weight of zero.
fn accepts(headers: &HeaderMap, coding: Coding) -> bool {
    if coding == Coding::Plain {
        return true;
    }
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight = weight.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case(coding.name()) && weight.parse() != Ok(0.0_f32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_counts_when_it_is_named_with_a_weight() {
        for (value, expect) in [
            ("br", true),
            ("gzip, deflate, br, zstd", true),
            ("gzip, BR;q=0.5", true),
            ("br;q=0", false),
            ("br; q=0.000", false),
            ("gzip", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts(&headers, Coding::Brotli), expect, "{value}");
        }
        assert!(accepts(&HeaderMap::new(), Coding::Plain));
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
