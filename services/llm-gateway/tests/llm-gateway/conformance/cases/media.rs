//! Parts of messages that are no text.

use serde_json::{Value, json};

use super::super::{
    Bench, Outcome,
    mock::Script,
    vendor::{Family, Vendor},
    wire::Said,
};

const PIXEL: &str = "iVBORw0KGgo=";

fn asking(part: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}]})
}

pub(super) async fn parts(bench: &Bench, vendor: Vendor) -> Outcome {
    let image = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PIXEL}")}});
    let pdf = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}});
    let sound =
        json!({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}});
    if vendor.is_openai_like() {
        for part in [&image, &pdf, &sound] {
            let body = bench.sent(vendor, asking(part)).await.unwrap().body;
            assert_eq!(body["messages"][0]["content"][1], *part);
        }
        return links(bench, vendor, &image).await;
    }
    let part = async |part: &Value| {
        let body = bench.sent(vendor, asking(part)).await.unwrap().body;
        vendor.turns(&body)[0].1[1].clone()
    };
    let (an_image, a_pdf) = match vendor.family() {
        Family::Anthropic => (
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}),
            json!({"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}),
        ),
        Family::Gemini => (
            json!({"inlineData": {"mimeType": "image/png", "data": PIXEL}}),
            json!({"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}),
        ),
        _ => (
            json!({"image": {"format": "png", "source": {"bytes": PIXEL}}}),
            json!({"document": {"format": "pdf", "name": "document 2", "source": {"bytes": "JVBERi0="}}}),
        ),
    };
    assert_eq!(part(&image).await, an_image);
    assert_eq!(part(&pdf).await, a_pdf);
    match vendor {
        Vendor::Gemini => assert_eq!(
            part(&sound).await,
            json!({"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}})
        ),
        _ => {
            let problem = bench.refused(vendor, asking(&sound)).await;
            assert_eq!(problem.reason.as_deref(), Some("unsupported_parameter"));
        }
    }
    links(bench, vendor, &an_image).await
}

/// Anthropic follows links itself; for the others they are followed here, and never inside.
async fn links(bench: &Bench, vendor: Vendor, an_image: &Value) -> Outcome {
    let link = |url: &str| asking(&json!({"type": "image_url", "image_url": {"url": url}}));
    let odd = json!({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}});
    let problem = bench.refused(vendor, asking(&odd)).await;
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (400, Some("invalid_question"))
    );
    if vendor == Vendor::Anthropic {
        let body = bench
            .sent(vendor, link("https://example.com/a.png"))
            .await
            .unwrap()
            .body;
        let source = json!({"type": "url", "url": "https://example.com/a.png"});
        assert_eq!(vendor.turns(&body)[0].1[1]["source"], source);
        return Ok(());
    }
    for inside in [
        "http://127.0.0.1:9/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/a.png",
    ] {
        let problem = bench.refused(vendor, link(inside)).await;
        assert_eq!(
            (problem.status, problem.reason.as_deref()),
            (400, Some("invalid_question"))
        );
    }
    let picture = Script {
        status: 200,
        headers: vec![("content-type", "image/png".into())],
        parts: vec![b"\x89PNG\r\n\x1a\n".to_vec()],
        ..Script::default()
    };
    bench.mock.script(picture);
    let question = bench.question(
        vendor,
        link(&format!("http://{}/a.png", bench.mock.address)),
    );
    bench
        .ask(&question, vendor.answer(&Said::text("ok")))
        .await
        .1
        .unwrap();
    assert_eq!(vendor.turns(&bench.mock.last().body)[0].1[1], *an_image);
    Ok(())
}
