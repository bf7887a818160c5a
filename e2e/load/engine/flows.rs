//! What is executed: the cases, as definitions.

use std::collections::BTreeMap;

use anyhow::Result;
use contracts::{flow::Executable, id::FlowId, tool::FlowPin};
use serde_json::{Value, json};

/// Bytes of text that each step passes on.
pub(crate) const TEXT: usize = 400;
/// Items of a map.
const ITEMS: usize = 1_000;
/// The node that the load generator does the work of, and the one it never answers.
pub(crate) const WORK: &str = "work";
pub(crate) const HELD: &str = "held";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Five transforms, each reading the one before.
    Inline,
    /// Five steps by workers, one after the other; whoever does them answers at once.
    Heavy,
    /// Twenty steps by workers at the same time, and a join.
    Fan,
    /// A transform for each of a thousand items.
    Map,
    /// Another flow as a step: the one of five transforms.
    SubFlow,
    /// Waits for a person.
    Parked,
    /// A step by a worker that is never done.
    Active,
    /// Waits until a moment of its input.
    Timer,
    /// Sixty short waits, one after the other.
    Ticking,
}

impl Case {
    pub(crate) const ALL: [Self; 9] = [
        Self::Inline,
        Self::Heavy,
        Self::Fan,
        Self::Map,
        Self::SubFlow,
        Self::Parked,
        Self::Active,
        Self::Timer,
        Self::Ticking,
    ];

    /// As the report names it, and the key of its definition.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inline => "5 inline steps",
            Self::Heavy => "5 steps by workers",
            Self::Fan => "20 steps by workers at once",
            Self::Map => "a map of 1,000 items",
            Self::SubFlow => "a flow of 5 inline steps within",
            Self::Parked => "parked",
            Self::Active => "active",
            Self::Timer => "timer",
            Self::Ticking => "ticking",
        }
    }

    pub(crate) const fn hash(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Heavy => "heavy",
            Self::Fan => "fan",
            Self::Map => "map",
            Self::SubFlow => "within",
            Self::Parked => "parked",
            Self::Active => "active",
            Self::Timer => "timer",
            Self::Ticking => "ticking",
        }
    }

    pub(crate) const fn steps(self) -> usize {
        match self {
            Self::Inline | Self::Heavy => 5,
            Self::Fan => 20,
            Self::Map => ITEMS,
            // The step that waits counts as well.
            Self::SubFlow => 6,
            Self::Parked | Self::Active | Self::Timer => 1,
            Self::Ticking => 60,
        }
    }

    pub(crate) fn executable(self) -> Result<Executable> {
        let mut nodes = vec![json!({"id": "s0", "type": "trigger"})];
        let mut edges = Vec::new();
        let mut flows = BTreeMap::new();
        let mut edge = |from: &str, to: &str| edges.push(json!({"from": from, "to": to}));
        match self {
            Self::Map => {
                let value = json!({"value": {"n": "{{ item + 1 }}"}});
                let items: Vec<usize> = (0..ITEMS).collect();
                let config = json!({"items": items, "parallel": 100});
                nodes.push(json!({"id": "each", "type": "map", "config": config}));
                nodes.push(
                    json!({"id": "s1", "type": "transform", "parent": "each", "config": value}),
                );
                edge("s0", "each");
            }
            Self::SubFlow => {
                let config = json!({"flow_id": FlowId::EXAMPLE, "input": "{{ input }}"});
                nodes.push(json!({"id": "sub", "type": "flow", "config": config}));
                edge("s0", "sub");
                let pin = FlowPin {
                    flow_id: FlowId::EXAMPLE,
                    revision: Some(1),
                    hash: Some(Self::Inline.hash().to_owned()),
                };
                flows.insert("sub".to_owned(), pin);
            }
            Self::Fan => {
                for n in 1..=self.steps() {
                    nodes.push(self.step(n));
                    edge("s0", &format!("s{n}"));
                    edge(&format!("s{n}"), "join");
                }
                let value = json!({"value": "{{ input.n }}"});
                nodes.push(json!({"id": "join", "type": "output", "config": value}));
            }
            Self::Inline
            | Self::Heavy
            | Self::Parked
            | Self::Active
            | Self::Timer
            | Self::Ticking => {
                for n in 1..=self.steps() {
                    nodes.push(self.step(n));
                    edge(&format!("s{}", n - 1), &format!("s{n}"));
                }
            }
        }
        let definition = serde_json::from_value(json!({"nodes": nodes, "edges": edges}))?;
        Ok(Executable {
            definition,
            flows,
            ..Executable::default()
        })
    }

    /// One of several steps that are alike.
    fn step(self, n: usize) -> Value {
        let before = n - 1;
        let (kind, config) = match self {
            Self::Heavy | Self::Fan => ("custom", json!({"name": WORK, "config": {}})),
            Self::Active => ("custom", json!({"name": HELD, "config": {}})),
            Self::Parked => ("approval", json!({"title": "Go on?"})),
            Self::Timer => ("wait", json!({"until": "{{ input.until }}"})),
            Self::Ticking => ("wait", json!({"seconds": 0.1})),
            Self::Inline | Self::Map | Self::SubFlow => {
                let value = json!({
                    "n": format!("{{{{ nodes.s{before}.output.n + 1 }}}}"),
                    "text": format!("{{{{ nodes.s{before}.output.text }}}}")
                });
                ("transform", json!({"value": value}))
            }
        };
        json!({"id": format!("s{n}"), "type": kind, "config": config})
    }
}

/// The input of an execution.
pub(crate) fn input() -> Value {
    json!({"text": "x".repeat(TEXT), "n": 1})
}
