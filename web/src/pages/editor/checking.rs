//! The rules of flows at work beside the page: a worker checks the definition a moment after each change.
//!
//! **Invariant:** an answer about a state that has changed since is not shown.

use std::{collections::BTreeMap, rc::Rc};

use contracts::flow::FlowProblem;
use dioxus::prelude::*;
use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::{canvas::board::set_if_new, dom, pages::editor::desk::Desk};

const PAUSE_MS: i32 = 150;

/// The worker, and what hears it.
struct Checker {
    worker: Worker,
    _heard: Closure<dyn FnMut(MessageEvent)>,
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

pub(crate) fn use_checking(desk: Desk) {
    let checker = use_hook(|| Rc::new(start(desk)));
    let mut first = use_hook(|| CopyValue::new(true));
    use_effect(move || {
        let changes = *desk.board.changes.read();
        // Another state from the server is no change of the user's, but has problems of its own.
        desk.version.read();
        let pause = if first.replace(false) { 0 } else { PAUSE_MS };
        let checker = checker.clone();
        spawn(async move {
            dom::sleep_ms(pause).await;
            if *desk.board.changes.peek() == changes
                && let Some(checker) = checker.as_ref()
            {
                ask(checker, desk, changes);
            }
        });
    });
}

/// None where the browser has no workers of this kind; the server checks all the same when a flow is published.
fn start(desk: Desk) -> Option<Checker> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&dom::meta("troupe-checker")?, &options).ok()?;
    let hello = Object::new();
    let wasm = JsValue::from_str(&dom::meta("troupe-checker-wasm")?);
    Reflect::set(&hello, &"wasm".into(), &wasm).ok()?;
    worker.post_message(&hello).ok()?;
    let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let field = |name: &str| Reflect::get(&event.data(), &name.into()).ok();
        let id = field("id").and_then(|id| id.as_f64());
        let problems = field("problems").and_then(|problems| problems.as_string());
        #[allow(clippy::cast_precision_loss)]
        let is_current = id == Some(*desk.board.changes.peek() as f64);
        if let Some(problems) = problems.filter(|_| is_current)
            && let Ok(problems) = serde_json::from_str(&problems)
        {
            show(desk, problems);
        }
    });
    worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    Some(Checker {
        worker,
        _heard: heard,
    })
}

fn ask(checker: &Checker, desk: Desk, changes: u64) {
    let Ok(text) = serde_json::to_string(&desk.board.graph.peek().definition()) else {
        return;
    };
    let message = Object::new();
    #[allow(clippy::cast_precision_loss)]
    let id = JsValue::from_f64(changes as f64);
    let set = Reflect::set(&message, &"id".into(), &id)
        .and_then(|_| Reflect::set(&message, &"definition".into(), &JsValue::from_str(&text)))
        .and_then(|_| checker.worker.post_message(&message));
    // A worker that is gone leaves the last problems on the page.
    drop(set);
}

fn show(mut desk: Desk, problems: Vec<FlowProblem>) {
    let mut by_node: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for problem in &problems {
        if let Some(node) = &problem.node {
            by_node
                .entry(node)
                .or_default()
                .push(problem.message.clone());
        }
    }
    for node in desk.board.nodes.peek().iter() {
        let mut shown = node.problems;
        set_if_new(
            &mut shown,
            by_node.remove(node.id().as_str()).unwrap_or_default(),
        );
    }
    let (before, now) = (desk.problems.peek().as_ref().map(Vec::len), problems.len());
    if before.is_some_and(|before| before != now) {
        desk.board.say(match now {
            0 => "No problems".to_owned(),
            1 => "1 problem".to_owned(),
            several => format!("{several} problems"),
        });
    }
    set_if_new(&mut desk.problems, Some(problems));
}
