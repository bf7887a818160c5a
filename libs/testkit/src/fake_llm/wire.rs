//! The bytes of OpenAI's chat completions, whole and as a stream of server-sent
//! events, and of its embeddings (OpenAI API reference, "Create chat completion",
//! "Create embeddings").

use std::{io, time::Duration};

use futures::{StreamExt, stream};
use poem::{Body, Response, http::StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, Kind, ToolCall, Usage};

pub(super) async fn respond(answer: Answer, request: &Value) -> Response {
    tokio::time::sleep(answer.before_first).await;
    let model = request["model"].as_str().unwrap_or_default();
    let streamed = request["stream"] == true;
    match &answer.kind {
        Kind::Refused {
            status,
            retry_after,
            message,
        } => refusal(*status, retry_after.as_deref(), message),
        Kind::Raw(body) => bytes(streamed, vec![body.clone()], &answer),
        Kind::Text(text) if streamed => {
            let deltas: Vec<Value> = text
                .split_inclusive(' ')
                .map(|word| json!({"content": word}))
                .collect();
            let chunks = chunks(&deltas, "stop", model, request, answer.usage);
            bytes(true, chunks, &answer)
        }
        Kind::Tools(calls) if streamed => {
            let chunks = chunks(
                &tool_deltas(calls),
                "tool_calls",
                model,
                request,
                answer.usage,
            );
            bytes(true, chunks, &answer)
        }
        Kind::Text(text) => {
            let message = json!({"role": "assistant", "content": text, "refusal": null});
            whole(&message, "stop", model, &answer)
        }
        Kind::Embeddings(vectors) => embeddings(vectors, model, &answer),
        Kind::Tools(calls) => {
            let calls: Vec<Value> = calls.iter().map(tool_call).collect();
            let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
            whole(&message, "tool_calls", model, &answer)
        }
    }
}

pub(super) fn error(status: StatusCode, message: &str) -> Response {
    refusal(status.as_u16(), None, message)
}

pub(super) fn json_body(value: &Value) -> Response {
    Response::builder()
        .content_type("application/json")
        .body(Body::from_string(value.to_string()))
}

fn refusal(status: u16, retry_after: Option<&str>, message: &str) -> Response {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": null}});
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).expect("an HTTP status"))
        .content_type("application/json");
    if let Some(retry_after) = retry_after {
        response = response.header("retry-after", retry_after);
    }
    response.body(Body::from_string(body.to_string()))
}

fn whole(message: &Value, finish_reason: &str, model: &str, answer: &Answer) -> Response {
    let body = json!({
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
        "usage": usage(answer.usage),
    });
    halves(&body, answer)
}

fn embeddings(vectors: &[Vec<f32>], model: &str, answer: &Answer) -> Response {
    let item = |(index, vector): (usize, &Vec<f32>)| json!({"object": "embedding", "index": index, "embedding": vector});
    let data: Vec<Value> = vectors.iter().enumerate().rev().map(item).collect();
    let tokens = answer.usage.prompt_tokens;
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    let body = json!({"object": "list", "data": data, "model": model, "usage": usage});
    halves(&body, answer)
}

/// A body in two parts, of which only the first arrives where the answer is cut.
fn halves(body: &Value, answer: &Answer) -> Response {
    let text = body.to_string();
    let (head, tail) = text.split_at(text.len() / 2);
    let mut parts = vec![head.to_owned()];
    match answer.cut_after {
        Some(_) => parts.truncate(1),
        None => parts.push(tail.to_owned()),
    }
    let cut_at = answer.cut_after.map(|_| 1);
    Response::builder()
        .content_type("application/json")
        .body(stream_of(parts, cut_at, answer.between))
}

/// All chunks of a stream, the last one the end mark.
fn chunks(
    deltas: &[Value],
    finish_reason: &str,
    model: &str,
    request: &Value,
    spent: Usage,
) -> Vec<String> {
    let with_usage = request["stream_options"]["include_usage"] == true;
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-fake",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": model,
            "choices": choices,
        });
        if with_usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let choice = |delta: &Value, finish_reason: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
    let first = json!({"role": "assistant", "content": ""});
    let mut chunks = vec![chunk(choice(&first, Value::Null), Value::Null)];
    for delta in deltas {
        chunks.push(chunk(choice(delta, Value::Null), Value::Null));
    }
    chunks.push(chunk(choice(&json!({}), json!(finish_reason)), Value::Null));
    if with_usage {
        chunks.push(chunk(json!([]), usage(spent)));
    }
    chunks.push("data: [DONE]\n\n".to_owned());
    chunks
}

/// Each call comes as its head and then its arguments in two pieces, as the
/// vendor sends them.
fn tool_deltas(calls: &[ToolCall]) -> Vec<Value> {
    let mut deltas = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        let arguments = call.arguments.to_string();
        let middle = arguments
            .char_indices()
            .nth(arguments.chars().count() / 2)
            .map_or(0, |(at, _)| at);
        let (one, two) = arguments.split_at(middle);
        deltas.push(json!({"tool_calls": [{
            "index": index, "id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }]}));
        for piece in [one, two] {
            deltas
                .push(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}));
        }
    }
    deltas
}

fn tool_call(call: &ToolCall) -> Value {
    json!({
        "id": call.id, "type": "function",
        "function": {"name": call.name, "arguments": call.arguments.to_string()},
    })
}

fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    })
}

fn bytes(streamed: bool, parts: Vec<String>, answer: &Answer) -> Response {
    let content_type = if streamed {
        "text/event-stream"
    } else {
        "application/json"
    };
    Response::builder()
        .content_type(content_type)
        .body(stream_of(parts, answer.cut_after, answer.between))
}

/// An error in the body's stream makes the server break the connection.
fn stream_of(mut parts: Vec<String>, cut_after: Option<usize>, between: Duration) -> Body {
    if let Some(count) = cut_after {
        parts.truncate(count);
    }
    let cut = cut_after.map(|_| Err(io::Error::from(io::ErrorKind::ConnectionReset)));
    let parts = parts.into_iter().map(Ok).chain(cut).enumerate();
    Body::from_bytes_stream(stream::iter(parts).then(move |(index, part)| async move {
        if index > 0 {
            tokio::time::sleep(between).await;
        }
        part
    }))
}
