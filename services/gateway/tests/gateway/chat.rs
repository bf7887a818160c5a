//! Answers of conversations as streams, and files that are sent.

use std::sync::{Arc, Mutex};

use contracts::{
    ErrorCode, Problem, Subject,
    chat::{
        AddAttachment, Attachment, ChatMessage, ChatRole, ChatSession, Concurrency, GetMessage,
        GetSession, MessageState, ReadAttachment, SendMessage, Turn,
    },
    execution::Usage,
    file::FilePart,
    id::{AttachmentId, ChatId, ExecutionId, MessageId, ToolId, UserId},
    live::{ExecutionEvent, Frame, StepCall, TokenDelta},
    subject::step_token,
};
use kernel::{Ctx, Running, Service};
use serde_json::{Value, json};

use crate::platform::Platform;

/// The one answer of the one conversation.
#[derive(Clone)]
pub(crate) struct Chat(Arc<Mutex<ChatMessage>>);

pub(crate) async fn start(
    state: MessageState,
    execution: Option<ExecutionId>,
) -> (Platform, Chat, Running) {
    let platform = Platform::start().await;
    bus::topology::ensure(&platform.bus, 1).await.unwrap();
    let chat = Chat(Arc::new(Mutex::new(message(state, execution))));
    let runtime = testkit::runtime(&platform.bus).await;
    let service = Service::new("chat", chat.clone())
        .on(send)
        .on(get_message)
        .on(get_session)
        .on(attach)
        .on(read_attachment);
    let running = service.start(&runtime).await.unwrap();
    (platform, chat, running)
}

impl Chat {
    pub(crate) fn set(&self, change: impl FnOnce(&mut ChatMessage)) {
        change(&mut self.0.lock().unwrap());
    }
}

fn message(state: MessageState, execution_id: Option<ExecutionId>) -> ChatMessage {
    ChatMessage {
        id: MessageId::EXAMPLE,
        parent_id: None,
        siblings: vec![MessageId::EXAMPLE],
        role: ChatRole::Assistant,
        content: "Hello".into(),
        attachments: Vec::new(),
        state,
        execution_id,
        tool_calls: Vec::new(),
        usage: None,
        error: None,
        created_at: chrono::DateTime::UNIX_EPOCH,
        finished_at: None,
    }
}

async fn send(ctx: Ctx<Chat>, request: SendMessage) -> Result<Turn, Problem> {
    if request.content.is_empty() {
        let problem = Problem::new(ErrorCode::InvalidInput, "a message needs content");
        return Err(problem);
    }
    let answer = ctx.state.0.lock().unwrap().clone();
    Ok(Turn {
        question: answer.clone(),
        answer,
    })
}

async fn get_message(ctx: Ctx<Chat>, request: GetMessage) -> Result<ChatMessage, Problem> {
    let message = ctx.state.0.lock().unwrap().clone();
    if message.id == request.message_id {
        return Ok(message);
    }
    Err(Problem::new(
        ErrorCode::NotFound,
        "the message does not exist",
    ))
}

async fn get_session(_: Ctx<Chat>, request: GetSession) -> Result<ChatSession, Problem> {
    Ok(ChatSession {
        id: request.session_id,
        title: "t".into(),
        agent_id: None,
        crew_id: None,
        flow_id: None,
        concurrency: Concurrency::Enqueue,
        head: Some(MessageId::EXAMPLE),
        created_by: UserId::EXAMPLE,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    })
}

/// Reads the file as the real service does.
async fn attach(ctx: Ctx<Chat>, request: AddAttachment) -> Result<Attachment, Problem> {
    let uploads = ctx.bus.uploads().await.unwrap();
    let file = uploads.get(ctx.tenant, request.upload_id, bus::MAX_UPLOAD);
    let file = file.await.unwrap().expect("the file is there");
    Ok(Attachment {
        id: AttachmentId::EXAMPLE,
        name: request.name,
        content_type: "text/plain".into(),
        bytes: file.len() as u64,
    })
}

/// A file of three pieces, the last of them one byte.
const FILE: usize = 2 * FilePart::MAX_BYTES as usize + 1;

async fn read_attachment(_: Ctx<Chat>, request: ReadAttachment) -> Result<FilePart, Problem> {
    if request.attachment_id != AttachmentId::EXAMPLE {
        return Err(Problem::new(ErrorCode::NotFound, "no such file"));
    }
    let offset = usize::try_from(request.offset).unwrap();
    let end = FILE.min(offset + FilePart::MAX_BYTES as usize);
    let piece: Vec<u8> = (offset..end).map(letter).collect();
    let (name, kind) = ("Pl\u{e4}ne \"a\".html", "text/html");
    Ok(FilePart::new(name.into(), kind.into(), FILE as u64, &piece))
}

fn letter(place: usize) -> u8 {
    b'a' + u8::try_from(place % 23).unwrap()
}

pub(crate) fn path(rest: &str) -> String {
    format!("/api/v1/chat/sessions/{}{rest}", ChatId::EXAMPLE)
}

