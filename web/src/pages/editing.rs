//! A tool, an agent or a crew while somebody edits it: the draft, what it began from, and what came between.
//!
//! **Invariant:** a save names the version that the draft began from, so nobody overwrites what they have not seen.

use std::rc::Rc;

use contracts::Problem;
use dioxus::prelude::*;
use serde::Serialize;
use serde_json::Value;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::{
    api::{Call, query, session},
    dom,
    listen::use_window_event,
    pages::{kept, versioned::Versioned},
    ui::{
        button::{Button, Variant},
        icon::{Glyph, Icon},
        toast,
    },
};

pub(crate) struct Edit<R: Versioned> {
    /// None for what was never saved.
    base: Signal<Option<Rc<R>>>,
    pub(crate) draft: Signal<R::Spec>,
    pub(crate) problem: Signal<Option<Problem>>,
    busy: Signal<bool>,
    /// What the draft was before anybody typed, and where it is kept when it is left.
    first: CopyValue<R::Spec>,
    place: CopyValue<String>,
}

impl<R: Versioned> Clone for Edit<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R: Versioned> Copy for Edit<R> {}
impl<R: Versioned> PartialEq for Edit<R> {
    fn eq(&self, other: &Self) -> bool {
        self.draft == other.draft
    }
}

/// `latest` is what the server has. An untouched draft follows it; one that was left unsaved is taken up again.
pub(crate) fn use_edit<R: Versioned>(
    latest: Option<Rc<R>>,
    blank: impl FnOnce() -> R::Spec,
) -> Edit<R> {
    let start = latest.clone();
    let edit = use_hook(|| Edit::open(start, blank));
    use_drop(move || edit.leave());
    use_window_event("beforeunload", move |event: web_sys::Event| {
        if edit.is_touched() {
            event.prevent_default();
        }
    });
    use_effect(use_reactive!(|latest| {
        if let Some(latest) = latest
            && !edit.is_touched()
            && edit.base.peek().as_ref() != Some(&latest)
        {
            edit.begin_from(latest);
        }
    }));
    edit
}

impl<R: Versioned> Edit<R> {
    pub(crate) fn is_dirty(&self) -> bool {
        let draft = self.draft.read();
        self.base
            .read()
            .as_ref()
            .is_none_or(|base| base.spec() != *draft)
    }

    fn open(latest: Option<Rc<R>>, blank: impl FnOnce() -> R::Spec) -> Self {
        let first = latest.as_ref().map_or_else(blank, |saved| saved.spec());
        let place = place(latest.as_deref(), &first);
        let left = kept::take::<(Option<Rc<R>>, R::Spec)>(&place);
        if left.is_some() {
            spawn(async { toast::done("Your unsaved changes are here again.") });
        }
        let (base, draft) = left.unwrap_or_else(|| (latest, first.clone()));
        Self {
            base: Signal::new(base),
            draft: Signal::new(draft),
            problem: Signal::new(None),
            busy: Signal::new(false),
            first: CopyValue::new(first),
            place: CopyValue::new(place),
        }
    }

    /// Whether somebody typed what is saved nowhere.
    fn is_touched(&self) -> bool {
        let draft = self.draft.peek();
        match &*self.base.peek() {
            Some(base) => base.spec() != *draft,
            None => *self.first.peek() != *draft,
        }
    }

    fn leave(&self) {
        if self.is_touched() {
            let left = (self.base.peek().clone(), self.draft.peek().clone());
            kept::keep(&self.place.peek(), left);
            toast::done("Your changes are not saved. They are kept until you come back.");
        }
    }

    fn begin_from(mut self, saved: Rc<R>) {
        self.draft.set(saved.spec());
        self.base.set(Some(saved));
        self.problem.set(None);
    }

    /// Nothing for those who may not save it: the code editor takes their letters all the same.
    pub(crate) fn change(mut self, change: impl FnOnce(&mut R::Spec)) {
        if session::may(R::WRITE) {
            change(&mut self.draft.write());
        }
    }

    /// What others changed since the draft began; none while nothing is lost by it.
    fn overtaken(&self, latest: &R) -> Option<Vec<String>> {
        let base = self.base.read();
        let base = base.as_ref()?;
        (base.version() < latest.version() && self.is_dirty())
            .then(|| changes(&json(&base.spec()), &json(&latest.spec())))
    }

