//! The flows of the load: each calls the outside at steps whose names tell the ledger what was done.

use serde_json::{Value, json};

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
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Chain,
        Self::Fan,
        Self::Wait,
        Self::Ask,
        Self::Cancel,
        Self::Model,
    ];

    /// The steps that call the outside.
    pub(crate) const fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Chain | Self::Cancel => &["one", "two", "three"],
            Self::Fan => &["north", "east", "south", "west"],
            Self::Wait | Self::Ask | Self::Model => &["one"],
        }
    }

    /// What is executed; the input is `{run, org}`.
    pub(crate) fn definition(self, ledger: &str) -> Value {
        let call = |id: &&str| {
            json!({"id": id, "type": "http", "retry": {"max_attempts": 5, "backoff_ms": 100}, "config": {
                "method": "POST", "url": format!("{ledger}/{id}"),
                "body": {"json": {"run": "{{ input.run }}", "org": "{{ input.org }}"}}}})
        };
        let mut nodes: Vec<Value> = vec![json!({"id": "start", "type": "trigger"})];
        nodes.extend(self.calls().iter().map(call));
        nodes.push(json!({"id": "end", "type": "output", "config": {"value": "{{ input.run }}"}}));
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
