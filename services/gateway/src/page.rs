//! The first page: plain HTML, CSS and JavaScript modules, embedded.

use poem::{Response, Route, endpoint::make_sync, get, http::header};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [(&str, &str, &str); 9] = [
    ("/", HTML, include_str!("../page/index.html")),
    ("/app/page.css", CSS, include_str!("../page/page.css")),
    ("/app/main.js", SCRIPT, include_str!("../page/main.js")),
    ("/app/api.js", SCRIPT, include_str!("../page/api.js")),
    ("/app/dom.js", SCRIPT, include_str!("../page/dom.js")),
    (
        "/app/session.js",
        SCRIPT,
        include_str!("../page/session.js"),
    ),
    ("/app/flows.js", SCRIPT, include_str!("../page/flows.js")),
    ("/app/run.js", SCRIPT, include_str!("../page/run.js")),
    ("/app/stream.js", SCRIPT, include_str!("../page/stream.js")),
];

/// The page and its files.
pub(crate) fn routes(route: Route) -> Route {
    FILES
        .into_iter()
        .fold(route, |route, (path, content_type, text)| {
            let file = make_sync(move |_| {
                Response::builder()
                    .content_type(content_type)
                    .header(header::CACHE_CONTROL, "no-cache")
                    .body(text)
            });
            route.at(path, get(file))
        })
}
