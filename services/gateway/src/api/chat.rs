//! `/chat/sessions`: conversations, and answers as they are made.

use std::time::Duration;

use contracts::{
    ErrorCode, Problem,
    chat::{
        AddAttachment, Attachment, ChatEvent, ChatMessage, ChatSession, Concurrency, CreateSession,
        DeleteSession, GetMessage, GetSession, ListMessages, ListSessions, ReadAttachment,
        Regenerate, SendMessage, StopAnswer, Turn, UpdateSession,
    },
    id::{AttachmentId, ChatId, MessageId},
    page::Page,
};
use futures::{StreamExt, stream::BoxStream};
use poem::web::sse::Event;
use poem_openapi::{
    ApiResponse, Object, OpenApi, ResponseContent,
    param::{Header, Path, Query},
    payload::EventStream,
};
use serde::Deserialize;

use super::{
    PREFIX, Tag,
    executions::{KEEP_ALIVE, json, resume_after},
    form::{Deleted, paging},
};
use crate::{
    caller::{Bearer, Caller},
    download::{self, Download},
    live::{Said, answer},
    payload::{Json, MaybeJson},
    problem::Refusal,
    upload::{self, OnlyFile},
};

/// How long a request waits for a finished answer. The answer goes on without it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10 * 60);
const MAX_ATTACHMENT: u64 = 10 * 1024 * 1024;

pub(crate) struct Api;

/// What is present is changed.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct SessionBody {
    /// 1 to 200 characters.
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    concurrency: Option<Concurrency>,
    /// Shows the branch that ends with this message.
    #[serde(default)]
    head: Option<MessageId>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct MessageBody {
    /// 1 to 32,000 characters; may be empty beside attachments.
    content: String,
    /// Attachments of this session that no message has yet, up to 8.
    #[serde(default)]
    #[oai(default)]
    attachments: Vec<AttachmentId>,
    /// Asks this instead of that question: the conversation forks before it.
    #[serde(default)]
    replaces: Option<MessageId>,
}

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct RegenerateBody {
    /// The answer to replace; the last of the branch that is shown when absent.
    #[serde(default)]
    message_id: Option<MessageId>,
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(Json<ChatSession>, #[oai(header = "Location")] String),
}

#[derive(ApiResponse)]
enum Attached {
    #[oai(status = 201)]
    Created(Json<Attachment>),
}

type Events = EventStream<BoxStream<'static, Said>>;

#[allow(
    clippy::large_enum_variant,
    reason = "it is made once for an answer, and written at once"
)]
#[derive(ResponseContent)]
enum Answer {
    Whole(Json<ChatMessage>),
    Stream(Events),
}

#[allow(
    clippy::large_enum_variant,
    reason = "it is made once for an answer, and written at once"
)]
#[derive(ApiResponse)]
enum Answered {
    /// The finished answer, or with `Accept: text/event-stream` the answer as it is made: `event` is `token`,
    /// `tool_call`, `tool_result`, `approval_needed` or `done`, `id` the number to resume after, `data` the event. A
    /// stream that ends before `done` says why in an event `problem`.
    #[oai(status = 200)]
    Ok(Answer),
    /// With `Prefer: respond-async`: both messages are stored, and the answer is being made.
    #[oai(status = 202)]
    Accepted(Json<Turn>),
}

/// How a client wants the answer.
enum Form {
    Whole,
    Stream,
    /// It will look for it, or follow it over the WebSocket.
    Later,
}

impl Form {
    fn of(accept: Option<&str>, prefer: Option<&str>) -> Self {
        let has = |header: Option<&str>, word| header.is_some_and(|header| header.contains(word));
        if has(prefer, "respond-async") {
            return Self::Later;
        }
        if has(accept, "text/event-stream") {
            return Self::Stream;
        }
        Self::Whole
    }
}

#[derive(ApiResponse)]
enum Streamed {
    /// As the stream of a message that is sent.
    #[oai(status = 200)]
    Events(Events),
}

