//! The headers that every response carries, and those that no request may bring.

use poem::{
    Request, Response,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};

/// Everything from our own origin, scripts and styles in files only, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How long an answer may be kept that is named by its content.
pub(crate) const IMMUTABLE: &str = "private, immutable";

/// A content security policy of its own, for the few pages that need one.
#[derive(Clone, Copy)]
pub(crate) struct Policy(pub(crate) &'static str);

static STATIC: [(HeaderName, &str); 7] = [
    (
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=63072000; includeSubDomains",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Parameters that would put a credential into logs, histories and referrers.
const CREDENTIALS: [&str; 7] = [
    "token",
    "access_token",
    "refresh_token",
    "api_key",
    "apikey",
    "key",
    "authorization",
];

/// Prefixes of headers that only our own parts may set.
const INTERNAL: [&str; 8] = [
    "troupe-",
    "nats-",
    "x-internal-",
    "x-user",
    "x-tenant",
    "x-role",
    "x-forwarded-",
    "x-original-",
];
const PROXY: [&str; 4] = ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip"];

pub(super) fn set(response: &mut Response, path: &str, trace_id: &str) {
    let policy = response.data::<Policy>().map_or(POLICY, |policy| policy.0);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    for (name, value) in &STATIC {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(trace_id) {
        headers.insert("x-trace-id", value);
    }
    // Answers of the API are private; a file says itself how long it may be kept, and so does what never changes.
    let is_immutable = headers
        .get(header::CACHE_CONTROL)
        .is_some_and(|it| it == IMMUTABLE);
    let is_api = path.starts_with("/api/") || path.starts_with("/v1/");
    if is_api && !is_immutable || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The name of a query parameter that holds a credential.
pub(super) fn credential_in_query(request: &Request) -> Option<&'static str> {
    let query = request.uri().query()?;
    let names = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or(pair));
    let mut names = names.map(|name| name.replace('-', "_"));
    names.find_map(|name| {
        CREDENTIALS
            .into_iter()
            .find(|credential| credential.eq_ignore_ascii_case(&name))
    })
}

/// Removes what claims to come from our own parts or from a proxy; says whether a proxy was named.
pub(super) fn strip_internal(headers: &mut HeaderMap) -> bool {
    let is_internal = |name: &HeaderName| {
        let name = name.as_str();
        name != "x-troupe-client" && INTERNAL.iter().any(|prefix| name.starts_with(prefix))
    };
    let is_proxy = |name: &HeaderName| {
        PROXY.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-")
    };
    let is_proxied = headers.keys().any(is_proxy);
    let doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_internal(name) || is_proxy(name))
        .cloned()
        .collect();
    for name in doomed {
        headers.remove(name);
    }
    is_proxied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_our_own_parts_are_taken_away() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-user-id",
            "x-tenant-id",
            "x-roles",
            "x-forwarded-user",
            "troupe-timeout",
            "nats-msg-id",
            "x-real-ip",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        headers.insert("x-troupe-client", HeaderValue::from_static("web"));
        headers.insert("traceparent", HeaderValue::from_static("00"));
        assert!(strip_internal(&mut headers));
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["traceparent", "x-troupe-client"]);
        assert!(!strip_internal(&mut headers));
    }

    #[test]
    fn credentials_in_a_url_are_found_whatever_their_spelling() {
        let check = |query: &str, expect: Option<&str>| {
            let uri = format!("/x?{query}").parse().unwrap();
            let request = Request::builder().uri(uri).finish();
            assert_eq!(credential_in_query(&request), expect, "{query}");
        };
        check("a=1&token=x", Some("token"));
        check("API-Key=x", Some("api_key"));
        check("access_token", Some("access_token"));
        check("after=3&limit=2", None);
    }
}
