//! The flows of the load: each calls the outside at steps whose names tell the ledger what was done.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The name of the event that [`Kind::Heard`] waits for.
pub(crate) const EVENT: &str = "go";
/// The step of an agent that calls its tool, first of its first answer.
pub(crate) const TOOL_STEP: &str = "agent/tool:0.0";
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
    /// A map whose body calls, two items at a time.
    Each,
    /// A loop of three rounds, each a call.
    Rounds,
    /// An event of an integrator, then a call.
    Heard,
    /// Two calls and a failure, for which both are undone and an error handler is run.
    Undo,
    /// An agent that calls its tool and then says something.
    Agent,
    /// A flow of the kind [`Kind::Model`], as an execution of its own.
    Within,
}

/// What the flows of an organization refer to.
pub(crate) struct World<'a> {
    /// Where the ledger is.
    pub(crate) ledger: &'a str,
    /// The id of an agent with a tool that writes into the ledger.
    pub(crate) agent: &'a str,
    /// The flows that are published already.
    pub(crate) flows: &'a BTreeMap<Kind, String>,
}

/// Nodes, and the edges between them.
type Steps = (Vec<Value>, Vec<Value>);

impl Kind {
    /// In an order in which none refers to a later one.
    pub(crate) const ALL: [Self; 13] = [
        Self::Chain,
        Self::Fan,
        Self::Wait,
        Self::Ask,
        Self::Cancel,
        Self::Model,
        Self::Large,
        Self::Each,
        Self::Rounds,
        Self::Heard,
        Self::Undo,
        Self::Agent,
        Self::Within,
    ];

    /// The steps that call the outside, each at the path of its name.
    pub(crate) const fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Chain | Self::Cancel => &["one", "two", "three"],
            Self::Fan => &["north", "east", "south", "west"],
            Self::Large => &["one", "two"],
            Self::Wait | Self::Ask | Self::Model | Self::Heard => &["one"],
            Self::Each => &["each:0/item", "each:1/item", "each:2/item", "each:3/item"],
            Self::Rounds => &["rounds:0/turn", "rounds:1/turn", "rounds:2/turn"],
            Self::Undo => &["one", "two", "undo_one", "undo_two"],
            Self::Agent => &[TOOL_STEP],
            // They are those of the other execution.
            Self::Within => &[],
        }
    }

    /// What the execution that it begins is.
    pub(crate) const fn begins(self) -> Option<Self> {
        match self {
            Self::Within => Some(Self::Model),
            _ => None,
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
            Self::Each => json!([[run, 0], [run, 1], [run, 2], [run, 3]]),
            Self::Rounds => json!([run, 3]),
            _ => json!(run),
        }
    }

    /// What is executed.
    pub(crate) fn definition(self, world: &World<'_>) -> Value {
        let (steps, edges) = self.steps(world);
        let mut nodes = vec![json!({"id": "start", "type": "trigger"})];
        nodes.extend(steps);
        nodes.push(json!({"id": "end", "type": "output", "config": {"value": self.value()}}));
        json!({"nodes": nodes, "edges": edges})
    }

    /// What the output says, as a template.
    fn value(self) -> Value {
        match self {
            Self::Large => json!("{{ nodes.fill.output }}"),
            Self::Each => json!("{{ nodes.each.output }}"),
            Self::Rounds => json!(["{{ input.run }}", "{{ nodes.rounds.output.rounds }}"]),
            Self::Within => json!("{{ nodes.sub.output }}"),
            _ => json!("{{ input.run }}"),
        }
    }

    /// The nodes between the trigger and the output, and the edges of all.
    fn steps(self, world: &World<'_>) -> Steps {
        let call = |id: &str| calling(world.ledger, id, id);
        let calls = || self.calls().iter().map(|id| call(id)).collect();
        let node =
            |id: &str, kind: &str, config: Value| json!({"id": id, "type": kind, "config": config});
        match self {
            Self::Chain | Self::Cancel => (calls(), path(&["start", "one", "two", "three", "end"])),
            Self::Fan => {
                let both = |id: &&str| [edge("start", id), edge(id, "end")];
                (calls(), self.calls().iter().flat_map(both).collect())
            }
            Self::Wait => {
                let nap = node("nap", "wait", json!({"seconds": 0.7}));
                (
                    vec![nap, call("one")],
                    path(&["start", "nap", "one", "end"]),
                )
            }
            Self::Ask => asked(call("one")),
            Self::Model => {
                let question =
                    json!({"prompt": "Run {{ input.run }}.", "model": "vendor/fake-large"});
                let model = again(node("model", "llm", question));
                (
                    vec![model, call("one")],
                    path(&["start", "model", "one", "end"]),
                )
            }
            Self::Large => {
                let made = json!({"value": "{{ input.run }}{{ input.text }}"});
                let fill = node("fill", "transform", made);
                let edges = path(&["start", "one", "fill", "two", "end"]);
                (vec![fill, call("one"), call("two")], edges)
            }
            Self::Each => each(world.ledger),
            Self::Rounds => {
                let rounds = node("rounds", "loop", json!({"until": "index == 3"}));
                let turn = calling(world.ledger, "turn", "rounds:{{ index }}/turn");
                let edges = path(&["start", "rounds", "end"]);
                (vec![rounds, within(turn, "rounds")], edges)
            }
            Self::Heard => {
                let event = json!({"name": EVENT, "pointer": "/run", "key": "{{ input.run }}"});
                let heard = node("heard", "event", event);
                (
                    vec![heard, call("one")],
                    path(&["start", "heard", "one", "end"]),
                )
            }
            Self::Undo => undone(world.ledger),
            Self::Agent => {
                let prompt = "Run {{ input.run }} of {{ input.org }}.";
                let config = json!({"agent_id": world.agent, "prompt": prompt});
                (
                    vec![again(node("agent", "agent", config))],
                    path(&["start", "agent", "end"]),
                )
            }
            Self::Within => {
                let of = self.begins().and_then(|kind| world.flows.get(&kind));
                let config = json!({"flow_id": of, "input": "{{ input }}"});
                (
                    vec![node("sub", "flow", config)],
                    path(&["start", "sub", "end"]),
                )
            }
        }
    }
}

