//! Chat: conversations with an agent, a crew or a flow. Each answer is an execution.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Permission,
    execution::{StepError, Usage},
    file::FilePart,
    id::{AgentId, AttachmentId, ChatId, CrewId, ExecutionId, FlowId, MessageId, UploadId, UserId},
    message::request,
    page::{Page, Paging},
};

/// What becomes of a message that comes while the one before is being answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Concurrency {
    /// It waits for its turn; up to 16 may wait.
    #[default]
    Enqueue,
    /// It is refused with `conflict`.
    Reject,
    /// The answer that runs is stopped; what was said of it stays.
    Interrupt,
}

impl Concurrency {
    pub const ALL: [Self; 3] = [Self::Enqueue, Self::Reject, Self::Interrupt];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue",
            Self::Reject => "reject",
            Self::Interrupt => "interrupt",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text)
    }
}

/// A conversation. It belongs to the user who began it: nobody else sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ChatSession {
    pub id: ChatId,
    /// From the first message until somebody names it; empty before.
    pub title: String,
    pub agent_id: Option<AgentId>,
    pub crew_id: Option<CrewId>,
    pub flow_id: Option<FlowId>,
    pub concurrency: Concurrency,
    /// The last message of the branch that is shown.
    pub head: Option<MessageId>,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum ChatRole {
    User,
    Assistant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum MessageState {
    /// An answer whose turn has not come.
    Queued,
    /// An answer that is being made.
    Running,
    Done,
    /// An answer that was stopped; `content` is what was said until then.
    Stopped,
    Failed,
}

impl MessageState {
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Stopped,
        Self::Failed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub const fn is_final(self) -> bool {
        match self {
            Self::Done | Self::Stopped | Self::Failed => true,
            Self::Queued | Self::Running => false,
        }
    }
}

/// One message. Messages form a tree: an edited question or a regenerated answer is a sibling of the one it replaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ChatMessage {
    pub id: MessageId,
    /// The message before it; null for the first.
    pub parent_id: Option<MessageId>,
    /// How many messages stand in its place, itself included: its versions.
    pub siblings: Vec<MessageId>,
    pub role: ChatRole,
    pub content: String,
    pub attachments: Vec<Attachment>,
    pub state: MessageState,
    /// The run that made, or makes, the answer.
    pub execution_id: Option<ExecutionId>,
    pub tool_calls: Vec<ChatToolCall>,
    pub usage: Option<Usage>,
    pub error: Option<StepError>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A call of a tool that was made for an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct ChatToolCall {
    /// The step of the execution, for example `agent/tool:0.1`.
    pub node: String,
    /// The name of the agent that called; empty in answers older than the field.
    #[serde(default)]
    pub agent: String,
    pub name: String,
    pub arguments: serde_json::Value,
    /// Null while it runs and when it failed.
    pub result: Option<serde_json::Value>,
    pub error: Option<StepError>,
}

/// A file that belongs to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Attachment {
    pub id: AttachmentId,
    pub name: String,
    /// By its content, whatever the sender said.
    pub content_type: String,
    pub bytes: u64,
}

/// Begins a conversation. Exactly one of `agent_id`, `crew_id` and `flow_id` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct CreateSession {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub agent_id: Option<AgentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub crew_id: Option<CrewId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub flow_id: Option<FlowId>,
    /// 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub title: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub concurrency: Concurrency,
}
request!(CreateSession => ChatSession, "chat.create_session", Access::Permission(Permission::ChatUse),
    example: CreateSession { agent_id: Some(AgentId::EXAMPLE), ..CreateSession::default() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetSession {
    pub session_id: ChatId,
}
request!(GetSession => ChatSession, "chat.get_session", Access::Permission(Permission::ChatUse), objects: &["session_id"],
    example: GetSession { session_id: ChatId::EXAMPLE });

/// The caller's own, the last used first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSessions {
    /// Only sessions whose title contains this text, whatever the case.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListSessions => Page<ChatSession>, "chat.sessions", Access::Permission(Permission::ChatUse), example: ListSessions::default());

/// Changes what is present. `head` shows another branch: the newest that goes through this message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateSession {
    pub session_id: ChatId,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub concurrency: Option<Concurrency>,
    #[serde(default)]
    pub head: Option<MessageId>,
}
request!(UpdateSession => ChatSession, "chat.update_session", Access::Permission(Permission::ChatUse), objects: &["session_id"],
    example: UpdateSession { session_id: ChatId::EXAMPLE, title: Some("Plans".into()), concurrency: None, head: None });

/// Stops what runs and deletes the conversation with its messages and attachments, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteSession {
    pub session_id: ChatId,
}
request!(DeleteSession => (), "chat.delete_session", Access::Permission(Permission::ChatUse), objects: &["session_id"],
    example: DeleteSession { session_id: ChatId::EXAMPLE });

/// A question; its answer begins at once, or when its turn comes. Answered when both are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    pub session_id: ChatId,
    /// 1 to 32,000 characters; may be empty beside attachments.
    pub content: String,
    /// Attachments of this session that no message has yet, up to 8.
    #[serde(default)]
    pub attachments: Vec<AttachmentId>,
    /// Asks this instead of that question of the user: the conversation forks before it.
    #[serde(default)]
    pub replaces: Option<MessageId>,
    /// The same key and body give the same message; the same key with another body is refused. 1 to 255 characters.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}
