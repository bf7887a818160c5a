//! Going on from an execution that is over: as a whole, from one of its steps, or with another output of a step.

use contracts::{
    Permission, Problem,
    execution::{Accepted, ExecutionState},
    flow::{Flow, RevisionChoice},
};
use dioxus::{prelude::*, router::Navigator};
use graph::path;
use serde_json::Value;

use super::watch::Watch;
use crate::{
    api::{payload, query::use_get, session},
    pages::{again, json_text::JsonText},
    params::Params,
    routes::Route,
    ui::{
        button::{Button, ButtonLink, Variant},
        dialog::{Dialog, DialogActions},
        field::TextField,
        icon::Glyph,
        problem::ProblemLine,
        select::SelectField,
        toast,
    },
};

/// Whether the execution is over and the user may begin another. Subscribes the caller.
fn may_go_on(watch: Watch) -> bool {
    watch.record.read().is_final() && session::may(Permission::FlowExecute)
}

/// Shows the execution that was begun.
fn open(navigator: Navigator, accepted: &Accepted) {
    navigator.push(Route::execution(accepted.id));
}

/// For the whole execution, beside its name.
#[component]
pub(crate) fn Again() -> Element {
    let (watch, navigator) = (use_context::<Watch>(), navigator());
    let mut continuing = use_signal(|| false);
    let mut busy = use_signal(|| false);
    if !may_go_on(watch) {
        return rsx! {};
    }
    let origin = watch.origin();
    let flow = origin.and_then(|origin| origin.flow_id);
    let succeeded = watch.record.read().view().state == ExecutionState::Succeeded;
    let retry = move |_| async move {
        busy.set(true);
        match again::retry(&watch.id(), None).await {
            Ok(accepted) => open(navigator, &accepted),
            Err(problem) => toast::problem(&problem),
        }
        busy.set(false);
    };
    rsx! {
        if !succeeded {
            Button { icon: Glyph::Refresh, busy: busy(), onclick: retry, title: "Runs what did not succeed once more; what succeeded is taken over", "Retry" }
        }
        if let Some(flow) = flow {
            if !succeeded && session::may(Permission::FlowWrite) {
                ButtonLink {
                    to: Route::Editor { id: flow.to_string(), params: Params::one("execution", &watch.id()) },
                    icon: Glyph::Pencil,
                    "Repair"
                }
            }
            Button { icon: Glyph::Skip, onclick: move |_| continuing.set(true), "Continue…" }
            if continuing() {
                Continue { flow: flow.to_string(), onclose: move |()| continuing.set(false) }
            }
        }
    }
}

/// With which revision to go on.
#[component]
fn Continue(flow: String, onclose: EventHandler<()>) -> Element {
    let (watch, navigator) = (use_context::<Watch>(), navigator());
    let mut draft = use_signal(|| true);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let known = use_get::<Flow>(format!("/flows/{flow}"));
    let latest = known.data().and_then(|flow| flow.revision);
    let go_on = move |_| async move {
        busy.set(true);
        problem.set(None);
        let revision = match latest.filter(|_| !draft()) {
            Some(revision) => RevisionChoice::Number(revision),
            None => RevisionChoice::DRAFT,
        };
        match again::go_on(&watch.id(), revision).await {
            Ok(accepted) => open(navigator, &accepted),
            Err(refused) => problem.set(Some(refused)),
        }
        busy.set(false);
    };
    let mut options = vec![("draft".to_owned(), "The draft".to_owned())];
    options.extend(latest.map(|n| ("latest".to_owned(), format!("Revision {n}, the latest"))));
    rsx! {
        Dialog { title: "Continue with another state of the flow", onclose,
            div { class: "stack",
                p { "A new execution begins with the same input. What succeeded is taken over wherever neither the node nor anything before it has changed; the rest runs." }
                SelectField {
                    label: "Continue with",
                    value: if draft() { "draft" } else { "latest" },
                    options,
                    onchange: move |choice: String| draft.set(choice == "draft"),
                }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
            }
            DialogActions {
                Button { onclick: move |_| onclose.call(()), "Cancel" }
                Button { variant: Variant::Primary, icon: Glyph::Skip, busy: busy(), onclick: go_on, "Continue" }
            }
        }
    }
}

/// For the selected step; what lies within a node is run with it.
#[component]
pub(crate) fn StepAgain(step: String, output: Option<Value>, port: Option<String>) -> Element {
    let (watch, navigator) = (use_context::<Watch>(), navigator());
    let mut forking = use_signal(|| None::<Value>);
    let mut busy = use_signal(|| false);
    let whole = path::node_path(&step) == step && path::node_id(&step) == step;
    if !whole || !may_go_on(watch) || watch.origin().is_none_or(|it| it.flow_id.is_none()) {
        return rsx! {};
    }
    let node = step.clone();
    let run = move |_| {
        let node = node.clone();
        async move {
            busy.set(true);
            match again::retry(&watch.id(), Some(&node)).await {
                Ok(accepted) => open(navigator, &accepted),
                Err(problem) => toast::problem(&problem),
            }
            busy.set(false);
        }
    };
    let change = move |_| {
        let output = output.clone().unwrap_or(Value::Null);
        async move {
            match payload::whole(&watch.id(), output).await {
                Ok(output) => forking.set(Some(output)),
                Err(problem) => toast::problem(&problem),
            }
        }
    };
    rsx! {
        div { class: "row",
            Button { small: true, icon: Glyph::Play, busy: busy(), onclick: run, title: "A new execution: this node and all that depends on it run, the rest is taken over", "Run from here" }
            Button { small: true, icon: Glyph::Branch, onclick: change, "Change the output…" }
        }
        if let Some(output) = forking() {
            Fork { node: step, output, port: port.unwrap_or_default(), onclose: move |()| forking.set(None) }
        }
    }
}

/// What the step shall have given.
#[component]
fn Fork(node: String, output: Value, port: String, onclose: EventHandler<()>) -> Element {
    let (watch, navigator) = (use_context::<Watch>(), navigator());
    let mut given = use_signal(|| output);
    let mut port = use_signal(|| port);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let of = node.clone();
    let fork = move |_| {
        let node = node.clone();
        async move {
            busy.set(true);
            problem.set(None);
            let (output, at) = (given(), port());
            let at = Some(at.trim()).filter(|port| !port.is_empty());
            match again::fork(&watch.id(), &node, &output, at).await {
                Ok(accepted) => open(navigator, &accepted),
                Err(refused) => problem.set(Some(refused)),
            }
            busy.set(false);
        }
    };
    rsx! {
        Dialog { title: "Fork with another output of {of}", wide: true, onclose,
            div { class: "stack",
                p { "A new execution begins as if this node had given what you write here. What depends on it runs; the rest is taken over." }
                JsonText { label: "Output", value: given(), onchange: move |value| given.set(value) }
                TextField { label: "Goes on at port", value: port(), hint: "The one it took before, when empty.", "spellcheck": "false", oninput: move |text| port.set(text) }
                if let Some(problem) = problem() {
                    ProblemLine { problem }
                }
            }
            DialogActions {
                Button { onclick: move |_| onclose.call(()), "Cancel" }
                Button { variant: Variant::Primary, icon: Glyph::Branch, busy: busy(), onclick: fork, "Fork" }
            }
        }
    }
}
