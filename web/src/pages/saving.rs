//! Saving in a dialog what is replaced as a whole, and noticing what somebody else changed meanwhile.
//!
//! **Invariant:** a save names the version that the draft began from, so nobody overwrites what they have not seen.

use contracts::Problem;
use dioxus::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::editing::{OvertakenNotice, changes, json};
use crate::{
    api::{self, Call, query},
    ui::{
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        problem::ProblemLine,
        toast,
    },
};

/// What is kept in its last version alone, and replaced as a whole.
pub(crate) trait Replaced: Clone + PartialEq + DeserializeOwned + 'static {
    type Spec: PartialEq + Serialize + 'static;
    /// Its address in the API.
    const PATH: &'static str;
    /// The word for it, in a sentence.
    const KIND: &'static str;
    /// What is read anew once one was saved begins with these.
    const STALE: &'static [&'static str];
    fn key(&self) -> String;
    fn name(&self) -> &str;
    fn version(&self) -> u32;
    fn spec(&self) -> &Self::Spec;
}

pub(crate) struct Saving<R: Replaced> {
    /// None for what was never saved.
    base: Signal<Option<R>>,
    /// What somebody else saved.
    theirs: Signal<Option<R>>,
    pub(crate) problem: Signal<Option<Problem>>,
    busy: Signal<bool>,
}

impl<R: Replaced> Clone for Saving<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R: Replaced> Copy for Saving<R> {}
impl<R: Replaced> PartialEq for Saving<R> {
    fn eq(&self, other: &Self) -> bool {
        self.base == other.base
    }
}

pub(crate) fn use_saving<R: Replaced>(base: Option<R>) -> Saving<R> {
    use_hook(|| Saving {
        base: Signal::new(base),
        theirs: Signal::new(None),
        problem: Signal::new(None),
        busy: Signal::new(false),
    })
}

impl<R: Replaced> Saving<R> {
    pub(crate) fn is_new(&self) -> bool {
        self.base.read().is_none()
    }

    /// Goes on from what somebody else saved.
    fn begin_from(mut self, theirs: R) {
        self.base.set(Some(theirs));
        self.theirs.set(None);
        self.problem.set(None);
    }

    /// Whether it is saved.
    async fn save(mut self, spec: Result<R::Spec, Problem>) -> bool {
        self.busy.set(true);
        self.problem.set(None);
        let base = self.base.peek().clone();
        let outcome = match spec {
            Ok(spec) => store(base.as_ref(), &spec).await,
            Err(problem) => Err(problem),
        };
        self.busy.set(false);
        match outcome {
            Ok(Outcome::Saved(saved)) => {
                toast::done(format!("Saved “{}”.", saved.name()));
                for prefix in R::STALE {
                    query::invalidate(prefix);
                }
                true
            }
            Ok(Outcome::Overtaken(theirs)) => {
                self.theirs.set(Some(theirs));
                false
            }
            Err(problem) => {
                self.problem.set(Some(problem));
                false
            }
        }
    }
}

enum Outcome<R> {
    Saved(R),
    Overtaken(R),
}

async fn store<R: Replaced>(base: Option<&R>, spec: &R::Spec) -> Result<Outcome<R>, Problem> {
    let Some(base) = base else {
        return api::post(R::PATH, spec).await.map(Outcome::Saved);
    };
    let path = format!("{}/{}", R::PATH, base.key());
    let call = Call::new("PUT", &path).header("if-match", format!("\"{}\"", base.version()));
    match call.json(spec).send().await {
        Err(problem) if problem.status == 412 => api::get(&path).await.map(Outcome::Overtaken),
        saved => saved.map(Outcome::Saved),
    }
}

/// The form's dialog; `children` are its fields.
#[component]
pub(crate) fn SaveDialog<R: Replaced>(
    saving: Saving<R>,
    /// Reads the form.
    spec: Callback<(), Result<R::Spec, Problem>>,
    /// Puts into the form what somebody else saved.
    ontake: EventHandler<R>,
    onclose: EventHandler<()>,
    children: Element,
) -> Element {
    let save = move || {
        spawn(async move {
            if saving.save(spec.call(())).await {
                onclose.call(());
            }
        });
    };
    let is_new = saving.is_new();
    let kind = R::KIND;
    let theirs = saving.theirs.read().clone();
    let changed = match (&*saving.base.read(), &theirs) {
        (Some(base), Some(theirs)) => changes(&json(base.spec()), &json(theirs.spec())),
        _ => Vec::new(),
    };
    rsx! {
        Dialog { title: if is_new { "New {kind}" } else { "Edit {kind}" }, wide: true, onclose,
            form {
                onsubmit: move |event| {
                    event.prevent_default();
                    save();
                },
                div { class: "stack",
                    {children}
                    if let Some(problem) = (saving.problem)() {
                        ProblemLine { problem }
                    }
                    if let Some(theirs) = theirs {
                        OvertakenNotice {
                            saved: "this {kind}",
                            changes: changed,
                            ontake: {
                                let theirs = theirs.clone();
                                move |()| {
                                    saving.begin_from(theirs.clone());
                                    ontake.call(theirs.clone());
                                }
                            },
                            onkeep: move |()| {
                                saving.begin_from(theirs.clone());
                                save();
                            },
                        }
                    }
                }
                DialogActions {
                    Button { onclick: move |_| onclose.call(()), "Cancel" }
                    Button { variant: Variant::Primary, submit: true, busy: (saving.busy)(), if is_new { "Create {kind}" } else { "Save" } }
                }
            }
        }
    }
}
