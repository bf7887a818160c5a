//! What is executed, how it stands, and what it cost so far.

use contracts::{
    ErrorCode, Permission, Problem,
    execution::{Execution, ExecutionSummary, SourceKind},
    id::ExecutionId,
};
use dioxus::prelude::*;

use super::{again::Again, holding::Holding, more::More, watch::Watch};
use crate::{
    api::{
        self,
        names::{short, use_names},
        query::{View, use_get},
        session,
    },
    live::{axis::millis, feed::Link, words},
    routes::Route,
    ui::{
        badge::StateBadge,
        button::{Button, Variant},
        dialog::{Dialog, DialogActions},
        icon::Glyph,
        problem::{ProblemLine, ProblemView},
    },
};

#[component]
pub(crate) fn Heading() -> Element {
    let watch = use_context::<Watch>();
    let subject = watch.subject.read();
    let totals = watch.totals();
    let name = subject
        .as_ref()
        .map_or("Execution", |subject| subject.name.as_str());
    rsx! {
        div { class: "execution-heading",
            Link { class: "crumb", to: Route::executions(), "Executions" }
            div { class: "execution-name",
                h1 { "{name}" }
                StateBadge { state: totals.state }
                if totals.cancel_asked && !totals.state.is_final() {
                    span { class: "hint", "cancelling…" }
                }
                LinkWord {}
            }
        }
    }
}

/// Whether what is shown is up to date.
#[component]
fn LinkWord() -> Element {
    let watch = use_context::<Watch>();
    let (word, tone) = match &*watch.link.read() {
        Link::Live => ("live", "live"),
        Link::Lost | Link::Loading => ("reconnecting…", "lost"),
        Link::Refused(_) => ("not up to date", "lost"),
        Link::Ended => ("", "ended"),
    };
    rsx! {
        span { class: "link-word", role: "status", "data-link": tone, "{word}" }
    }
}

#[component]
pub(crate) fn Actions() -> Element {
    let watch = use_context::<Watch>();
    let mut asking = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let record = watch.record.read();
    let open = !record.is_final() && !record.view().cancel_asked;
    let cancel = move |_| async move {
        busy.set(true);
        let path = format!("/executions/{}/cancel", watch.id());
        match api::post::<Execution>(&path, &serde_json::json!({})).await {
            Ok(_) => asking.set(false),
            Err(refused) => problem.set(Some(refused)),
        }
        busy.set(false);
    };
    rsx! {
        Again {}
        Holding {}
        if open && session::may(Permission::ExecutionCancel) {
            Button { variant: Variant::Danger, icon: Glyph::Stop, onclick: move |_| asking.set(true), "Cancel execution" }
        }
        More {}
        if asking() && open {
            Dialog { title: "Cancel this execution?", onclose: move |()| asking.set(false),
                p { "Steps that run are stopped, nothing new is begun. What was done stays done." }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
                DialogActions {
                    // A button that says only “Cancel” would be taken for either.
                    Button { onclick: move |_| asking.set(false), "Keep it running" }
                    Button { variant: Variant::Danger, busy: busy(), onclick: cancel, "Cancel execution" }
                }
            }
        }
    }
}

#[component]
pub(crate) fn Facts() -> Element {
    let watch = use_context::<Watch>();
    let totals = watch.totals();
    let record = watch.record.read();
    let first = record.frames().first().map(|frame| frame.ts);
    let took = words::duration(watch.moment() - first.map_or(0.0, millis));
    let started = first
        .map(|ts| ts.format("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default();
    let refused = match &*watch.link.read() {
        Link::Refused(problem) => Some(problem.clone()),
        _ => None,
    };
    rsx! {
        if let Some(problem) = refused {
            ProblemView { problem, onretry: move |()| watch.again() }
        }
        dl { class: "facts",
            Subject {}
            Source {}
            PartOf {}
            Fact { name: "Started", "{started}" }
            Fact { name: "Duration", "{took}" }
            Fact { name: "Tokens in", {words::count(totals.usage.prompt_tokens)} }
            Fact { name: "Tokens out", {words::count(totals.usage.completion_tokens)} }
            Fact { name: "Price",
                {words::money(&totals.usage)}
                " "
                Link { to: Route::calls_of(watch.id()), "Calls of models" }
            }
        }
        if let Some(error) = totals.error {
            p { class: "execution-error", role: "alert",
                b { "{error.code}" }
                " {error.message}"
                if let Some(node) = error.node {
                    Button { small: true, onclick: move |_| { let mut watch = watch; watch.select(Some(node.clone())); }, "Show the step" }
                }
            }
        }
    }
}

#[component]
fn Subject() -> Element {
    let watch = use_context::<Watch>();
    let subject = watch.subject.read();
    let Some(subject) = subject.as_ref() else {
        return rsx! {};
    };
    rsx! {
        Fact { name: subject.kind,
            match &subject.route {
                Some(route) => rsx! { Link { to: route.clone(), "{subject.name}" } },
                None => rsx! { "{subject.name}" },
            }
            span { class: "hint", " {subject.version}" }
        }
    }
}

/// What it goes on from.
#[component]
fn Source() -> Element {
    let watch = use_context::<Watch>();
    let Some(source) = watch.source() else {
        return rsx! {};
    };
    let kind = match source.kind {
        SourceKind::Retry => "Retry of",
        SourceKind::Continue => "Continues",
        SourceKind::Fork => "Fork of",
        SourceKind::Test => "Test",
        SourceKind::Regression => "Check with",
    };
    rsx! {
        Fact { name: kind,
            if let Some(id) = source.execution_id {
                Link { to: Route::execution(id), {short(&id.to_string())} }
                " "
                if watch.record.read().is_final() {
                    Link { to: Route::compare(id, watch.id()), "Compare" }
                }
            }
            if let Some(node) = &source.node {
                span { class: "hint", " at " code { "{node}" } }
            }
        }
    }
}

/// The execution of which a step began it.
#[component]
fn PartOf() -> Element {
    let watch = use_context::<Watch>();
    let own = use_get::<ExecutionSummary>(format!("/executions/{}", watch.id()));
    let parent = own.data().and_then(|own| own.parent_id);
    rsx! {
        if let Some(id) = parent {
            Parent { id }
        }
    }
}

#[component]
fn Parent(id: ExecutionId) -> Element {
    let names = use_names();
    let parent = use_get::<ExecutionSummary>(format!("/executions/{id}"));
    let name = parent.data().map(|parent| names.origin(&parent.origin).0);
    let short = short(&id.to_string());
    let gone =
        matches!(parent.view(), View::Failed(problem) if problem.code == ErrorCode::NotFound);
    rsx! {
        Fact { name: "Part of",
            if gone {
                "{short}"
                span { class: "hint", " deleted" }
            } else if let Some(name) = name {
                Link { to: Route::execution(id), "{name}" }
                span { class: "hint", " {short}" }
            } else {
                Link { to: Route::execution(id), "{short}" }
            }
        }
    }
}

#[component]
fn Fact(name: &'static str, children: Element) -> Element {
    rsx! {
        div { class: "fact",
            dt { "{name}" }
            dd { {children} }
        }
    }
}
