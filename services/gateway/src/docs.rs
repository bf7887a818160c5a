//! `/docs` (Scalar, embedded, no third party) and `/openapi.json`.

use poem::{IntoEndpoint, IntoResponse, Response, Route, endpoint::make_sync, get, http::header};

use crate::{api, edge::Policy, spec};

/// Scalar writes styles into the page; its script is a file of ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    font-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Troupe API</title>
<link rel="icon" href="data:,">
</head>
<body>
<script id="api-reference" type="application/json" data-url="/openapi.json" data-configuration='{"withDefaultFonts":false,"hideClientButton":true,"telemetry":false,"authentication":{"preferredSecurityScheme":"bearer"}}'></script>
<script src="/docs/scalar.js"></script>
</body>
</html>
"#;

/// Everything under `/docs`, and the description itself.
pub(crate) fn routes(route: Route) -> Route {
    let description = serde_json::to_vec(&spec::openapi_json()).expect("JSON can be written");
    let script = scalar();
    route
        .at(
            "/openapi.json",
            file("application/json", description, "no-cache"),
        )
        .at(
            "/docs/scalar.js",
            file(
                "text/javascript; charset=utf-8",
                script.into_bytes(),
                "public, max-age=86400",
            ),
        )
        .at("/docs", get(make_sync(|_| page())))
        .at("/docs/", get(make_sync(|_| page())))
}

fn page() -> Response {
    let mut response = PAGE
        .with_content_type("text/html; charset=utf-8")
        .into_response();
    response.set_data(Policy(POLICY));
    response
}

fn file(
    content_type: &'static str,
    body: Vec<u8>,
    caching: &'static str,
) -> impl IntoEndpoint<Endpoint: 'static> {
    get(make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CACHE_CONTROL, caching)
            .body(body.clone())
    }))
}

/// The framework embeds Scalar as one page with an inline script, which our policy forbids: the script is taken out of it.
fn scalar() -> String {
    const OPEN: &str = "<script charset=\"UTF-8\">";
    let html = api::service().scalar_html();
    let from = html
        .find(OPEN)
        .expect("the page of the framework has the script")
        + OPEN.len();
    let to = html.rfind("</script>").expect("the script ends");
    html[from..to].to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_script_of_the_reference_is_whole() {
        let script = super::scalar();
        assert!(script.len() > 1_000_000);
        assert!(!script.trim_start().starts_with('<'));
    }
}
