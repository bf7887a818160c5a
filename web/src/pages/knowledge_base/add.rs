//! Adds documents: a text that is written here, or files.

use contracts::knowledge::Document;
use dioxus::{core::spawn_forever, prelude::*};
use serde_json::json;
use web_sys::File;

use crate::{
    api::{self, file::upload, query},
    dom,
    ui::{
        button::{Button, IconButton, Variant},
        dialog::{Dialog, DialogActions},
        field::{TextArea, TextField},
        icon::{Glyph, Icon},
        problem::{ProblemLine, field_error, sentence},
        toast,
    },
};

const LARGEST: f64 = 20.0 * 1024.0 * 1024.0;

/// A file on its way: in percent, or why it did not arrive.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    id: u32,
    name: String,
    state: Result<u32, String>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) struct Uploading {
    path: CopyValue<String>,
    list: Signal<Vec<Sent>>,
}

pub(super) fn use_uploading(path: String) -> Uploading {
    Uploading {
        path: use_hook(|| CopyValue::new(path)),
        list: use_signal(Vec::new),
    }
}

impl Uploading {
    pub(super) fn picked(self, event: &FormEvent) {
        for file in dom::picked_files(event) {
            self.add(file);
        }
    }

    fn add(mut self, file: File) {
        let id = self.list.peek().last().map_or(0, |sent| sent.id + 1);
        let state = match file.size() {
            size if size > LARGEST => Err("is larger than 20 MiB.".to_owned()),
            0.0 => Err("is empty.".to_owned()),
            _ => Ok(0),
        };
        let goes = state.is_ok();
        self.list.write().push(Sent {
            id,
            name: file.name(),
            state,
        });
        if goes {
            spawn_forever(async move { self.send(id, file).await });
        }
    }

    async fn send(self, id: u32, file: File) {
        let path = self.path.peek().clone();
        let progress = move |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 100"
            )]
            let percent = (share * 100.0) as u32;
            self.change(id, |sent| sent.state = Ok(percent));
        };
        match upload::<Document>(&path, &file, progress).await {
            Ok(_) => self.remove(id),
            Err(problem) => {
                let fault = format!("was not taken: {}", sentence(&problem.detail));
                self.change(id, |sent| sent.state = Err(fault));
            }
        }
        query::invalidate("/knowledge/bases");
    }

    /// The page may be gone.
    fn change(mut self, id: u32, change: impl FnOnce(&mut Sent)) {
        let Ok(mut list) = self.list.try_write() else {
            return;
        };
        if let Some(sent) = list.iter_mut().find(|sent| sent.id == id) {
            change(sent);
        }
    }

    fn remove(mut self, id: u32) {
        if let Ok(mut list) = self.list.try_write() {
            list.retain(|sent| sent.id != id);
        }
    }
}

#[component]
pub(super) fn Going(uploading: Uploading) -> Element {
    if uploading.list.read().is_empty() {
        return rsx! {};
    }
    rsx! {
        ul { class: "chat-files", "aria-label": "Files on their way",
            for sent in (uploading.list)() {
                li { key: "{sent.id}", class: "chat-file", "data-failed": sent.state.is_err().then_some(""),
                    Icon { glyph: if sent.state.is_err() { Glyph::Error } else { Glyph::Document }, size: 14 }
                    span { class: "clip", "{sent.name}" }
                    match &sent.state {
                        Ok(percent) => rsx! { progress { "aria-label": "Upload of {sent.name}", max: "100", value: "{percent}" } },
                        Err(fault) => rsx! {
                            span { role: "alert", "{fault}" }
                            IconButton { glyph: Glyph::Close, label: "Dismiss", onclick: move |_| uploading.remove(sent.id) }
                        },
                    }
                }
            }
        }
    }
}

#[component]
pub(super) fn AddText(path: String, onclose: EventHandler<()>) -> Element {
    let mut name = use_signal(String::new);
    let mut content = use_signal(String::new);
    let mut problem = use_signal(|| None);
    let mut busy = use_signal(|| false);
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let path = path.clone();
        async move {
            busy.set(true);
            let body = json!({"name": name(), "content": content()});
            match api::post::<Document>(&path, &body).await {
                Ok(document) => {
                    toast::done(format!("{} was added.", document.name));
                    query::invalidate("/knowledge/bases");
                    onclose.call(());
                }
                Err(found) => problem.set(Some(found)),
            }
            busy.set(false);
        }
    };
    rsx! {
        Dialog { title: "Add text", wide: true, onclose,
            form { class: "stack", onsubmit: submit,
                TextField {
                    label: "Name",
                    required: true,
                    focused: true,
                    maxlength: 200,
                    placeholder: "leave.md",
                    error: field_error(problem().as_ref(), "/name"),
                    value: name(),
                    oninput: move |text| name.set(text),
                }
                TextArea {
                    label: "Text",
                    hint: "Headings of Markdown cut it into passages. Up to 512 KiB.",
                    rows: 10,
                    required: true,
                    error: field_error(problem().as_ref(), "/content"),
                    value: content(),
                    oninput: move |text| content.set(text),
                }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: busy(), "Add document" }
                }
            }
        }
    }
}
