//! Whose outputs a step sees, and which are the value of a body or of the execution.
//!
//! **Invariant:** what a step sees has settled for good, so that it is the same whenever it is looked at.

use graph::{
    NodeIndex,
    expression::{Round, Scope},
};
use serde_json::{Map, Value, json};

use super::{
    inline::OUTPUT,
    state::{At, Stage, State, Step},
};

/// What expressions of a node see: of the other nodes, those that have settled for good.
pub(crate) fn scope<'a>(state: &'a State, at: At, round: Round<'a>) -> Scope<'a> {
    let data = &state.data;
    Scope::new(
        &data.input,
        outputs(state, at),
        &state.execution,
        &data.vars,
        round,
    )
}

/// By id, the outputs that a step sees.
fn outputs(state: &State, at: At) -> impl Iterator<Item = (&str, &Value)> {
    let visible = state.node_index(at).map(|node| state.plan.visible(node));
    visible.into_iter().flatten().map(move |node| {
        let output = state.output(state.seen(at, *node));
        (state.plan.node(*node).id.as_str(), output)
    })
}

/// What the code of a node gets: `{input, nodes: {<id>: {output}}}`, and in a body `item`, `index` and `previous`.
pub(crate) fn argument(state: &State, at: At) -> Value {
    let nodes = outputs(state, at).map(|(id, output)| (id.to_owned(), json!({ "output": output })));
    let nodes: Map<String, Value> = nodes.collect();
    let mut argument = json!({ "input": state.data.input, "nodes": nodes });
    let Round {
        item,
        index,
        previous,
    } = state.round(at);
    for (name, value) in [("item", item), ("index", index), ("previous", previous)] {
        if let Some(value) = value {
            argument[name] = value.clone();
        }
    }
    argument
}

/// What comes in by the node's edges: the output of the node before it; an object by node id where there are several.
pub(crate) fn incoming(state: &State, at: At) -> Value {
    let Some(node) = state.node_index(at) else {
        return Value::Null;
    };
    let edges = state.plan.incoming(node).iter();
    let mut from: Vec<_> = edges.map(|edge| edge.from).collect();
    from.sort_unstable();
    from.dedup();
    match from[..] {
        [only] => state.output(state.seen(at, only)).clone(),
        _ => by_id(state, at, &from),
    }
}

/// The outputs of the nodes that had come to a join, by their ids.
pub(crate) fn arrived(state: &State, at: At) -> Value {
    let decisions = state.decisions(state.iteration_of(at));
    match state.node_index(at).zip(decisions) {
        Some((node, decisions)) => by_id(state, at, decisions.arrived(node)),
        None => Value::Null,
    }
}

/// The value of an iteration, or of the execution: that of the output node that was reached; an object by node id where
/// several were, null where none was. An iteration whose body has no output node has the outputs of its last nodes.
pub(crate) fn result(state: &State, iteration: Option<u32>) -> Value {
    let of = iteration.and_then(|number| state.node_index(state.iteration(number).of));
    let body = match (iteration, state.stage()) {
        (None, Some(Stage::Handling)) => state.plan.handling(),
        _ => state.plan.body(of),
    };
    let is_output = |node: &NodeIndex| state.plan.node(*node).kind == OUTPUT;
    let has_output = iteration.is_none() || body.iter().any(is_output);
    let counts = |node: &NodeIndex| match has_output {
        true => is_output(node),
        false => state.plan.outgoing(*node).is_empty(),
    };
    let is_reached =
        |node: &NodeIndex| state.step(state.step_in(iteration, *node)) == Step::Settled;
    let reached = body.iter().filter(|node| counts(node) && is_reached(node));
    let value = |node: NodeIndex| state.output(state.step_in(iteration, node)).clone();
    match reached.copied().collect::<Vec<_>>()[..] {
        [] => Value::Null,
        [only] => value(only),
        ref several => {
            let id = |node: NodeIndex| state.plan.node(node).id.clone();
            let values = several.iter().map(|node| (id(*node), value(*node)));
            Value::Object(values.collect())
        }
    }
}

fn by_id(state: &State, at: At, nodes: &[NodeIndex]) -> Value {
    let several = nodes.iter().map(|node| {
        let id = state.plan.node(*node).id.clone();
        (id, state.output(state.seen(at, *node)).clone())
    });
    Value::Object(several.collect())
}