fn stream_path() -> String {
    path(&format!("/messages/{}/stream", MessageId::EXAMPLE))
}

fn frame(n: u64, event: ExecutionEvent) -> Frame {
    let ts = chrono::DateTime::UNIX_EPOCH;
    Frame { n, ts, event }
}

pub(crate) fn started(n: u64, node: &str, call: StepCall) -> Frame {
    let event = ExecutionEvent::StepStarted {
        node: node.into(),
        attempt: 1,
        key: "k".into(),
        call: Some(call),
    };
    frame(n, event)
}

pub(crate) fn succeeded(n: u64, node: &str, output: Value) -> Frame {
    let event = ExecutionEvent::StepSucceeded {
        node: node.into(),
        attempt: 1,
        output,
        port: "out".into(),
        usage: None,
        duration_ms: 1,
        cached: false,
    };
    frame(n, event)
}

pub(crate) fn asks() -> StepCall {
    let agent = "writer".into();
    StepCall::Llm { agent }
}

pub(crate) fn calls_tool() -> StepCall {
    StepCall::Tool {
        agent: "writer".into(),
        tool_id: ToolId::EXAMPLE,
        name: "add".into(),
        arguments: json!({"a": 1}),
    }
}

pub(crate) fn over(n: u64) -> Frame {
    let event = ExecutionEvent::ExecutionSucceeded {
        output: json!("Hello"),
        usage: Usage::ZERO,
    };
    frame(n, event)
}

