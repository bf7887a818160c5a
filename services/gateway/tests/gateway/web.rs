//! The web app's files, as a browser asks for them.

use std::fs;

use gateway::Config;

use crate::{http::Answer, platform::Platform};

const SCRIPT: &str = "/assets/app-0123456789abcdef.js";
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A platform with a small app: a page, a script with its compressed copies, a worker's wasm without.
async fn start() -> (Platform, testkit::TempDir) {
    let folder = testkit::TempDir::new().unwrap();
    let assets = folder.path().join("assets");
    fs::create_dir(&assets).unwrap();
    for (name, text) in [
        ("index.html", "<!doctype html>the page"),
        ("secret.txt", "no asset"),
        ("assets/app-0123456789abcdef.js", "the script"),
        ("assets/app-0123456789abcdef.js.br", "in brotli"),
        ("assets/app-0123456789abcdef.js.gz", "in gzip"),
        ("assets/rules.wasm", "the wasm"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let platform = Platform::configured(Config {
        web_dir: folder.path().to_path_buf(),
        ..Config::loopback()
    })
    .await;
    (platform, folder)
}

fn told<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).unwrap_or("")
}

#[tokio::test]
async fn every_address_of_the_app_is_its_page() {
    let (platform, _folder) = start().await;
    for path in [
        "/",
        "/flows",
        "/flows/flow_1?tab=revisions",
        "/no/such/page",
    ] {
        let page = platform.visit("GET", path).send().await;
        assert_eq!(
            (page.status, page.body.as_str()),
            (200, "<!doctype html>the page"),
            "{path}"
        );
        assert_eq!(told(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(told(&page, "cache-control"), "no-cache");
        assert_eq!(told(&page, "content-security-policy"), POLICY);
        assert_eq!(told(&page, "x-content-type-options"), "nosniff");
    }
    // What is no page stays what it was.
    for path in [
        "/api",
        "/api/nope",
        "/api/v1/nope",
        "/favicon.ico",
        "/flows/a.html",
    ] {
        let answer = platform.visit("GET", path).send().await;
        answer.assert_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_page_that_the_browser_has_is_not_sent_again() {
    let (platform, folder) = start().await;
    let page = platform.visit("GET", "/").send().await;
    let tag = told(&page, "etag").to_owned();
    assert_eq!(tag.len(), 18, "{tag}");
    let again = || {
        platform
            .visit("GET", "/flows")
            .header("If-None-Match", format!("\"other\", W/{tag}"))
    };
    let kept = again().send().await;
    assert_eq!((kept.status, kept.body.as_str()), (304, ""));
    assert_eq!(told(&kept, "etag"), tag);
    assert_eq!(told(&kept, "cache-control"), "no-cache");
    fs::write(folder.path().join("index.html"), "<!doctype html>anew").unwrap();
    let anew = again().send().await;
    assert_eq!(
        (anew.status, anew.body.as_str()),
        (200, "<!doctype html>anew")
    );
    assert_ne!(told(&anew, "etag"), tag);
}

#[tokio::test]
async fn asking_for_the_head_alone_gets_no_body() {
    let (platform, _folder) = start().await;
    for (path, content_type) in [
        ("/flows", "text/html; charset=utf-8"),
        (SCRIPT, "text/javascript; charset=utf-8"),
    ] {
        let head = platform.visit("HEAD", path).send().await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(told(&head, "content-type"), content_type);
        let length = head.header("content-length");
        assert_ne!(length, Some("0"), "{path}");
    }
}

#[tokio::test]
async fn assets_come_in_the_smallest_form_that_is_taken() {
    let (platform, _folder) = start().await;
    for (accepted, coding, body) in [
        ("gzip, deflate, br, zstd", "br", "in brotli"),
        ("gzip", "gzip", "in gzip"),
        ("gzip, br;q=0.1", "gzip", "in gzip"),
        ("br;q=0, gzip;q=0", "", "the script"),
    ] {
        let ask = platform
            .visit("GET", SCRIPT)
            .header("Accept-Encoding", accepted);
        let answer = ask.send().await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, body),
            "{accepted}"
        );
        assert_eq!(told(&answer, "content-encoding"), coding);
        assert_eq!(told(&answer, "vary"), "accept-encoding");
        assert_eq!(
            told(&answer, "content-type"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(
            told(&answer, "cache-control"),
            "public, max-age=31536000, immutable"
        );
    }
    let wasm = platform.visit("GET", "/assets/rules.wasm").send().await;
    assert_eq!(told(&wasm, "content-type"), "application/wasm");
    assert_eq!(told(&wasm, "cache-control"), "no-cache");
}

#[tokio::test]
async fn nothing_but_assets_is_given_out() {
    let (platform, _folder) = start().await;
    for path in [
        "/assets/gone.js",
        "/assets/app-0123456789abcdef.js.br",
        "/assets/../secret.txt",
        "/assets/%2e%2e/secret.txt",
        "/assets/..%2fsecret.txt",
        "/assets/",
        "/secret.txt",
    ] {
        let answer = platform.visit("GET", path).send().await;
        answer.assert_problem(404, "not_found");
    }
}

#[tokio::test]
async fn without_an_app_the_page_says_so() {
    let platform = Platform::start().await;
    let page = platform.visit("GET", "/").send().await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("cargo xtask web"), "{}", page.body);
}
