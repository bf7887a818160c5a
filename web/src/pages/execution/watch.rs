//! What the parts of the page share: the record, the selection, the lens and the moment.

use std::collections::HashSet;

use contracts::{
    execution::{ExecutionState, Origin, Source, StepError, Usage},
    live::ExecutionEvent,
};
use dioxus::prelude::*;

use super::subject::Subject;
use crate::{
    dom,
    live::{
        axis::{Axis, millis},
        feed::{self, Link},
        record::Record,
    },
    params::Params,
    routes::Route,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lens {
    #[default]
    Tree,
    Graph,
    Timeline,
    Events,
}

impl Lens {
    pub(crate) const ALL: [Self; 4] = [Self::Tree, Self::Graph, Self::Timeline, Self::Events];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Tree => "steps",
            Self::Graph => "graph",
            Self::Timeline => "timeline",
            Self::Events => "events",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Tree => "Steps",
            Self::Graph => "Graph",
            Self::Timeline => "Timeline",
            Self::Events => "Events",
        }
    }

    fn parse(text: Option<&str>) -> Self {
        let known = Self::ALL
            .into_iter()
            .find(|lens| Some(lens.as_str()) == text);
        known.unwrap_or_default()
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Watch {
    id: Signal<String>,
    pub(crate) record: Signal<Record>,
    pub(crate) link: Signal<Link>,
    /// The path of the selected step.
    pub(crate) step: Signal<Option<String>>,
    pub(crate) lens: Signal<Lens>,
    /// The frame after which the execution is shown; none: as it is now.
    pub(crate) at: Signal<Option<u64>>,
    pub(crate) folded: Signal<HashSet<String>>,
    pub(crate) subject: Signal<Option<Subject>>,
    pub(crate) now: Signal<f64>,
}

/// The execution as a whole, at the moment that is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Totals {
    pub(crate) state: ExecutionState,
    pub(crate) error: Option<StepError>,
    pub(crate) usage: Usage,
    pub(crate) cancel_asked: bool,
}

impl Watch {
    pub(crate) fn new(id: &str, params: &Params) -> Self {
        let mut watch = Self {
            id: Signal::new(id.to_owned()),
            record: Signal::new(Record::default()),
            link: Signal::new(Link::Loading),
            step: Signal::new(None),
            lens: Signal::new(Lens::default()),
            at: Signal::new(None),
            folded: Signal::new(HashSet::new()),
            subject: Signal::new(None),
            now: Signal::new(dom::now_ms()),
        };
        watch.take(params);
        watch
    }

    pub(crate) fn id(self) -> String {
        self.id.peek().clone()
    }

    /// Goes where an address says.
    pub(crate) fn take(&mut self, params: &Params) {
        let step = params.get("step").map(str::to_owned);
        let at = params.get("at").and_then(|text| text.parse().ok());
        let lens = Lens::parse(params.get("lens"));
        if *self.step.peek() != step {
            self.step.set(step);
        }
        if *self.at.peek() != at {
            self.at.set(at);
        }
        if *self.lens.peek() != lens {
            self.lens.set(lens);
        }
    }

    /// Writes into the address what is shown.
    pub(crate) fn note(self) {
        let lens = *self.lens.peek();
        let lens = if lens == Lens::default() {
            ""
        } else {
            lens.as_str()
        };
        let at = self
            .at
            .peek()
            .as_ref()
            .map(u64::to_string)
            .unwrap_or_default();
        let step = self.step.peek().clone().unwrap_or_default();
        let params = Params::default()
            .with("lens", lens)
            .with("step", &step)
            .with("at", &at);
        // A replaced address keeps the way back to the list one step long.
        navigator().replace(Route::Execution {
            id: self.id(),
            params,
        });
    }

    /// What is executed, once it is heard. Subscribes the caller.
    pub(crate) fn origin(self) -> Option<Origin> {
        match &self.record.read().frame(1)?.event {
            ExecutionEvent::ExecutionStarted { origin, .. } => Some(*origin),
            _ => None,
        }
    }

    /// What it goes on from. Subscribes the caller.
    pub(crate) fn source(self) -> Option<Source> {
        match &self.record.read().frame(1)?.event {
            ExecutionEvent::ExecutionStarted { source, .. } => source.clone(),
            _ => None,
        }
    }

    pub(crate) fn select(&mut self, step: Option<String>) {
        if *self.step.peek() != step {
            self.step.set(step);
            self.note();
        }
    }

    pub(crate) fn look_through(&mut self, lens: Lens) {
        if *self.lens.peek() != lens {
            self.lens.set(lens);
            self.note();
        }
    }

    /// Shows the execution after this frame; the last one means: as it goes on.
    pub(crate) fn go_to(&mut self, n: u64) {
        let record = self.record.peek();
        let at = (n < record.last()).then_some(n);
        drop(record);
        if *self.at.peek() != at {
            self.at.set(at);
        }
    }

    /// The number of the frame that is shown as the last. Subscribes the caller.
    pub(crate) fn n(self) -> u64 {
        let last = self.record.read().last();
        self.at.read().map_or(last, |at| at.min(last))
    }

    /// Whether nothing is known yet. Subscribes the caller.
    pub(crate) fn is_empty(self) -> bool {
        self.record.read().last() == 0
    }

    /// From the first frame to the last, or to now while it runs. Subscribes the caller.
    pub(crate) fn axis(self) -> Axis {
        let record = self.record.read();
        let Some((first, last)) = record.frames().first().zip(record.frames().last()) else {
            return Axis::new(0.0, 1.0);
        };
        let end = millis(last.ts);
        let end = if record.is_final() {
            end
        } else {
            end.max(*self.now.read())
        };
        Axis::new(millis(first.ts), end)
    }

    /// The moment that is shown, in milliseconds. Subscribes the caller.
    pub(crate) fn moment(self) -> f64 {
        match *self.at.read() {
            None => self.axis().end,
            Some(at) => {
                let record = self.record.read();
                let frame = record.frame(at.max(1)).or(record.frames().last());
                frame.map_or(0.0, |frame| millis(frame.ts))
            }
        }
    }

    /// Subscribes the caller.
    pub(crate) fn totals(self) -> Totals {
        let n = self.n();
        let record = self.record.read();
        let view = record.view_at(n);
        // An execution that waits for a person says so, not that it runs.
        let waits = view.state == ExecutionState::Running && is_waiting(&view);
        Totals {
            state: if waits {
                ExecutionState::Waiting
            } else {
                view.state
            },
            error: view.error.clone(),
            usage: view.usage,
            cancel_asked: view.cancel_asked,
        }
    }

    /// Begins again after a refusal.
    pub(crate) fn again(mut self) {
        self.link.set(Link::Loading);
        spawn(feed::follow(self.id(), self.record, self.link));
    }
}

/// Whether somebody is asked and nothing else goes on.
fn is_waiting(view: &graph::view::ExecutionView) -> bool {
    use graph::view::NodeState;
    let asks = |path: &str| {
        let inner = view.nodes.range(format!("{path}/")..format!("{path}0"));
        inner
            .into_iter()
            .any(|(_, node)| node.state == NodeState::Asking)
    };
    let mut asked = false;
    for (path, node) in &view.nodes {
        match node.state {
            NodeState::Asking => asked = true,
            NodeState::Running if !asks(path) => return false,
            NodeState::Retrying | NodeState::Sleeping => return false,
            _ => {}
        }
    }
    asked
}
