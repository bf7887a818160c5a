//! The state of the open conversation and what can be done in it.
//!
//! **Invariant:** what was typed is given up only once the server has stored it.

use contracts::{
    Problem,
    chat::{ChatMessage, ChatRole, ChatSession, Turn},
    id::{AttachmentId, MessageId},
};
use dioxus::prelude::*;
use serde_json::json;
use web_sys::Response;

use super::session_menu;
use crate::{
    api::{
        Call,
        pages::get_pages,
        query::{self, Query, use_query},
    },
    dom,
    ui::toast,
};

/// Pages of a branch: it has at most 10,000 messages.
const PAGES: usize = 50;

#[derive(Clone, PartialEq)]
pub(super) struct Talk {
    pub(super) path: CopyValue<String>,
    pub(super) messages: Query<Vec<ChatMessage>>,
    /// A question that the server has not stored yet.
    pub(super) sending: Signal<Option<String>>,
    /// What screen readers are told.
    pub(super) news: Signal<String>,
    /// The key of what was sent last: sent again as it was, it asks nothing twice.
    key: CopyValue<(String, String)>,
    /// The stream of the answer that was asked for last, until somebody follows it.
    stream: CopyValue<Option<Response>>,
}

pub(super) fn use_talk(id: &str) -> Talk {
    let path = format!("/chat/sessions/{id}");
    let messages = use_query(format!("{path}/messages"), {
        let path = path.clone();
        move || {
            let path = format!("{path}/messages");
            async move { Ok(get_pages(&path, PAGES).await?.items) }
        }
    });
    Talk {
        path: use_hook(|| CopyValue::new(path)),
        messages,
        sending: use_signal(|| None),
        news: use_signal(String::new),
        key: use_hook(CopyValue::default),
        stream: use_hook(|| CopyValue::new(None)),
    }
}

impl Talk {
    pub(super) fn address(&self, rest: &str) -> String {
        format!("{}{rest}", self.path.peek())
    }

    /// Asks; `replaces` is the question in whose place this one comes.
    pub(super) async fn send(
        mut self,
        text: String,
        files: Vec<AttachmentId>,
        replaces: Option<MessageId>,
    ) -> Result<(), Problem> {
        let body = json!({"content": text, "attachments": files, "replaces": replaces});
        let key = self.key_of(&body.to_string());
        self.sending.set(Some(text));
        let call = Call::new("POST", &self.address("/messages")).header("idempotency-key", key);
        let done = self.ask(call.json(&body)).await;
        if done.is_ok() {
            self.key.set(Default::default());
        }
        self.sending.set(None);
        done
    }

    pub(super) async fn regenerate(self, answer: MessageId) -> Result<(), Problem> {
        let call = Call::new("POST", &self.address("/regenerate"));
        self.ask(call.json(&json!({"message_id": answer}))).await
    }

    /// An answer that begins at once is listened to from its first word; one that has to wait its turn holds no
    /// connection meanwhile.
    async fn ask(&self, call: Call) -> Result<(), Problem> {
        let list = self.messages.peek().unwrap_or_default();
        if open_answer(&list).is_some() {
            let turn = call
                .header("prefer", "respond-async")
                .send::<Turn>()
                .await?;
            self.messages.set(branch(&list, turn));
        } else {
            let response = call.header("accept", "text/event-stream").open().await?;
            let mut stream = self.stream;
            stream.set(Some(response));
            let path = self.address("/messages");
            // If this fails, what is read behind it shows the question.
            if let Ok(page) = get_pages(&path, PAGES).await {
                if open_answer(&page.items).is_none() {
                    // It is finished already.
                    stream.set(None);
                }
                self.messages.set(page.items);
            }
        }
        let mut news = self.news;
        news.set("Answering.".into());
        query::invalidate("/chat/sessions");
        Ok(())
    }

    pub(super) fn take_stream(&self) -> Option<Response> {
        let mut stream = self.stream;
        stream.take()
    }

    pub(super) async fn stop(self) {
        let call = Call::new("POST", &self.address("/stop"));
        if let Err(problem) = call.send::<ChatSession>().await {
            toast::problem(&problem);
        }
        self.messages.refetch();
    }

