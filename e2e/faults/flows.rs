//! The flows of the load: each calls the outside at steps whose names tell the ledger what was done.

use serde_json::{Value, json};

/// Words of sixteen letters in a large value: it is stored apart from the log's records.
const WORDS: usize = 6_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Three calls, one after the other.
    Chain,
    /// Four calls at the same time, and a join.
    Fan,
    /// A timer, then a call.
    Wait,
    /// A person's answer, then a call.
    Ask,
    /// A chain that is cancelled.
    Cancel,
    /// A question to a model, then a call.
    Model,
    /// A large value given, one made of it between two calls, and given back.
    Large,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Chain,
        Self::Fan,
        Self::Wait,
        Self::Ask,
        Self::Cancel,
        Self::Model,
        Self::Large,
    ];

    /// The steps that call the outside.
    pub(crate) const fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Chain | Self::Cancel => &["one", "two", "three"],
            Self::Fan => &["north", "east", "south", "west"],
            Self::Large => &["one", "two"],
            Self::Wait | Self::Ask | Self::Model => &["one"],
        }
    }

    /// The input of a run.
    pub(crate) fn input(self, run: u64, organization: &str) -> Value {
        let mut input = json!({"run": run, "org": organization});
        if self == Self::Large {
            input["text"] = json!(format!("{run:016x}").repeat(WORDS));
        }
        input
    }

    /// What a run of it gives back.
    pub(crate) fn output(self, run: u64) -> Value {
        match self {
            Self::Large => json!(format!("{run}{}", format!("{run:016x}").repeat(WORDS))),
            Self::Chain | Self::Fan | Self::Wait | Self::Ask | Self::Cancel | Self::Model => {
                json!(run)
            }
        }
    }

    /// What is executed.
    pub(crate) fn definition(self, ledger: &str) -> Value {
        let call = |id: &&str| {
            json!({"id": id, "type": "http", "retry": {"max_attempts": 5, "backoff_ms": 100}, "config": {
                "method": "POST", "url": format!("{ledger}/{id}"),
                "body": {"json": {"run": "{{ input.run }}", "org": "{{ input.org }}"}}}})
        };
        let mut nodes: Vec<Value> = vec![json!({"id": "start", "type": "trigger"})];
        nodes.extend(self.calls().iter().map(call));
        let value = match self {
            Self::Large => "{{ nodes.fill.output }}",
            _ => "{{ input.run }}",
        };
        nodes.push(json!({"id": "end", "type": "output", "config": {"value": value}}));
        let edges = match self {
            Self::Chain | Self::Cancel => path(&["start", "one", "two", "three", "end"]),
            Self::Fan => {
                let both = |id: &&str| [edge("start", id), edge(id, "end")];
                self.calls().iter().flat_map(both).collect()
            }
            Self::Wait => {
                nodes.push(json!({"id": "nap", "type": "wait", "config": {"seconds": 0.7}}));
                path(&["start", "nap", "one", "end"])
            }
            Self::Ask => {
                nodes.push(json!({"id": "ask", "type": "approval", "config": {"title": "Go on?"}}));
                let mut edges = path(&["one", "end"]);
                edges.push(edge("start", "ask"));
                edges.push(json!({"from": "ask", "from_port": "approve", "to": "one"}));
                edges
            }
            Self::Model => {
                let question =
                    json!({"prompt": "Run {{ input.run }}.", "model": "vendor/fake-large"});
                nodes.push(json!({"id": "model", "type": "llm", "config": question, "retry": {"max_attempts": 5, "backoff_ms": 100}}));
                path(&["start", "model", "one", "end"])
            }
            Self::Large => {
                let made = json!({"value": "{{ input.run }}{{ input.text }}"});
                nodes.push(json!({"id": "fill", "type": "transform", "config": made}));
                path(&["start", "one", "fill", "two", "end"])
            }
        };
        json!({"nodes": nodes, "edges": edges})
    }
}

fn edge(from: &str, to: &str) -> Value {
    json!({"from": from, "to": to})
}

fn path(nodes: &[&str]) -> Vec<Value> {
    nodes
        .windows(2)
        .map(|pair| edge(pair[0], pair[1]))
        .collect()
}
