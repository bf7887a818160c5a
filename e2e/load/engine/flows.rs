//! What is executed: the cases, as definitions.

use anyhow::Result;
use contracts::flow::Executable;
use serde_json::{Value, json};

/// Bytes of text that each step passes on.
pub(crate) const TEXT: usize = 400;
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
    pub(crate) const ALL: [Self; 7] = [
        Self::Inline,
        Self::Heavy,
        Self::Fan,
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
            Self::Parked | Self::Active | Self::Timer => 1,
            Self::Ticking => 60,
        }
    }

    pub(crate) fn definition(self) -> Result<Executable> {
        let mut nodes = vec![json!({"id": "s0", "type": "trigger"})];
        let mut edges = Vec::new();
        let steps = self.steps();
        for n in 1..=steps {
            nodes.push(self.step(n));
            let from = if self == Self::Fan { 0 } else { n - 1 };
            edges.push(json!({"from": format!("s{from}"), "to": format!("s{n}")}));
        }
        if self == Self::Fan {
            nodes.push(
                json!({"id": "join", "type": "output", "config": {"value": "{{ input.n }}"}}),
            );
            edges.extend((1..=steps).map(|n| json!({"from": format!("s{n}"), "to": "join"})));
        }
        let definition = json!({"definition": {"nodes": nodes, "edges": edges}});
        Ok(serde_json::from_value(definition)?)
    }

    fn step(self, n: usize) -> Value {
        let before = n - 1;
        let (kind, config) = match self {
            Self::Inline => {
                let value = json!({
                    "n": format!("{{{{ nodes.s{before}.output.n + 1 }}}}"),
                    "text": format!("{{{{ nodes.s{before}.output.text }}}}")
                });
                ("transform", json!({"value": value}))
            }
            Self::Heavy | Self::Fan => ("custom", json!({"name": WORK, "config": {}})),
            Self::Active => ("custom", json!({"name": HELD, "config": {}})),
            Self::Parked => ("approval", json!({"title": "Go on?"})),
            Self::Timer => ("wait", json!({"until": "{{ input.until }}"})),
            Self::Ticking => ("wait", json!({"seconds": 0.1})),
        };
        json!({"id": format!("s{n}"), "type": kind, "config": config})
    }
}

/// The input of an execution.
pub(crate) fn input() -> Value {
    json!({"text": "x".repeat(TEXT), "n": 1})
}