    /// Shows the newest branch that goes through this message.
    pub(super) async fn show(self, session: ChatSession, head: MessageId) {
        if let Err(problem) = session_menu::change(&session, json!({"head": head})).await {
            toast::problem(&problem);
        }
    }

    /// An answer came to its end.
    pub(super) fn finish(mut self, answer: ChatMessage) {
        self.news.set(told(&answer));
        if let Some(list) = self.messages.data() {
            let mut list = list.to_vec();
            if let Some(old) = list.iter_mut().find(|message| message.id == answer.id) {
                *old = answer;
            }
            self.messages.set(list);
        }
        query::invalidate("/chat/sessions");
    }

    fn key_of(&mut self, body: &str) -> String {
        let (known, key) = self.key.peek().clone();
        if known == body {
            return key;
        }
        let key = format!(
            "web-{:x}-{}",
            dom::now_ms().to_bits(),
            js_sys::Math::random()
        );
        self.key.set((body.to_owned(), key.clone()));
        key
    }
}

/// The branch that ends with this turn.
fn branch(list: &[ChatMessage], turn: Turn) -> Vec<ChatMessage> {
    let kept = match turn.question.parent_id {
        None => 0,
        Some(parent) => list
            .iter()
            .position(|message| message.id == parent)
            .map_or(list.len(), |at| at + 1),
    };
    let mut branch = list[..kept].to_vec();
    branch.push(turn.question);
    branch.push(turn.answer);
    branch
}

/// The answer that is being made, or the first that waits.
pub(super) fn open_answer(list: &[ChatMessage]) -> Option<MessageId> {
    let open =
        |message: &&ChatMessage| message.role == ChatRole::Assistant && !message.state.is_final();
    list.iter().find(open).map(|message| message.id)
}

fn told(answer: &ChatMessage) -> String {
    use contracts::chat::MessageState::{Done, Failed, Queued, Running, Stopped};
    match answer.state {
        Queued | Running => String::new(),
        Done => format!(
            "Answer: {}",
            answer.content.chars().take(300).collect::<String>()
        ),
        Stopped => "The answer was stopped.".into(),
        Failed => "The answer failed.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(n: u8, parent: Option<u8>, role: &str, state: &str) -> ChatMessage {
        let id = |n: u8| format!("msg_01985d1c7c3a7f0080000000000000{n:02x}");
        let message = json!({
            "id": id(n), "parent_id": parent.map(id), "siblings": [], "role": role, "content": "", "attachments": [],
            "state": state, "execution_id": null, "tool_calls": [], "usage": null, "error": null,
            "created_at": "2026-01-01T00:00:00Z", "finished_at": null,
        });
        serde_json::from_value(message).expect("a message")
    }

    fn list() -> Vec<ChatMessage> {
        vec![
            message(1, None, "user", "done"),
            message(2, Some(1), "assistant", "done"),
            message(3, Some(2), "user", "done"),
            message(4, Some(3), "assistant", "running"),
        ]
    }

    fn after(question: ChatMessage, answer: ChatMessage) -> Vec<String> {
        let branch = branch(&list(), Turn { question, answer });
        let end = |message: &ChatMessage| message.id.to_string()[34..].to_owned();
        branch.iter().map(end).collect()
    }

    #[test]
    fn a_turn_stands_after_its_parent() {
        let answer = || message(6, Some(5), "assistant", "queued");
        let next = after(message(5, Some(4), "user", "done"), answer());
        assert_eq!(next, ["01", "02", "03", "04", "05", "06"]);
        let edited = after(message(5, Some(2), "user", "done"), answer());
        assert_eq!(edited, ["01", "02", "05", "06"]);
        let first = after(message(5, None, "user", "done"), answer());
        assert_eq!(first, ["05", "06"]);
        let again = after(list().remove(2), message(6, Some(3), "assistant", "queued"));
        assert_eq!(again, ["01", "02", "03", "06"]);
    }

    #[test]
    fn the_first_unfinished_answer_is_followed() {
        let mut list = list();
        assert_eq!(open_answer(&list), Some(list[3].id));
        list.push(message(5, Some(4), "user", "done"));
        list.push(message(6, Some(5), "assistant", "queued"));
        assert_eq!(open_answer(&list), Some(list[3].id));
        assert_eq!(open_answer(&list[..3]), None);
    }
}
