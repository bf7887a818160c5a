//! What of the words of questions and answers is kept.

use contracts::{
    Permission, Problem,
    llm::{RecordBodies, Recording},
};
use dioxus::prelude::*;

use crate::{
    api::{
        self,
        query::{View, use_get},
        session,
    },
    pages::llm_routes::{REDACTIONS, redaction_look},
    ui::{
        button::Button,
        problem::{ProblemLine, ProblemView},
        select::SelectField,
        skeleton::Skeleton,
        switch::Switch,
        toast,
    },
};

const PATH: &str = "/llm/recording";
const BODIES: [(RecordBodies, &str, &str); 3] = [
    (RecordBodies::Off, "off", "of no call"),
    (RecordBodies::Failed, "failed", "of calls that fail"),
    (RecordBodies::All, "all", "of all calls"),
];

#[component]
pub(super) fn Kept() -> Element {
    let kept = use_get::<Recording>(PATH.into());
    rsx! {
        section { class: "stack-s",
            h2 { "Questions and answers" }
            match kept.view() {
                View::Loading => rsx! { Skeleton { rows: 1 } },
                View::Failed(problem) => rsx! { ProblemView { problem, onretry: move |()| kept.refetch() } },
                View::Ready(now) if session::may(Permission::ProviderWrite) => rsx! {
                    Form { now: (*now).clone(), onsaved: move |now| kept.set(now) }
                },
                View::Ready(now) => rsx! { p { {told(&now)} } },
            }
        }
    }
}

fn told(kept: &Recording) -> String {
    format!("The words are kept {}.", look(kept.bodies).1)
}

fn look(bodies: RecordBodies) -> (&'static str, &'static str) {
    let found = BODIES.iter().find(|(kind, ..)| *kind == bodies);
    found.map_or(("off", "of no call"), |(_, key, text)| (key, text))
}

fn read(key: &str) -> RecordBodies {
    let found = BODIES.iter().find(|(_, known, _)| *known == key);
    found.map_or(RecordBodies::Off, |(kind, ..)| *kind)
}

#[component]
fn Form(now: Recording, onsaved: EventHandler<Recording>) -> Element {
    let mut wish = use_signal(|| now.clone());
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        busy.set(true);
        match api::put::<Recording>(PATH, &wish()).await {
            Ok(kept) => {
                problem.set(None);
                toast::done("Saved. It counts for calls from now on.");
                onsaved.call(kept);
            }
            Err(refusal) => problem.set(Some(refusal)),
        }
        busy.set(false);
    };
    let options = BODIES.map(|(_, key, text)| (key.to_owned(), text.to_owned()));
    rsx! {
        form { class: "stack", onsubmit: submit,
            div { class: "fields",
                SelectField {
                    label: "The words are kept",
                    hint: "With the call, as long as the archive keeps it, for those who may change providers. Images, files and sound are left out.",
                    value: look(wish().bodies).0,
                    options: options.to_vec(),
                    onchange: move |key: String| wish.write().bodies = read(&key),
                }
            }
            if wish().bodies != RecordBodies::Off {
                fieldset { class: "stack-s",
                    legend { class: "legend", "Struck out before" }
                    for kind in REDACTIONS {
                        Switch {
                            key: "{kind:?}",
                            label: redaction_look(kind),
                            checked: wish().redact.contains(&kind),
                            onchange: move |on: bool| {
                                let redact = &mut wish.write().redact;
                                redact.retain(|other| *other != kind);
                                redact.extend(on.then_some(kind));
                            },
                        }
                    }
                }
            }
            div { class: "row",
                Button { submit: true, busy: busy(), disabled: wish() == now, "Save" }
            }
        }
        if let Some(problem) = problem() {
            ProblemLine { problem }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_has_its_words() {
        for (kind, key, text) in BODIES {
            assert_eq!(read(key), kind);
            assert_eq!(look(kind), (key, text));
        }
        assert_eq!(read("odd"), RecordBodies::Off);
        assert_eq!(
            told(&Recording::default()),
            "The words are kept of no call."
        );
    }
}
