//! Files on their way into a conversation, each with its own progress and its own fault.
//!
//! **Invariant:** a message takes only files that are stored.

use contracts::{chat::Attachment, id::AttachmentId};
use dioxus::{core::spawn_forever, prelude::*};
use web_sys::File;

use crate::{
    api::file::upload,
    dom, format,
    ui::{
        button::IconButton,
        icon::{Glyph, Icon},
        problem::sentence,
    },
};

const LARGEST: f64 = 10.0 * 1024.0 * 1024.0;
const AT_MOST: usize = 8;
/// What the chat reads; the server looks at the content.
pub(super) const ACCEPTED: &str =
    ".txt,.md,.markdown,.html,.htm,.json,.csv,.log,.pdf,.png,.jpg,.jpeg,.gif,.webp,text/*";

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Upload {
    id: u32,
    name: String,
    bytes: u64,
    state: State,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// In percent.
    Going(u32),
    Stored(AttachmentId),
    Failed(String),
}

#[derive(Clone, Copy, PartialEq)]
pub(super) struct Uploads {
    list: Signal<Vec<Upload>>,
}

pub(super) fn use_uploads() -> Uploads {
    Uploads {
        list: use_signal(Vec::new),
    }
}

impl Uploads {
    pub(super) fn ready(self) -> Vec<AttachmentId> {
        let list = self.list.read();
        let stored = list.iter().filter_map(|upload| match upload.state {
            State::Stored(id) => Some(id),
            State::Going(_) | State::Failed(_) => None,
        });
        stored.collect()
    }

    pub(super) fn is_going(self) -> bool {
        let list = self.list.read();
        list.iter()
            .any(|upload| matches!(upload.state, State::Going(_)))
    }

    /// The message took them.
    pub(super) fn clear(mut self) {
        self.list.write().clear();
    }

    /// What was picked in that input, which is free for the next choice.
    pub(super) fn picked(self, event: &FormEvent, path: &str) {
        for file in dom::picked_files(event) {
            self.add(file, path);
        }
    }

    fn add(mut self, file: File, path: &str) {
        let id = self.list.peek().last().map_or(0, |upload| upload.id + 1);
        let good = |upload: &&Upload| !matches!(upload.state, State::Failed(_));
        let count = self.list.peek().iter().filter(good).count();
        let fault = match file.size() {
            size if size > LARGEST => Some("is larger than 10 MiB."),
            0.0 => Some("is empty."),
            _ if count >= AT_MOST => Some("is one too many: a message takes 8 files."),
            _ => None,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a file's size is a whole number"
        )]
        let bytes = file.size() as u64;
        self.list.write().push(Upload {
            id,
            name: file.name(),
            bytes,
            state: match fault {
                Some(fault) => State::Failed(fault.into()),
                None => State::Going(0),
            },
        });
        if fault.is_none() {
            let path = path.to_owned();
            spawn_forever(async move { self.send(id, &file, &path).await });
        }
    }

    async fn send(self, id: u32, file: &File, path: &str) {
        let progress = move |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 100"
            )]
            let percent = (share * 100.0) as u32;
            self.set(id, State::Going(percent));
        };
        let state = match upload::<Attachment>(path, file, progress).await {
            Ok(stored) => State::Stored(stored.id),
            Err(problem) => State::Failed(format!("was not taken: {}", sentence(&problem.detail))),
        };
        self.set(id, state);
    }

    /// The list, or the file in it, may be gone.
    fn set(mut self, id: u32, state: State) {
        let Ok(mut list) = self.list.try_write() else {
            return;
        };
        if let Some(upload) = list.iter_mut().find(|upload| upload.id == id) {
            upload.state = state;
        }
    }

    fn remove(mut self, id: u32) {
        self.list.write().retain(|upload| upload.id != id);
    }
}

#[component]
pub(super) fn UploadList(uploads: Uploads) -> Element {
    if uploads.list.read().is_empty() {
        return rsx! {};
    }
    rsx! {
        ul { class: "chat-files", "aria-label": "Files to send",
            for upload in (uploads.list)() {
                li { key: "{upload.id}", class: "chat-file", "data-failed": matches!(upload.state, State::Failed(_)).then_some(""),
                    Icon { glyph: if matches!(upload.state, State::Failed(_)) { Glyph::Error } else { Glyph::Document }, size: 14 }
                    span { class: "clip", "{upload.name}" }
                    match &upload.state {
                        State::Going(percent) => rsx! {
                            progress { "aria-label": "Upload of {upload.name}", max: "100", value: "{percent}" }
                        },
                        State::Stored(_) => rsx! { span { class: "hint", {format::bytes(upload.bytes)} } },
                        State::Failed(fault) => rsx! { span { role: "alert", "{fault}" } },
                    }
                    IconButton { glyph: Glyph::Close, label: "Remove {upload.name}", onclick: move |_| uploads.remove(upload.id) }
                }
            }
        }
    }
}
