//! Both executions on a canvas each; a ring is around what did not do the same.
//!
//! **Invariant:** both pictures and the table have one selection.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use contracts::{
    execution::{Compared, Comparison, NodeOutcome},
    flow::{Definition, NodeType},
    page::Page,
};
use dioxus::prelude::*;

use super::words;
use crate::{
    api::query::use_get,
    canvas::{Picture, board::set_if_new, use_picture},
    pages::execution::subject::{self, Subject},
    ui::{badge::StateBadge, skeleton::Skeleton},
};

#[component]
pub(super) fn Sides(compared: Comparison, chosen: Signal<Option<String>>) -> Element {
    let changed: BTreeSet<String> = compared.changed.iter().cloned().collect();
    let of = |outcome: fn(&contracts::execution::NodeComparison) -> Option<NodeOutcome>| {
        let outcomes = compared.nodes.iter();
        let outcomes = outcomes.filter_map(|node| Some((node.node.clone(), outcome(node)?)));
        Rc::new(outcomes.collect::<BTreeMap<_, _>>())
    };
    rsx! {
        div { class: "sides",
            Side { name: "A", compared: compared.execution.clone(), outcomes: of(|node| node.execution.clone()), changed: changed.clone(), chosen }
            Side { name: "B", compared: compared.with.clone(), outcomes: of(|node| node.with.clone()), changed, chosen }
        }
    }
}

type Outcomes = Rc<BTreeMap<String, NodeOutcome>>;

#[component]
fn Side(
    name: &'static str,
    compared: Compared,
    outcomes: Outcomes,
    changed: BTreeSet<String>,
    chosen: Signal<Option<String>>,
) -> Element {
    let types = use_get::<Page<NodeType>>("/node-types".into());
    let (origin, id) = (compared.origin, compared.id.to_string());
    let subject = use_resource(move || {
        let id = id.clone();
        async move { subject::read(origin, &id).await }
    });
    let drawn = subject.read().as_ref().map(described);
    rsx! {
        section { class: "side", "aria-label": "Execution {name}",
            header { class: "row",
                h2 { "{name}" }
                StateBadge { state: compared.state }
                if let Some((title, _)) = &drawn {
                    span { class: "hint", "{title}" }
                }
            }
            dl { class: "facts",
                for (fact , value) in words::totals(&compared) {
                    div { key: "{fact}", class: "fact", dt { "{fact}" } dd { "{value}" } }
                }
            }
            match (drawn, types.is_settled()) {
                (Some((_, Some(definition))), true) => {
                    // Without their types nodes are drawn all the same.
                    let types = types.data().map(|page| page.items.clone()).unwrap_or_default();
                    rsx! { Drawing { definition, types: Rc::new(types), outcomes, changed, chosen } }
                }
                (Some((_, None)), _) => rsx! { p { class: "hint", "There is no drawing of this." } },
                _ => rsx! { Skeleton { rows: 4 } },
            }
        }
    }
}

fn described(subject: &Subject) -> (String, Option<Definition>) {
    let title = format!("{} {}", subject.name, subject.version);
    (title, subject.definition.clone())
}

#[component]
fn Drawing(
    definition: Definition,
    types: Rc<Vec<NodeType>>,
    outcomes: Outcomes,
    changed: BTreeSet<String>,
    chosen: Signal<Option<String>>,
) -> Element {
    let mut board = use_picture(|| definition, types);
    use_effect(use_reactive!(|outcomes, changed| {
        for node in board.nodes.read().iter() {
            let outcome = outcomes.get(&node.id());
            let mut mark = node.mark;
            set_if_new(&mut mark, outcome.map(words::mark).unwrap_or_default());
        }
        set_if_new(&mut board.ringed, changed);
    }));
    let mut last = use_hook(|| CopyValue::new(None::<String>));
    use_effect(move || {
        let id = chosen.read().clone();
        let node = id.as_deref().and_then(|id| board.by_id(id));
        last.set(node.map(|node| node.id()));
        if *board.active.peek() != node {
            board.activate(node);
            board.reveal(node);
        }
    });
    use_effect(move || {
        let active = (*board.active.read()).map(|node| node.id());
        // Only what the user does on this canvas counts here.
        if *last.peek() != active {
            last.set(active.clone());
            chosen.set(active);
        }
    });
    rsx! {
        div { class: "side-canvas", Picture {} }
    }
}