/// A person's answer, then the call `one`.
fn asked(one: Value) -> Steps {
    let ask = json!({"id": "ask", "type": "approval", "config": {"title": "Go on?"}});
    let mut edges = path(&["one", "end"]);
    edges.push(edge("start", "ask"));
    edges.push(json!({"from": "ask", "from_port": "approve", "to": "one"}));
    (vec![ask, one], edges)
}

/// A map over four items: each is called with, and gives the run and its index.
fn each(ledger: &str) -> Steps {
    let items = json!({"items": [0, 1, 2, 3], "parallel": 2});
    let made = json!({"value": ["{{ input.run }}", "{{ index }}"]});
    let made = json!({"id": "made", "type": "transform", "config": made});
    let item = calling(ledger, "item", "each:{{ index }}/item");
    let nodes = vec![
        json!({"id": "each", "type": "map", "config": items}),
        within(item, "each"),
        within(made, "each"),
    ];
    let mut edges = path(&["start", "each", "end"]);
    edges.push(edge("item", "made"));
    (nodes, edges)
}

/// Two calls that can be undone, a step that fails, and what is said then.
fn undone(ledger: &str) -> Steps {
    let call = |id: &str| calling(ledger, id, id);
    let undo = |id: &str| {
        let mut node = call(&format!("undo_{id}"));
        node["compensates"] = json!(id);
        node
    };
    let missing = json!({"value": "{{ input.missing }}"});
    let nodes = vec![
        call("one"),
        call("two"),
        undo("one"),
        undo("two"),
        json!({"id": "bad", "type": "transform", "config": missing}),
        json!({"id": "sorry", "type": "error_handler"}),
        json!({"id": "said", "type": "output", "config": {"value": "{{ input.run }}"}}),
    ];
    let mut edges = path(&["start", "one", "two", "bad", "end"]);
    edges.push(edge("sorry", "said"));
    (nodes, edges)
}

/// A call at a path of the ledger.
fn calling(ledger: &str, id: &str, path: &str) -> Value {
    again(json!({"id": id, "type": "http", "config": {
        "method": "POST", "url": format!("{ledger}/{path}"),
        "body": {"json": {"run": "{{ input.run }}", "org": "{{ input.org }}"}}}}))
}

/// The node, tried again where an attempt fails.
fn again(mut node: Value) -> Value {
    node["retry"] = json!({"max_attempts": 5, "backoff_ms": 100});
    node
}

/// The node, in the body of another one.
fn within(mut node: Value, parent: &str) -> Value {
    node["parent"] = json!(parent);
    node
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
