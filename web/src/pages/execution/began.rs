//! Executions that the steps of this one began: flows within the flow, and flows that an agent called.

use std::collections::HashSet;

use contracts::{
    execution::{ExecutionSummary, begun_by},
    id::ExecutionId,
    live::{ExecutionEvent, Frame, StepCall},
    page::Page,
};
use dioxus::prelude::*;

use super::{step, subject::Subject, watch::Watch};
use crate::{
    api::{
        names::{short, use_names},
        query::{self, View, use_get},
    },
    dom,
    live::spans::Span,
    routes::Route,
    ui::{badge::StateBadge, icon::Icon, problem::ProblemView, skeleton::Skeleton},
};

const EVERY_MS: i32 = 2_500;

/// Of all steps, or only of one with what is inside of it.
#[component]
pub(crate) fn Began(of: Option<String>) -> Element {
    let watch = use_context::<Watch>();
    let any = {
        let (record, subject) = (watch.record.read(), watch.subject.read());
        let mut spans = record.spans().list().iter();
        subject.as_ref().is_some_and(|subject| {
            spans.any(|span| is_of(of.as_deref(), &span.path) && may_begin(span, subject))
        })
    };
    rsx! {
        if any {
            Listed { of }
        }
    }
}

/// What a step is that has no place in the definition is not known.
fn may_begin(span: &Span, subject: &Subject) -> bool {
    let called = matches!(span.call, Some(StepCall::Tool { .. }));
    called || matches!(step::kind(span, Some(subject)).as_str(), "flow" | "")
}

#[component]
fn Listed(of: Option<String>) -> Element {
    let watch = use_context::<Watch>();
    let path = format!("/executions?parent_id={}&limit=200", watch.id());
    let listed = use_get::<Page<ExecutionSummary>>(path.clone());
    use_future(move || {
        let path = path.clone();
        async move {
            loop {
                // The list is a moment behind: it is read once more after the end.
                let over = watch.record.peek().is_final();
                dom::sleep_ms(EVERY_MS).await;
                if dom::document().hidden() {
                    continue;
                }
                query::invalidate_one(&path);
                if over {
                    return;
                }
            }
        }
    });
    match listed.view() {
        View::Loading => rsx! { Skeleton { rows: 1 } },
        View::Failed(problem) => rsx! {
            ProblemView { problem, onretry: move |()| listed.refetch() }
        },
        View::Ready(page) => {
            let begun = of.as_deref().map(|path| keys_of(watch, path));
            let mut shown = page.items.clone();
            shown.retain(|it| begun.as_ref().is_none_or(|ids| ids.contains(&it.id)));
            // An execution of a step may be older than what the page holds.
            let cut = page.next.is_some() && begun.is_none();
            rsx! {
                if !shown.is_empty() {
                    List { shown, cut }
                }
            }
        }
    }
}

#[component]
fn List(shown: Vec<ExecutionSummary>, cut: bool) -> Element {
    let names = use_names();
    rsx! {
        section { class: "details-part began",
            h3 { "Executions it began" }
            ul { class: "board-list",
                for execution in shown {
                    li { key: "{execution.id}",
                        Link { to: Route::execution(execution.id), class: "board-subject",
                            Icon { glyph: names.origin(&execution.origin).2 }
                            span { {names.origin(&execution.origin).0} }
                            span { class: "hint", {short(&execution.id.to_string())} }
                        }
                        span { class: "spread", StateBadge { state: execution.state } }
                    }
                }
            }
            if cut {
                p { class: "hint", "These are the newest; it began more." }
            }
        }
    }
}

/// The executions that a step may have begun, or one inside of it.
fn keys_of(watch: Watch, path: &str) -> HashSet<ExecutionId> {
    let record = watch.record.read();
    match watch.id().parse() {
        Ok(id) => begun(id, record.frames().iter().map(|frame| &**frame), path),
        Err(_) => HashSet::new(),
    }
}

fn begun<'a>(
    id: ExecutionId,
    frames: impl Iterator<Item = &'a Frame>,
    path: &str,
) -> HashSet<ExecutionId> {
    let keys = frames.filter_map(|frame| match &frame.event {
        ExecutionEvent::StepStarted {
            node, attempt, key, ..
        } => is_of(Some(path), node).then_some((key, *attempt)),
        _ => None,
    });
    keys.map(|(key, attempt)| begun_by(id, key, attempt))
        .collect()
}

/// Whether a step is the one at this path, or inside of it; any is where none is meant.
fn is_of(path: Option<&str>, node: &str) -> bool {
    let Some(path) = path else {
        return true;
    };
    let inside = node.strip_prefix(path);
    inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::testing::with;

    #[test]
    fn a_step_has_what_it_began_and_what_is_inside_of_it() {
        let step = |n: u64, node: &str, key: &str| {
            let fields = json!({"node": node, "attempt": 1, "key": key});
            with(n, "step_started", fields)
        };
        let frames = [
            step(2, "sub", "one"),
            step(3, "sub2", "two"),
            step(4, "map:0/sub", "three"),
            step(5, "map:1/sub", "four"),
        ];
        let id = ExecutionId::EXAMPLE;
        let of = |path: &str, keys: &[&str]| {
            let expected: HashSet<_> = keys.iter().map(|key| begun_by(id, key, 1)).collect();
            assert_eq!(begun(id, frames.iter(), path), expected, "{path}");
        };
        of("sub", &["one"]);
        of("map:1/sub", &["four"]);
        of("map:1", &["four"]);
        of("map", &["three", "four"]);
        of("nothing", &[]);
    }
}
