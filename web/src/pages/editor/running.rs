//! Executes the flow from the editor and lets the canvas follow.
//!
//! **Invariant:** what a node shows is what the reducer of the execution's frames says, whether live or replayed.

use contracts::{
    Problem,
    execution::{Accepted, Execution},
    flow::RevisionChoice,
};
use dioxus::{core::Task, prelude::*};
use graph::view::{NodeState, NodeView};
use serde_json::{Value, json};

use crate::{
    api,
    canvas::{
        board::{Mark, set_if_new},
        tally,
    },
    format,
    live::{
        feed::{self, Link},
        record::Record,
        words,
    },
    pages::{
        again,
        editor::{desk::Desk, saving},
    },
};

/// Saves, begins an execution, and shows it.
pub(crate) async fn execute(
    mut desk: Desk,
    input: Value,
    revision: RevisionChoice,
) -> Result<(), Problem> {
    if revision == RevisionChoice::DRAFT {
        save(desk).await?;
    }
    let body = json!({"input": input, "revision": revision});
    let accepted: Accepted = api::post(&format!("{}/execute", desk.path()), &body).await?;
    show(desk, &accepted);
    desk.board.say("Execution started");
    Ok(())
}

/// Saves, and tries the draft, up to a node or to its end, with the outputs that are pinned.
pub(crate) async fn test(
    mut desk: Desk,
    input: Value,
    until: Option<String>,
) -> Result<(), Problem> {
    save(desk).await?;
    let mut body = json!({"input": input, "pins": *desk.pins.peek()});
    if let Some(node) = until {
        body["until"] = node.into();
    }
    let accepted: Accepted = api::post(&format!("{}/test", desk.path()), &body).await?;
    show(desk, &accepted);
    desk.board.say("Test started");
    Ok(())
}

/// Saves, and goes on from an execution that is over with what was saved.
pub(crate) async fn go_on(mut desk: Desk, id: &str) -> Result<(), Problem> {
    save(desk).await?;
    let accepted = again::go_on(id, RevisionChoice::DRAFT).await?;
    show(desk, &accepted);
    desk.board.say("Execution continued");
    Ok(())
}

async fn save(desk: Desk) -> Result<(), Problem> {
    if saving::save(desk).await {
        return Ok(());
    }
    let detail = "the draft could not be saved, so it was not executed";
    Err(Problem::new(contracts::ErrorCode::Conflict, detail))
}

/// Lets the canvas follow it.
fn show(mut desk: Desk, accepted: &Accepted) {
    for node in desk.board.nodes.peek().iter() {
        let mut mark = node.mark;
        set_if_new(&mut mark, Mark::default());
    }
    desk.record.set(Record::default());
    desk.link.set(Link::Loading);
    desk.execution.set(Some(accepted.id.to_string()));
}

pub(crate) async fn cancel(desk: Desk) -> Result<(), Problem> {
    let Some(id) = desk.execution.peek().clone() else {
        return Ok(());
    };
    api::post::<Execution>(&format!("/executions/{id}/cancel"), &json!({})).await?;
    Ok(())
}

/// Follows the execution of the desk, and marks its nodes.
pub(crate) fn use_following(desk: Desk) {
    let mut task = use_hook(|| CopyValue::new(None::<Task>));
    use_effect(move || {
        let execution = desk.execution.read().clone();
        if let Some(task) = task.take() {
            task.cancel();
        }
        if let Some(id) = execution {
            task.set(Some(spawn(feed::follow(id, desk.record, desk.link))));
        }
    });
    use_effect(move || {
        let record = desk.record.read();
        let mut board = desk.board;
        for node in board.nodes.peek().iter() {
            if let Some(shown) = mark_at(&record, &node.id()) {
                let mut mark = node.mark;
                let stale = mark.peek().stale;
                set_if_new(&mut mark, Mark { stale, ..shown });
            }
        }
        if record.view().state.is_final() {
            board.say(format!("Execution {}", record.view().state.as_str()));
        }
    });
}

/// What a node shows; of one in a body, of all its iterations. None before anything was heard of it.
fn mark_at(record: &Record, id: &str) -> Option<Mark> {
    let spans = record.spans();
    let steps = spans.of_node(id).iter();
    let views = steps.filter_map(|&at| record.view().nodes.get(&spans.list()[at].path));
    let marks: Vec<_> = views.map(mark_of).collect();
    match marks.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(tally::of_times(several)),
    }
}

pub(crate) fn mark_of(view: &NodeView) -> Mark {
    if view.state == NodeState::Pending {
        return Mark::default();
    }
    let (mut parts, mut all) = (Vec::new(), 0);
    if let Some(until) = view.until {
        parts.push(format!("until {}", until.format("%Y-%m-%d %H:%M UTC")));
    }
    if let Some(ms) = view
        .duration_ms
        .filter(|_| view.state == NodeState::Succeeded)
    {
        parts.push(format::duration(ms));
    }
    if view.reused {
        parts.push("taken over".to_owned());
    }
    parts.extend(view.iterations.map(words::iterations));
    if let Some(usage) = view.usage {
        let tokens = usage.prompt_tokens + usage.completion_tokens;
        all = tokens;
        if tokens > 0 {
            parts.push(format!("{tokens} tokens"));
        }
        if let Some(cost) = usage.cost.filter(|cost| !cost.is_zero()) {
            parts.push(format!("${}", cost.normalize()));
        }
    }
    if view.attempt > 1 {
        parts.push(format!("attempt {}", view.attempt));
    }
    if let Some(error) = view.error.as_ref().filter(|_| parts.is_empty()) {
        parts.push(error.code.clone());
    }
    Mark {
        state: words::state(view.state),
        note: parts.join(" · "),
        duration_ms: view.duration_ms.unwrap_or_default(),
        tokens: all,
        stale: false,
    }
}
