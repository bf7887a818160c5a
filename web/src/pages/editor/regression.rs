//! Past executions run once more against the draft, before it is published: what is the same, what has changed, what broke.

use contracts::{
    ErrorCode, Problem,
    execution::{ExecutionSummary, SourceKind},
    flow::{Regression, RegressionItem, RegressionState, Verdict},
    id::ExecutionId,
    page::Page as ListPage,
};
use dioxus::prelude::*;
use serde_json::json;

use crate::{
    api::{self, names::short},
    dom,
    pages::editor::{desk::Desk, saving},
    routes::Route,
    ui::{
        Tone,
        badge::Badge,
        button::Button,
        icon::{Glyph, Icon},
        problem::ProblemLine,
        time::Ago,
    },
};

/// Executions that are run once more, at most.
const MOST: usize = 20;
/// How often it is looked at; each look also lets more of them begin.
const EVERY_MS: i32 = 800;

#[component]
pub(super) fn RegressionCheck() -> Element {
    let desk = use_context::<Desk>();
    let report = use_signal(|| None::<Regression>);
    let mut busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let check = move |_| async move {
        busy.set(true);
        problem.set(None);
        if let Err(refused) = run(desk, report).await {
            problem.set(Some(refused));
        }
        busy.set(false);
    };
    // The last one is still there, or still runs, for whoever comes back to it.
    use_future(move || async move {
        let flow = desk.flow_id.peek().clone();
        let Some(id) = last(&flow) else { return };
        busy.set(true);
        match follow(&flow, &id, report).await {
            Err(gone) if gone.code == ErrorCode::NotFound => dom::store(&place(&flow), None),
            Err(refused) => problem.set(Some(refused)),
            Ok(()) => {}
        }
        busy.set(false);
    });
    rsx! {
        section { class: "stack-s", "aria-label": "Check with past executions",
            div { class: "row",
                Button { small: true, icon: Glyph::History, busy: busy(), onclick: check, "Check with past executions" }
            }
            p { class: "hint", "Runs the last {MOST} once more on the draft. Steps that did not change are taken over; the others run for real, with all that they do outside." }
            if let Some(problem) = problem() {
                ProblemLine { problem }
            }
            if let Some(report) = report() {
                Report { report }
            }
        }
    }
}

/// Begins it, and looks at it until every execution has a verdict.
async fn run(desk: Desk, mut report: Signal<Option<Regression>>) -> Result<(), Problem> {
    report.set(None);
    if !saving::save(desk).await {
        let text = "the draft could not be saved, so it was not checked";
        return Err(Problem::new(ErrorCode::Conflict, text));
    }
    let flow = desk.flow_id.peek().clone();
    let past: ListPage<ExecutionSummary> =
        api::get(&format!("/executions?flow_id={flow}&limit=100")).await?;
    let ids = chosen(&past.items);
    if ids.is_empty() {
        let text = "no execution of this flow has ended yet";
        return Err(Problem::new(ErrorCode::InvalidInput, text));
    }
    let path = format!("{}/regressions", desk.path());
    let begun: Regression = api::post(&path, &json!({"execution_ids": ids})).await?;
    let id = begun.id.to_string();
    dom::store(&place(&flow), Some(&id));
    report.set(Some(begun));
    follow(&flow, &id, report).await
}

/// Looks at it until every execution has a verdict, or another one has begun.
async fn follow(
    flow: &str,
    id: &str,
    mut report: Signal<Option<Regression>>,
) -> Result<(), Problem> {
    loop {
        let now: Regression = api::get(&format!("/regressions/{id}")).await?;
        if last(flow).as_deref() != Some(id) {
            return Ok(());
        }
        let over = is_over(&now);
        report.set(Some(now));
        if over {
            return Ok(());
        }
        dom::sleep_ms(EVERY_MS).await;
    }
}

/// The id of the last one of a flow, as this browser kept it.
fn last(flow: &str) -> Option<String> {
    dom::stored(&place(flow))
}

fn place(flow: &str) -> String {
    format!("troupe-regression-{flow}")
}

/// The last ones that ended and were meant: not what was tried.
fn chosen(past: &[ExecutionSummary]) -> Vec<ExecutionId> {
    let tried = |it: &ExecutionSummary| {
        let kind = it.source.as_ref().map(|source| source.kind);
        matches!(kind, Some(SourceKind::Test | SourceKind::Regression))
    };
    past.iter()
        .filter(|it| it.state.is_final() && !tried(it))
        .map(|it| it.id)
        .take(MOST)
        .collect()
}