#[tokio::test]
async fn an_answer_is_streamed_as_it_is_made() {
    let execution = ExecutionId::generate();
    let (platform, chat, _running) = start(MessageState::Running, Some(execution)).await;
    let history = [
        started(1, "agent/tool:0.0", calls_tool()),
        succeeded(2, "agent/tool:0.0", json!(3)),
        started(3, "agent/llm:1", asks()),
    ];
    platform.history.put(platform.tenant, execution, history);
    let ask = platform.ask("POST", &path("/messages"));
    let ask = ask.header("Accept", "text/event-stream");
    let mut stream = ask.json(&json!({"content": "Hi"})).open().await;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    let called = stream.event().await.unwrap();
    assert_eq!((&*called.event, called.id), ("tool_call", Some(1)));
    assert_eq!(
        (&called.data["agent"], &called.data["arguments"]),
        (&json!("writer"), &json!({"a": 1}))
    );
    let result = stream.event().await.unwrap();
    assert_eq!(
        (&*result.event, &result.data["result"]),
        ("tool_result", &json!(3))
    );
    // Both subscriptions stand before the first event is sent.
    let delta = TokenDelta {
        node: "agent/llm:1".into(),
        attempt: 1,
        n: 1,
        text: "Hel".into(),
    };
    let subject = Subject::tokens(platform.tenant, execution, &step_token(&delta.node));
    platform.bus.publish(&subject, &delta).await.unwrap();
    let token = stream.event().await.unwrap();
    assert_eq!((&*token.event, token.id), ("token", Some(3)));
    assert_eq!(token.data["text"], "Hel");
    // The second piece was lost on the bus; the step's output has it.
    let said = succeeded(
        4,
        "agent/llm:1",
        json!({"role": "assistant", "content": "Hello"}),
    );
    platform.publish(execution, &said).await;
    let token = stream.event().await.unwrap();
    assert_eq!((token.id, &token.data["text"]), (Some(4), &json!("lo")));
    platform
        .history
        .put(platform.tenant, execution, [said, over(5)]);
    platform.publish(execution, &over(5)).await;
    // The message is stored a little after the execution's end: only then it is done.
    chat.set(|message| message.state = MessageState::Done);
    let done = stream.event().await.unwrap();
    assert_eq!((&*done.event, done.id), ("done", Some(5)));
    assert_eq!(done.data["message"]["content"], "Hello");
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn an_answer_waits_for_its_turn_and_comes_whole_without_a_stream() {
    let execution = ExecutionId::generate();
    let (platform, chat, _running) = start(MessageState::Queued, None).await;
    let ask = platform.ask("POST", &path("/messages"));
    let whole = ask.json(&json!({"content": "Hi"})).send();
    let turn = async {
        platform.history.put(platform.tenant, execution, [over(1)]);
        chat.set(|message| {
            message.execution_id = Some(execution);
            message.state = MessageState::Done;
        });
    };
    let (whole, ()) = tokio::join!(whole, turn);
    assert_eq!(whole.status, 200, "{}", whole.body);
    assert_eq!(whole.json()["state"], "done");
    assert_eq!(whole.json()["execution_id"], json!(execution));
}

#[tokio::test]
async fn who_does_not_want_to_wait_gets_both_messages_at_once() {
    let (platform, _, _running) = start(MessageState::Queued, None).await;
    let ask = platform.ask("POST", &path("/messages"));
    let ask = ask.header("Prefer", "respond-async");
    let turn = ask.json(&json!({"content": "Hi"})).send().await;
    assert_eq!(turn.status, 202, "{}", turn.body);
    assert_eq!(turn.json()["answer"]["state"], "queued");
}

#[tokio::test]
async fn a_client_that_returns_goes_on_where_it_was() {
    let execution = ExecutionId::generate();
    let (platform, _, _running) = start(MessageState::Done, Some(execution)).await;
    let history = [
        started(1, "agent/tool:0.0", calls_tool()),
        succeeded(2, "agent/tool:0.0", json!(3)),
        over(3),
    ];
    platform.history.put(platform.tenant, execution, history);
    let ids = async |after: &str| {
        let ask = platform.ask("GET", &stream_path());
        let mut stream = ask.header("Last-Event-ID", after).open().await;
        assert_eq!(stream.status, 200);
        stream.ids().await
    };
    assert_eq!(ids("0").await, [1, 2, 3]);
    assert_eq!(ids("1").await, [2, 3]);
    // Nothing but the message itself is left.
    assert_eq!(ids("3").await, [3]);
    let ask = platform.ask("GET", &stream_path());
    let mut ahead = ask.header("Last-Event-ID", "4").open().await;
    let refused = ahead.event().await.unwrap();
    assert_eq!(
        (&*refused.event, &refused.data["reason"]),
        ("problem", &json!("event_unknown"))
    );
    let other = path(&format!("/messages/{}/stream", MessageId::generate()));
    let missing = platform.ask("GET", &other).send().await;
    missing.assert_problem(404, "not_found");
    let bad = platform
        .ask("GET", &stream_path())
        .header("Last-Event-ID", "x");
    bad.send().await.assert_problem(400, "invalid_input");
}

#[tokio::test]
async fn a_message_that_is_refused_is_a_problem_and_no_stream() {
    let (platform, _, _running) = start(MessageState::Queued, None).await;
    let ask = platform.ask("POST", &path("/messages"));
    let ask = ask.header("Accept", "text/event-stream");
    let refused = ask.json(&json!({"content": ""})).send().await;
    refused.assert_problem(422, "invalid_input");
}

#[tokio::test]
async fn a_file_is_sent_as_a_form_or_as_it_is() {
    let (platform, _, _running) = start(MessageState::Queued, None).await;
    let post = |query: &str, kind: &str, body: Vec<u8>| {
        let ask = platform.ask("POST", &path(&format!("/attachments{query}")));
        ask.header("Content-Type", kind).body(body).send()
    };
    let file = vec![b'x'; 3 * 1024 * 1024];
    let raw = post("?name=a.txt", "text/plain", file.clone()).await;
    assert_eq!(raw.status, 201, "{}", raw.body);
    assert_eq!(
        (&raw.json()["name"], &raw.json()["bytes"]),
        (&json!("a.txt"), &json!(file.len()))
    );
    let mut form = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.txt\"\r\nContent-Type: text/plain\r\n\r\n".to_vec();
    form.extend(b"hello");
    form.extend(b"\r\n--b--\r\n");
    let sent = post("", "multipart/form-data; boundary=b", form).await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    assert_eq!(
        (&sent.json()["name"], &sent.json()["bytes"]),
        (&json!("b.txt"), &json!(5))
    );
    let nameless = post("", "text/plain", b"x".to_vec()).await;
    nameless.assert_problem(400, "invalid_input");
    let empty = post("", "multipart/form-data; boundary=b", b"--b--\r\n".to_vec()).await;
    empty.assert_problem(400, "invalid_input");
    let large = post("?name=a", "text/plain", vec![b'x'; 10 * 1024 * 1024 + 1]).await;
    large.assert_problem(413, "invalid_input");
}

#[tokio::test]
async fn a_file_is_streamed_back_to_be_saved() {
    let (platform, _, _running) = start(MessageState::Queued, None).await;
    let file = path(&format!("/attachments/{}", AttachmentId::EXAMPLE));
    let got = platform.ask("GET", &file).send().await;
    assert_eq!(got.status, 200, "{}", got.body);
    let body = got.body.as_bytes();
    assert_eq!(body.len(), FILE);
    assert!(body.iter().enumerate().all(|(n, it)| *it == letter(n)));
    let tag = format!("\"{}\"", AttachmentId::EXAMPLE);
    for (name, value) in [
        ("content-length", FILE.to_string().as_str()),
        ("content-type", "text/html; charset=utf-8"),
        (
            "content-disposition",
            "attachment; filename=\"Pl_ne _a_.html\"; filename*=UTF-8''Pl%C3%A4ne%20%22a%22.html",
        ),
        ("x-content-type-options", "nosniff"),
        ("etag", &tag),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    let again = platform.ask("GET", &file).header("If-None-Match", &tag);
    let again = again.send().await;
    assert_eq!((again.status, &*again.body), (304, ""));
    let missing = path(&format!("/attachments/{}", AttachmentId::generate()));
    let missing = platform.ask("GET", &missing).header("If-None-Match", "*");
    missing.send().await.assert_problem(404, "not_found");
}