#[OpenApi(prefix_path = "/chat/sessions", tag = "Tag::Chat")]
impl Api {
    /// The caller's conversations, the last used first
    #[oai(path = "/", method = "get", operation_id = "chat.sessions")]
    async fn list(
        &self,
        caller: Bearer,
        /// Only sessions whose title contains this text, whatever the case.
        search: Query<Option<String>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<ChatSession>>> {
        let request = ListSessions {
            search: search.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Begin a conversation with an agent, a crew or a flow
    #[oai(path = "/", method = "post", operation_id = "chat.create_session")]
    async fn create(&self, caller: Bearer, body: Json<CreateSession>) -> poem::Result<Created> {
        let session = caller.ask(&body.0).await?;
        let location = format!("{PREFIX}/chat/sessions/{}", session.id);
        Ok(Created::Created(Json(session), location))
    }

    /// One conversation
    #[oai(
        path = "/:session_id",
        method = "get",
        operation_id = "chat.get_session"
    )]
    async fn get(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
    ) -> poem::Result<Json<ChatSession>> {
        let session_id = session_id.0;
        Ok(Json(caller.ask(&GetSession { session_id }).await?))
    }

    /// Name a conversation, change its policy, or show another branch
    #[oai(
        path = "/:session_id",
        method = "patch",
        operation_id = "chat.update_session"
    )]
    async fn update(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
        body: Json<SessionBody>,
    ) -> poem::Result<Json<ChatSession>> {
        let request = UpdateSession {
            session_id: session_id.0,
            title: body.0.title,
            concurrency: body.0.concurrency,
            head: body.0.head,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Delete a conversation with its messages and attachments, for good
    #[oai(
        path = "/:session_id",
        method = "delete",
        operation_id = "chat.delete_session"
    )]
    async fn delete(&self, caller: Bearer, session_id: Path<ChatId>) -> poem::Result<Deleted> {
        let session_id = session_id.0;
        caller.ask(&DeleteSession { session_id }).await?;
        Ok(Deleted::Done)
    }

    /// One branch of a conversation, the oldest message first
    #[oai(
        path = "/:session_id/messages",
        method = "get",
        operation_id = "chat.messages"
    )]
    async fn messages(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
        /// The last message of the branch; the session's `head` when absent.
        head: Query<Option<MessageId>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<ChatMessage>>> {
        let request = ListMessages {
            session_id: session_id.0,
            head: head.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Ask something and receive the answer
    ///
    /// Waits for the finished answer, up to ten minutes; with `Accept: text/event-stream` the answer comes as it is made,
    /// with `Prefer: respond-async` nothing is waited for. A client that leaves does not stop it.
    #[oai(
        path = "/:session_id/messages",
        method = "post",
        operation_id = "chat.send"
    )]
    async fn send(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
        /// `text/event-stream` for the answer as it is made.
        #[oai(name = "Accept")]
        accept: Header<Option<String>>,
        /// `respond-async` for both messages at once: the answer goes on being made.
        #[oai(name = "Prefer")]
        prefer: Header<Option<String>>,
        /// The same key and body give the same message; the same key with another body is refused.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: Json<MessageBody>,
    ) -> poem::Result<Answered> {
        let request = SendMessage {
            session_id: session_id.0,
            content: body.0.content,
            attachments: body.0.attachments,
            replaces: body.0.replaces,
            idempotency_key: idempotency_key.0,
        };
        let turn = caller.ask_soon(&request).await.map_err(Refusal)?;
        let form = Form::of(accept.0.as_deref(), prefer.0.as_deref());
        answered(caller.0, session_id.0, turn, form).await
    }

    /// One message
    #[oai(
        path = "/:session_id/messages/:message_id",
        method = "get",
        operation_id = "chat.get_message"
    )]
    async fn message(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
        message_id: Path<MessageId>,
    ) -> poem::Result<Json<ChatMessage>> {
        let request = GetMessage {
            session_id: session_id.0,
            message_id: message_id.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// An answer as it is made, again from where a client left
    ///
    /// Begins after `Last-Event-ID` (or `after`). What a model was saying then is said again from its beginning.
    #[oai(
        path = "/:session_id/messages/:message_id/stream",
        method = "get",
        operation_id = "chat.get_message:stream"
    )]
    async fn stream(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
        message_id: Path<MessageId>,
        /// The last event seen; a browser that reconnects sends it by itself.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
        /// As `Last-Event-ID`, for clients that cannot send headers.
        after: Query<Option<u64>>,
    ) -> poem::Result<Streamed> {
        let after = resume_after(last_event_id.0.as_deref(), after.0)?;
        let said = answer(caller.0, session_id.0, message_id.0, after).await;
        Ok(Streamed::Events(events(said.map_err(Refusal)?.boxed())))
    }

    /// Stop the answer that runs and drop those that wait
    #[oai(
        path = "/:session_id/stop",
        method = "post",
        operation_id = "chat.stop"
    )]
    async fn stop(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
    ) -> poem::Result<Json<ChatSession>> {
        let session_id = session_id.0;
        Ok(Json(caller.ask(&StopAnswer { session_id }).await?))
    }

    /// Answer the same question once more
    ///
    /// The new answer is a sibling of the old one. It comes as that of a message that is sent.
    #[oai(
        path = "/:session_id/regenerate",
        method = "post",
        operation_id = "chat.regenerate"
    )]
    async fn regenerate(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
        /// `text/event-stream` for the answer as it is made.
        #[oai(name = "Accept")]
        accept: Header<Option<String>>,
        /// `respond-async` for both messages at once: the answer goes on being made.
        #[oai(name = "Prefer")]
        prefer: Header<Option<String>>,
        body: MaybeJson<RegenerateBody>,
    ) -> poem::Result<Answered> {
        let request = Regenerate {
            session_id: session_id.0,
            message_id: body.0.message_id,
        };
        let turn = caller.ask_soon(&request).await.map_err(Refusal)?;
        let form = Form::of(accept.0.as_deref(), prefer.0.as_deref());
        answered(caller.0, session_id.0, turn, form).await
    }

    /// Bring a file of up to 10 MiB into a conversation
    ///
    /// Text, PDF, PNG, JPEG, GIF or WebP by its content. The file is the part `file` of `multipart/form-data`, or the
    /// whole body with `?name=`.
    #[oai(
        path = "/:session_id/attachments",
        method = "post",
        operation_id = "chat.add_attachment"
    )]
    async fn attach(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
        /// The name of a file that is the whole body.
        name: Query<Option<String>>,
        body: OnlyFile,
    ) -> poem::Result<Attached> {
        let session_id = session_id.0;
        // Nothing is stored for a session that is not the caller's.
        caller.ask(&GetSession { session_id }).await?;
        let stored = upload::store(&caller, body.0, name.0, MAX_ATTACHMENT).await?;
        let request = AddAttachment {
            session_id,
            upload_id: stored.upload_id,
            name: stored.name,
        };
        Ok(Attached::Created(Json(caller.ask(&request).await?)))
    }

    /// The bytes of a file of a conversation
    #[oai(
        path = "/:session_id/attachments/:attachment_id",
        method = "get",
        operation_id = "chat.read_attachment"
    )]
    async fn attachment(
        &self,
        caller: Bearer,
        session_id: Path<ChatId>,
        attachment_id: Path<AttachmentId>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> poem::Result<Download> {
        let (session_id, attachment_id) = (session_id.0, attachment_id.0);
        let id = attachment_id.to_string();
        let part = move |offset| ReadAttachment {
            session_id,
            attachment_id,
            offset,
        };
        Ok(download::file(&caller, &id, if_none_match.0.as_deref(), part).await?)
    }
}

