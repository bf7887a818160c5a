//! How many executions of the flow run at the same time, and what becomes of the others.

use contracts::{
    Permission, Problem,
    flow::{Concurrency, ConcurrencyPolicy, ConcurrencyScope},
};
use dioxus::prelude::*;

use crate::{
    api::{
        self,
        query::{View, use_get},
        session,
    },
    format::plural,
    pages::editor::desk::Desk,
    ui::{
        button::Button,
        field::TextField,
        problem::{ProblemLine, ProblemView, field_error},
        select::SelectField,
        skeleton::Skeleton,
        toast,
    },
};

const POLICIES: [(ConcurrencyPolicy, &str, &str); 4] = [
    (
        ConcurrencyPolicy::Parallel,
        "parallel",
        "run: there is no limit",
    ),
    (ConcurrencyPolicy::Enqueue, "enqueue", "wait for their turn"),
    (ConcurrencyPolicy::Reject, "reject", "are refused"),
    (
        ConcurrencyPolicy::Interrupt,
        "interrupt",
        "take the place of the oldest",
    ),
];

#[component]
pub(super) fn AtOnce() -> Element {
    let desk = use_context::<Desk>();
    let path = format!("{}/concurrency", desk.path());
    let kept = use_get::<Concurrency>(path.clone());
    rsx! {
        section { class: "at-once",
            h3 { class: "field-title", "How many at a time" }
            match kept.view() {
                View::Loading => rsx! { Skeleton { rows: 1 } },
                View::Failed(problem) => rsx! {
                    ProblemView { problem, onretry: move |()| kept.refetch() }
                },
                View::Ready(now) if session::may(Permission::FlowWrite) => rsx! {
                    Form { path, now: *now, onsaved: move |now| kept.set(now) }
                },
                View::Ready(now) => rsx! { p { class: "hint", {told(*now)} } },
            }
        }
    }
}

fn told(rules: Concurrency) -> String {
    let Some(limit) = rules.limit() else {
        return "As many as are started.".to_owned();
    };
    let (_, _, others) = POLICIES[place(rules.policy)];
    let executions = plural(limit, "execution", "executions");
    let of = match rules.scope {
        ConcurrencyScope::Flow => "",
        ConcurrencyScope::Session => " of a session",
    };
    format!("{executions}{of} at a time; others {others}.")
}

fn place(policy: ConcurrencyPolicy) -> usize {
    let mut all = POLICIES.iter();
    all.position(|(known, ..)| *known == policy).unwrap_or(0)
}

/// A number as it is typed; nothing, and what is none, is what the platform takes by itself.
fn number(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}

#[component]
fn Form(path: String, now: Concurrency, onsaved: EventHandler<Concurrency>) -> Element {
    let text = |number: Option<u32>| number.map(|it| it.to_string()).unwrap_or_default();
    let mut policy = use_signal(|| now.policy);
    let mut scope = use_signal(|| now.scope);
    let mut most = use_signal(|| text(now.max_parallel));
    let mut waiting = use_signal(|| text(now.max_waiting));
    let mut problem = use_signal(|| None::<Problem>);
    let mut busy = use_signal(|| false);
    let submit = move |event: FormEvent| {
        let path = path.clone();
        async move {
            event.prevent_default();
            busy.set(true);
            let is_limited = policy() != ConcurrencyPolicy::Parallel;
            let may_wait = policy() == ConcurrencyPolicy::Enqueue;
            let wish = Concurrency {
                policy: policy(),
                max_parallel: number(&most.read()).filter(|_| is_limited),
                max_waiting: number(&waiting.read()).filter(|_| may_wait),
                scope: scope(),
                priority: now.priority,
            };
            match api::put::<Concurrency>(&path, &wish).await {
                Ok(kept) => {
                    problem.set(None);
                    toast::done("Saved.");
                    onsaved.call(kept);
                }
                Err(refusal) => problem.set(Some(refusal)),
            }
            busy.set(false);
        }
    };
    let wrong = |path: &str| field_error(problem.read().as_ref(), path);
    let (_, word, _) = POLICIES[place(policy())];
    rsx! {
        form { class: "stack", "aria-label": "How many at a time", onsubmit: submit,
            SelectField {
                label: "Executions beyond",
                value: word,
                options: POLICIES.map(|(_, word, text)| (word.to_owned(), text.to_owned())).to_vec(),
                onchange: move |choice: String| {
                    let chosen = POLICIES.iter().find(|(_, word, _)| *word == choice);
                    policy.set(chosen.map_or(ConcurrencyPolicy::Parallel, |it| it.0));
                },
            }
            if policy() != ConcurrencyPolicy::Parallel {
                TextField { label: "At a time", kind: "number", min: "1", max: "1000", hint: "1 when empty.", value: most(), error: wrong("/max_parallel"), oninput: move |text| most.set(text) }
                SelectField {
                    label: "Count",
                    value: if scope() == ConcurrencyScope::Flow { "flow" } else { "session" },
                    options: [("flow", "all executions of the flow"), ("session", "those of each session by themselves")]
                        .map(|(key, text)| (key.to_owned(), text.to_owned())).to_vec(),
                    onchange: move |choice: String| scope.set(match choice.as_str() {
                        "session" => ConcurrencyScope::Session,
                        _ => ConcurrencyScope::Flow,
                    }),
                }
            }
            if policy() == ConcurrencyPolicy::Enqueue {
                TextField { label: "Wait at most", kind: "number", min: "1", max: "1000", hint: "100 when empty.", value: waiting(), error: wrong("/max_waiting"), oninput: move |text| waiting.set(text) }
            }
            Button { submit: true, small: true, busy: busy(), "Save" }
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
    fn rules_are_told_in_words() {
        assert_eq!(told(Concurrency::default()), "As many as are started.");
        let rules = Concurrency {
            policy: ConcurrencyPolicy::Enqueue,
            max_parallel: Some(2),
            scope: ConcurrencyScope::Session,
            ..Concurrency::default()
        };
        let text = "2 executions of a session at a time; others wait for their turn.";
        assert_eq!(told(rules), text);
        assert_eq!(place(ConcurrencyPolicy::Interrupt), 3);
        assert_eq!(
            (number(" 7 "), number(""), number("x")),
            (Some(7), None, None)
        );
    }
}
