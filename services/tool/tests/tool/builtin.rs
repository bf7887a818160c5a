//! The tools that come with the platform.

use super::*;

#[tokio::test]
async fn each_builtin_answers_and_checks_its_own_arguments() {
    let fixture = Fixture::start().await;
    let make = async |name: &str| {
        let config = json!({"name": name});
        fixture.make(ToolKind::Builtin, name, config).await
    };
    let time = make("time").await;
    let told = fixture.call(&time, json!({"timezone": "+01:00"})).await;
    let told = told.unwrap()["time"].as_str().unwrap().to_owned();
    assert!(told.ends_with("+01:00"), "{told}");
    assert_eq!(
        fixture.fails(&time, json!({"timezone": "x"})).await,
        "timezone"
    );
    assert_eq!(
        fixture.fails(&time, json!({"zone": "x"})).await,
        "arguments_invalid"
    );
    let calculator = make("calculator").await;
    let sum = json!({"expression": "(1 + 2) * 14"});
    assert_eq!(fixture.call(&calculator, sum).await, Ok(json!(42)));
    let wrong = json!({"expression": "1 / 0"});
    assert_eq!(fixture.fails(&calculator, wrong).await, "calculation");
    let query = make("json_query").await;
    let asked = json!({"value": {"a": [1, 2]}, "pointer": "/a/1"});
    assert_eq!(fixture.call(&query, asked).await, Ok(json!(2)));
    let nowhere = json!({"value": {}, "pointer": "/a"});
    assert_eq!(fixture.fails(&query, nowhere).await, "no_value");
    let http = make("http").await;
    let url = format!("{}/b?c=1", fixture.ledger.url());
    let request = json!({"method": "POST", "url": url, "headers": {"x-a": "1"}, "body": {"d": 2}});
    assert_eq!(
        fixture.call(&http, request).await,
        Ok(json!({"status": 200, "body": {"call": 1}}))
    );
    let calls = fixture.ledger.calls();
    assert_eq!(
        (calls[0].path.as_str(), calls[0].body.as_str()),
        ("/b?c=1", r#"{"d":2}"#)
    );
    assert_eq!(calls[0].header("x-a"), Some("1"));
    for (url, reason) in [
        ("http://127.0.0.1:1/", "blocked_address"),
        ("http://169.254.169.254/latest/meta-data", "blocked_address"),
        ("http://[::1]/", "blocked_address"),
        ("file:///etc/passwd", "invalid_url"),
    ] {
        assert_eq!(
            fixture.fails(&http, json!({"url": url})).await,
            reason,
            "{url}"
        );
    }
    fixture.drain().await;
}