    /// Saves over `version`; the draft goes on from what was saved.
    async fn save(mut self, version: Option<u32>) -> Option<Rc<R>> {
        self.busy.set(true);
        let call = match (&*self.base.peek(), version) {
            (Some(base), Some(version)) => Call::new("PUT", &format!("{}/{}", R::PATH, base.key()))
                .header("if-match", format!("\"{version}\"")),
            _ => Call::new("POST", R::PATH),
        };
        let call = call.json(&*self.draft.peek());
        let answer = call.send::<R>().await;
        self.busy.set(false);
        match answer {
            Ok(saved) => {
                let saved = Rc::new(saved);
                toast::done(format!("Saved as version {}.", saved.version()));
                self.begin_from(saved.clone());
                query::invalidate(R::PATH);
                Some(saved)
            }
            Err(problem) => {
                if problem.status == 412 {
                    // What is read anew brings the notice that asks whose version holds.
                    query::invalidate(R::PATH);
                } else {
                    self.problem.set(Some(problem));
                }
                None
            }
        }
    }
}

/// Ctrl+S or Cmd+S anywhere in the form presses the button that saves.
pub(crate) fn save_key(event: &KeyboardEvent) {
    let held = event.modifiers().ctrl() || event.modifiers().meta();
    if !held || !matches!(event.key(), Key::Character(letter) if letter == "s") {
        return;
    }
    event.prevent_default();
    let button = dom::document().query_selector("[data-save]").ok().flatten();
    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
        button.click();
    }
}

/// Where a draft is kept: one for each thing, and for each new thing that begins in its own way.
fn place<R: Versioned>(latest: Option<&R>, first: &R::Spec) -> String {
    let whose = session::identity()
        .map(|identity| format!("{} {}", identity.organization.id, identity.user.id));
    let name = latest.map_or_else(|| json(first).to_string(), Versioned::key);
    format!("{} {}/{name}", whose.unwrap_or_default(), R::PATH)
}

pub(crate) fn json(spec: &impl Serialize) -> Value {
    serde_json::to_value(spec).expect("a message has a JSON form")
}

/// The names of the fields that differ.
pub(crate) fn changes(one: &Value, other: &Value) -> Vec<String> {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return Vec::new();
    };
    let mut names: Vec<_> = one
        .keys()
        .chain(other.keys().filter(|name| !one.contains_key(*name)))
        .filter(|name| one.get(*name) != other.get(*name))
        .map(|name| name.replace('_', " "))
        .collect();
    names.sort();
    names
}

/// The buttons at the head of the page.
#[component]
pub(crate) fn SaveActions<R: Versioned>(
    edit: Edit<R>,
    onsaved: Option<EventHandler<Rc<R>>>,
) -> Element {
    let base = edit.base.read().clone();
    let version = base.as_ref().map(|base| base.version());
    let dirty = edit.is_dirty();
    rsx! {
        if let Some(base) = base.filter(|_| dirty) {
            Button { variant: Variant::Quiet, onclick: move |_| edit.begin_from(base.clone()), "Discard changes" }
        }
        Button {
            variant: Variant::Primary,
            busy: (edit.busy)(),
            disabled: !dirty,
            "data-save": "",
            onclick: move |_| async move {
                if let (Some(saved), Some(onsaved)) = (edit.save(version).await, onsaved) {
                    onsaved.call(saved);
                }
            },
            match version {
                Some(_) => "Save",
                None => "Create",
            }
        }
    }
}

/// Says that somebody else saved meanwhile, and asks whose version holds.
#[component]
pub(crate) fn Overtaken<R: Versioned>(edit: Edit<R>, latest: Option<Rc<R>>) -> Element {
    let Some(latest) = latest else {
        return rsx! {};
    };
    let Some(changes) = edit.overtaken(&latest) else {
        return rsx! {};
    };
    let version = latest.version();
    rsx! {
        OvertakenNotice {
            saved: "version {version}",
            changes,
            ontake: move |()| edit.begin_from(latest.clone()),
            onkeep: move |()| {
                spawn(async move {
                    edit.save(Some(version)).await;
                });
            },
        }
    }
}

/// Whose version holds: theirs, or what stands in the form.
#[component]
pub(crate) fn OvertakenNotice(
    /// What they saved.
    saved: String,
    /// The fields in which it is not what the form began from.
    changes: Vec<String>,
    ontake: EventHandler<()>,
    onkeep: EventHandler<()>,
) -> Element {
    rsx! {
        div { class: "notice", role: "alert", "data-tone": "warn",
            Icon { glyph: Glyph::Warning }
            div { class: "notice-text",
                p { strong { "Somebody else saved {saved} while you were editing." } }
                if changes.is_empty() {
                    p { class: "muted", "It says what yours said before." }
                } else {
                    p { class: "muted", "Changed there: " {changes.join(", ")} "." }
                }
            }
            div { class: "row",
                Button { onclick: move |_| ontake.call(()), "Take theirs" }
                Button { onclick: move |_| onkeep.call(()), "Keep mine" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_name_fields_of_both_sides() {
        let (one, other) = (
            json!({"name": "a", "goal": 1, "max_steps": 2}),
            json!({"name": "a", "goal": 2, "role": 3}),
        );
        assert_eq!(changes(&one, &other), ["goal", "max steps", "role"]);
    }
}