async fn answered(
    caller: Caller,
    session_id: ChatId,
    turn: Turn,
    form: Form,
) -> poem::Result<Answered> {
    let message_id = turn.answer.id;
    let said = match form {
        Form::Later => return Ok(Answered::Accepted(Json(turn))),
        Form::Whole | Form::Stream => answer(caller, session_id, message_id, 0).await,
    };
    let said = said.map_err(Refusal)?.boxed();
    if matches!(form, Form::Stream) {
        return Ok(Answered::Ok(Answer::Stream(events(said))));
    }
    let whole = tokio::time::timeout(ANSWER_TIMEOUT, last(said)).await;
    let late = || {
        let detail = format!("message `{message_id}` is still being made: read it later");
        Problem::new(ErrorCode::Timeout, detail)
    };
    let message = whole.unwrap_or_else(|_| Err(late())).map_err(Refusal)?;
    Ok(Answered::Ok(Answer::Whole(Json(message))))
}

/// The message at the end.
async fn last(mut said: BoxStream<'static, Said>) -> Result<ChatMessage, Problem> {
    while let Some(said) = said.next().await {
        match said {
            Said::Event(ChatEvent::Done { message, .. }) => return Ok(*message),
            Said::Event(_) => {}
            Said::Problem(problem) => return Err(problem),
        }
    }
    let detail = "the answer broke off";
    Err(Problem::new(ErrorCode::Internal, detail))
}

fn events(said: BoxStream<'static, Said>) -> Events {
    EventStream::new(said)
        .keep_alive(KEEP_ALIVE)
        .to_event(event_of)
}

fn event_of(said: Said) -> Event {
    match said {
        Said::Event(event) => Event::message(json(&event))
            .id(event.n().to_string())
            .event_type(event.kind()),
        Said::Problem(problem) => Event::message(json(&problem)).event_type("problem"),
    }
}