request!(SendMessage => Turn, "chat.send", Access::Permission(Permission::ChatUse), objects: &["session_id"],
    example: SendMessage { session_id: ChatId::EXAMPLE, content: "Hello".into(), attachments: vec![], replaces: None, idempotency_key: None });

/// A question and the answer that is being made to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Turn {
    pub question: ChatMessage,
    pub answer: ChatMessage,
}

/// Answers the same question once more; the new answer is a sibling of the old one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regenerate {
    pub session_id: ChatId,
    /// The answer to replace; the last of the branch that is shown when absent.
    #[serde(default)]
    pub message_id: Option<MessageId>,
}
request!(Regenerate => Turn, "chat.regenerate", Access::Permission(Permission::ChatUse), objects: &["session_id"],
    example: Regenerate { session_id: ChatId::EXAMPLE, message_id: None });

/// Stops the answer that runs and drops those that wait. Answered once nothing runs; without effect when nothing did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopAnswer {
    pub session_id: ChatId,
}
request!(StopAnswer => ChatSession, "chat.stop", Access::Permission(Permission::ChatUse), objects: &["session_id"],
    example: StopAnswer { session_id: ChatId::EXAMPLE });

/// One branch of the conversation, the oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListMessages {
    pub session_id: ChatId,
    /// The last message of the branch; the session's head when absent.
    #[serde(default)]
    pub head: Option<MessageId>,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListMessages => Page<ChatMessage>, "chat.messages", Access::Permission(Permission::ChatUse), objects: &["session_id"],
    example: ListMessages { session_id: ChatId::EXAMPLE, head: None, paging: Paging::default() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetMessage {
    pub session_id: ChatId,
    pub message_id: MessageId,
}
request!(GetMessage => ChatMessage, "chat.get_message", Access::Permission(Permission::ChatUse), objects: &["session_id", "message_id"],
    example: GetMessage { session_id: ChatId::EXAMPLE, message_id: MessageId::EXAMPLE });

/// Takes a file from the bucket `UPLOADS` into the session: up to 10 MiB; text, PDF, PNG, JPEG, GIF or WebP by content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddAttachment {
    pub session_id: ChatId,
    pub upload_id: UploadId,
    /// 1 to 200 characters.
    pub name: String,
}
request!(AddAttachment => Attachment, "chat.add_attachment", Access::Permission(Permission::ChatUse), objects: &["session_id"],
    example: AddAttachment { session_id: ChatId::EXAMPLE, upload_id: UploadId::EXAMPLE, name: "plan.pdf".into() });

/// Reads an attachment back, piece by piece.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadAttachment {
    pub session_id: ChatId,
    pub attachment_id: AttachmentId,
    /// Where the piece begins.
    #[serde(default)]
    pub offset: u64,
}
request!(ReadAttachment => FilePart, "chat.read_attachment", Access::Permission(Permission::ChatUse), objects: &["session_id", "attachment_id"],
    example: ReadAttachment { session_id: ChatId::EXAMPLE, attachment_id: AttachmentId::EXAMPLE, offset: 0 });

/// A question is about to be stored, and its answer to be made. Said before, so that no stored question is forgotten;
/// if storing it fails, the message never exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub session_id: ChatId,
    /// The answer.
    pub message_id: MessageId,
}

impl crate::Event for Asked {
    const NAME: &'static str = "chat.asked";
    fn id(&self) -> String {
        self.message_id.to_string()
    }
    fn dedup_key(&self) -> String {
        format!("asked.{}", self.message_id)
    }
}

/// What a client hears of an answer, over SSE and WebSocket. `n` is the number of the execution's event behind it, to
/// resume after; tokens carry the number of the last event before them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatEvent {
    /// A piece of what the node says.
    Token {
        n: u64,
        node: String,
        attempt: u32,
        /// Whether the piece replaces what was said of the node before: it is the first, or the whole after pieces were lost.
        #[serde(default)]
        anew: bool,
        text: String,
    },
    ToolCall {
        n: u64,
        node: String,
        /// The name of the agent that calls: in a crew several do.
        agent: String,
        name: String,
        arguments: serde_json::Value,
    },
    ToolResult {
        n: u64,
        node: String,
        result: Option<serde_json::Value>,
        error: Option<StepError>,
    },
    /// A person must agree to a call before it is made.
    ApprovalNeeded {
        n: u64,
        node: String,
        name: String,
        arguments: serde_json::Value,
        arguments_hash: String,
    },
    /// The last: the whole answer.
    Done { n: u64, message: Box<ChatMessage> },
}

impl ChatEvent {
    /// Every [`ChatEvent::kind`].
    pub const KINDS: [&'static str; 5] = [
        "token",
        "tool_call",
        "tool_result",
        "approval_needed",
        "done",
    ];

    /// The `type` on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolResult { .. } => "tool_result",
            Self::ApprovalNeeded { .. } => "approval_needed",
            Self::Done { .. } => "done",
        }
    }

    /// The number to resume after.
    pub const fn n(&self) -> u64 {
        match self {
            Self::Token { n, .. }
            | Self::ToolCall { n, .. }
            | Self::ToolResult { n, .. }
            | Self::ApprovalNeeded { n, .. }
            | Self::Done { n, .. } => *n,
        }
    }
}