fn is_over(report: &Regression) -> bool {
    let mut items = report.items.iter();
    items.all(|item| item.state == RegressionState::Done)
}

/// `12 same, 3 changed, 1 broke`, with how far it is.
fn summary(report: &Regression) -> String {
    let parts = [
        (report.same, "same"),
        (report.changed, "changed"),
        (report.broke, "broke"),
    ];
    let parts: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let all = report.items.len();
    match (is_over(report), parts.is_empty()) {
        (true, _) => format!("{}.", parts.join(", ")),
        (false, true) => format!("0 of {all} done…"),
        (false, false) => format!("{} of {all} done: {}…", report.done, parts.join(", ")),
    }
}

const fn look(item: &RegressionItem) -> (Tone, Glyph, &'static str) {
    match (item.verdict, item.state) {
        (Some(Verdict::Same), _) => (Tone::Ok, Glyph::Success, "same"),
        (Some(Verdict::Changed), _) => (Tone::Warn, Glyph::Warning, "changed"),
        (Some(Verdict::Broke), _) => (Tone::Err, Glyph::Error, "broke"),
        (None, RegressionState::Waiting) => (Tone::Neutral, Glyph::Clock, "waits"),
        (None, RegressionState::Running) => (Tone::Run, Glyph::Play, "runs"),
        (None, RegressionState::Done) => (Tone::Err, Glyph::Error, "not begun"),
    }
}

#[component]
fn Report(report: Regression) -> Element {
    let tone = match (is_over(&report), report.broke, report.changed) {
        (false, _, _) => Tone::Run,
        (true, 0, 0) => Tone::Ok,
        (true, 0, _) => Tone::Warn,
        (true, _, _) => Tone::Err,
    };
    rsx! {
        p { class: "notice", role: "status", "data-tone": tone.as_str(),
            Icon { glyph: Glyph::History }
            span { {summary(&report)} }
        }
        p { class: "hint", "Begun " Ago { at: report.created_at } ", on the draft as it was then." }
        ul { class: "plain-list regression",
            for item in report.items.iter() {
                Item { key: "{item.source_id}", item: item.clone() }
            }
        }
    }
}

#[component]
fn Item(item: RegressionItem) -> Element {
    let (tone, glyph, word) = look(&item);
    let nodes: Vec<_> = item.nodes.iter().map(|it| it.node.as_str()).collect();
    rsx! {
        li { class: "row",
            Badge { tone, glyph, "{word}" }
            Link { to: Route::execution(item.source_id), {short(&item.source_id.to_string())} }
            if item.state == RegressionState::Done && item.problem.is_none() {
                Link { to: Route::compare(item.source_id, item.execution_id), "Compare" }
            }
            if !nodes.is_empty() {
                span { class: "hint", {nodes.join(", ")} }
            }
            if let Some(problem) = &item.problem {
                span { class: "hint", {crate::ui::problem::sentence(problem)} }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn report(done: &[(&str, Value)]) -> Regression {
        let items: Vec<_> = done
            .iter()
            .map(|(state, verdict)| {
                json!({
                    "source_id": ExecutionId::EXAMPLE, "execution_id": ExecutionId::EXAMPLE, "state": state,
                    "verdict": verdict, "problem": null, "nodes": [],
                })
            })
            .collect();
        let count = |word: &str| done.iter().filter(|(_, verdict)| verdict == word).count();
        serde_json::from_value(json!({
            "id": contracts::id::RegressionId::EXAMPLE, "flow_id": contracts::id::FlowId::EXAMPLE, "revision": null,
            "items": items, "done": done.iter().filter(|(state, _)| *state == "done").count(),
            "same": count("same"), "changed": count("changed"), "broke": count("broke"),
            "created_by": contracts::id::UserId::EXAMPLE, "created_at": "2026-01-01T00:00:00Z",
        }))
        .expect("a report")
    }

    #[test]
    fn a_report_counts_what_has_a_verdict() {
        let waits = report(&[("waiting", Value::Null), ("running", Value::Null)]);
        assert_eq!(summary(&waits), "0 of 2 done…");
        let some = report(&[("done", json!("same")), ("running", Value::Null)]);
        assert_eq!(summary(&some), "1 of 2 done: 1 same…");
        let all = report(&[
            ("done", json!("same")),
            ("done", json!("broke")),
            ("done", json!("same")),
        ]);
        assert!(is_over(&all));
        assert_eq!(summary(&all), "2 same, 1 broke.");
    }
}
