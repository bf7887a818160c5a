//! What the editor of one flow knows beside the canvas: the flow's name, how its saving stands, which panel is open.
//!
//! **Invariant:** the version is the one that the server last told; every save names it.

use std::{collections::BTreeMap, rc::Rc};

use contracts::{
    Problem,
    execution::Pin,
    flow::{Flow, FlowProblem, NodeType},
};
use dioxus::prelude::*;

use crate::{
    canvas::board::Board,
    live::{feed::Link, record::Record},
    pages::editor::pins,
};

/// How far the draft on the server is behind the canvas.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Saving {
    Saved,
    Waiting,
    Busy,
    Failed(Problem),
    /// Somebody else has saved: their state.
    Conflict(Box<Flow>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    Properties,
    Run,
    Revisions,
    Triggers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialogue {
    None,
    Publish,
    Shortcuts,
    /// What it changes to bring the node with this key, or all, to the current version of its type.
    Upgrade(Option<u32>),
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Desk {
    pub(crate) board: Board,
    pub(crate) flow_id: CopyValue<String>,
    pub(crate) name: Signal<String>,
    pub(crate) description: Signal<String>,
    pub(crate) version: Signal<u64>,
    pub(crate) revision: Signal<Option<u32>>,
    pub(crate) saving: Signal<Saving>,
    /// None until the rules have been asked.
    pub(crate) problems: Signal<Option<Vec<FlowProblem>>>,
    pub(crate) panel: Signal<Option<Panel>>,
    pub(crate) outline: Signal<bool>,
    pub(crate) dialogue: Signal<Dialogue>,
    /// The revision that the canvas is compared with.
    pub(crate) comparing: Signal<Option<u32>>,
    /// The execution that the canvas shows.
    pub(crate) execution: Signal<Option<String>>,
    pub(crate) record: Signal<Record>,
    pub(crate) link: Signal<Link>,
    /// By node, what it gives in tests without being run.
    pub(crate) pins: Signal<BTreeMap<String, Pin>>,
    /// Whether the draft is what was published last, as far as this page knows.
    pub(crate) published: Signal<bool>,
}

impl Desk {
    pub(crate) fn new(flow: &Flow, types: Rc<Vec<NodeType>>, outline: bool) -> Self {
        Self {
            board: Board::new(flow.definition.clone(), types),
            flow_id: CopyValue::new(flow.id.to_string()),
            name: Signal::new(flow.name.clone()),
            description: Signal::new(flow.description.clone()),
            version: Signal::new(flow.version),
            revision: Signal::new(flow.revision),
            saving: Signal::new(Saving::Saved),
            problems: Signal::new(None),
            panel: Signal::new(None),
            outline: Signal::new(outline),
            dialogue: Signal::new(Dialogue::None),
            comparing: Signal::new(None),
            execution: Signal::new(None),
            record: Signal::new(Record::default()),
            link: Signal::new(Link::Loading),
            pins: Signal::new(pins::kept(&flow.id.to_string())),
            published: Signal::new(false),
        }
    }

    /// Takes over a state of the flow that the server told.
    pub(crate) fn take(&mut self, flow: Flow) {
        self.name.set(flow.name);
        self.description.set(flow.description);
        self.version.set(flow.version);
        self.revision.set(flow.revision);
        self.board.replace(flow.definition);
        self.saving.set(Saving::Saved);
    }

    pub(crate) fn path(&self) -> String {
        format!("/flows/{}", self.flow_id.read())
    }

    /// Something is not on the server yet.
    pub(crate) fn is_behind(&self) -> bool {
        !matches!(*self.saving.peek(), Saving::Saved)
    }
}
