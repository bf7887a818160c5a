//! What an execution takes over from another: the outputs of its steps that would be the same.
//!
//! A step is the same where its node, all that it may read and all that stands in its body are, and the variables they name.
//! Nodes in bodies are taken over with the body, or with an iteration that was done of a map or a loop that was not, or not
//! at all; agents and crews with all their calls or not at all. What was to be undone is not taken over.
//!
//! **Invariant:** what is taken over depends on nothing that is not: every output that a step may have seen was taken over, or
//! its node is skipped once more.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    execution::Pin,
    flow::{Edge, Node},
    id::ExecutionId,
    live::{ExecutionEvent, Frame},
    payload,
};
use graph::NodeIndex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::program::{ALL_VARIABLES, Program};

/// Bytes of JSON that an execution may take over in all and that stand in the first record of its log.
const MAX_INLINE: usize = 4 * 1024 * 1024;
/// Bytes of JSON that it may take over in all and that stand apart from that record.
const MAX_APART: usize = 32 * 1024 * 1024;

/// An output that a node has without being run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reused {
    pub(crate) node: String,
    pub(crate) output: Value,
    pub(crate) port: String,
    /// The execution that gave it; none where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<ExecutionId>,
    /// Whether it is taken even where no edge leads to the node.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) anyway: bool,
}

impl Reused {
    /// What an iteration of a node gave: its path is `<node>:<index>`.
    pub(crate) fn of_iteration(node: &str, index: u32, output: &Value, from: ExecutionId) -> Self {
        Self {
            node: format!("{node}:{index}"),
            output: output.clone(),
            port: Edge::DEFAULT_PORT.to_owned(),
            from: Some(from),
            anyway: false,
        }
    }

    /// The node and the index, where it is an iteration.
    pub(crate) fn iteration(&self) -> Option<(&str, u32)> {
        let (node, index) = self.node.rsplit_once(':')?;
        Some((node, index.parse().ok()?))
    }
}

/// Whether an execution may take over all that.
pub(crate) fn fits(reused: &[Reused]) -> bool {
    let (apart, inline): (Vec<_>, Vec<_>) = reused
        .iter()
        .partition(|it| payload::exceeds(&it.output, payload::INLINE));
    let bytes: usize = apart.iter().map(|it| payload::json_bytes(&it.output)).sum();
    bytes <= MAX_APART && serde_json::to_vec(&inline).is_ok_and(|text| text.len() <= MAX_INLINE)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What an execution takes over before it begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TakenOver {
    pub(crate) reused: Vec<Reused>,
    /// Nodes that are skipped when it is their turn.
    pub(crate) left_out: Vec<String>,
}

/// The history of an execution, as far as its steps can be taken over.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    id: ExecutionId,
    pub(crate) definition_hash: String,
    variables: BTreeMap<String, String>,
    settled: BTreeMap<String, (Value, String)>,
    /// What iterations gave, by their node and index.
    iterations: BTreeMap<String, BTreeMap<u32, Value>>,
    skipped: BTreeSet<String>,
    undone: BTreeSet<String>,
}

/// Whether the other execution settles a node as this one did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    Reused,
    Skipped,
    Anew,
}

impl Past {
    pub(crate) fn new(id: ExecutionId) -> Self {
        Self {
            id,
            definition_hash: String::new(),
            variables: BTreeMap::new(),
            settled: BTreeMap::new(),
            iterations: BTreeMap::new(),
            skipped: BTreeSet::new(),
            undone: BTreeSet::new(),
        }
    }

    /// Takes the next event into account.
    pub(crate) fn take(&mut self, frame: Frame) {
        let (node, output, port) = match frame.event {
            ExecutionEvent::ExecutionStarted {
                definition_hash,
                variables,
                ..
            } => {
                self.definition_hash = definition_hash;
                self.variables = variables;
                return;
            }
            ExecutionEvent::CompensationStarted { steps } => {
                self.undone = steps.iter().map(|step| outermost(step)).collect();
                return;
            }
            ExecutionEvent::StepSkipped { node } => {
                self.skipped.insert(node);
                return;
            }
            ExecutionEvent::IterationSucceeded {
                node,
                index,
                output,
                ..
            } if !node.contains('/') => {
                self.iterations
                    .entry(node)
                    .or_default()
                    .insert(index, output);
                return;
            }
            ExecutionEvent::StepSucceeded {
                node, output, port, ..
            }
            | ExecutionEvent::StepReused {
                node, output, port, ..
            }
            | ExecutionEvent::AnswerGiven {
                node, output, port, ..
            } => (node, output, port),
            ExecutionEvent::StepFailed {
                node,
                output,
                port: Some(port),
                ..
            } => (node, output.unwrap_or_default(), port),
            _ => return,
        };
        // Steps of bodies and of agents belong to their node.
        if !node.contains('/') {
            self.settled.insert(node, (output, port));
        }
    }

    /// The port at which a node went on.
    pub(crate) fn port(&self, node: &str) -> Option<&str> {
        self.settled.get(node).map(|(_, port)| port.as_str())
    }

    /// The outputs that an execution of `new` takes over, which sees the variables `vars`. `old` is what this one executed; the
    /// nodes in `anew` run whatever became of them.
    pub(crate) fn reused(
        &self,
        old: &Program,
        new: &Program,
        anew: &BTreeSet<&str>,
        vars: &Value,
    ) -> Vec<Reused> {
        let changed = self.changed(new, vars);
        let mut again = vec![Again::Anew; new.nodes().len()];
        let mut reused = Vec::new();
        for index in in_order(new) {
            let node = new.node(index);
            let is = |other: NodeIndex| again[usize::from(other.0)];
            let is_same = || self.is_same(old, new, index, &changed, is);
            let verdict = if anew.contains(node.id.as_str()) || new.is_compensation(index) {
                Again::Anew
            } else if self.skipped.contains(&node.id) {
                let before = new.incoming(index).iter();
                let is_as_it_was = edges(old, &node.id) == edges(new, &node.id)
                    && is_unchanged(old, new, &node.id);
                match is_as_it_was && before.clone().all(|edge| is(edge.from) != Again::Anew) {
                    true => Again::Skipped,
                    false => Again::Anew,
                }
            } else if let Some((output, port)) = self.settled.get(&node.id) {
                match had_the_same(new, index, output, is) && is_same() {
                    true => {
                        reused.push(Reused {
                            node: node.id.clone(),
                            output: output.clone(),
                            port: port.clone(),
                            from: Some(self.id),
                            anyway: false,
                        });
                        Again::Reused
                    }
                    false => Again::Anew,
                }
            } else {
                if self.iterations.contains_key(&node.id) && is_same() {
                    reused.extend(self.iterations_of(new, index));
                }
                Again::Anew
            };
            again[usize::from(index.0)] = verdict;
        }
        reused
    }

    /// Whether a node is what it was, and reads what it read.
    fn is_same(
        &self,
        old: &Program,
        new: &Program,
        index: NodeIndex,
        changed: &BTreeSet<String>,
        is: impl Fn(NodeIndex) -> Again,
    ) -> bool {
        let node = new.node(index);
        let seen = new.visible(index);
        !self.undone.contains(&node.id)
            && seen.iter().all(|seen| is(*seen) != Again::Anew)
            && new.variables_of(index).is_disjoint(changed)
            && is_unchanged(old, new, &node.id)
    }

    /// The iterations of a map or a loop that came to no end which were done: each is taken over whole, or begun anew. None
    /// where a step of the body can be undone: nobody would know later that it has to be.
    fn iterations_of(&self, new: &Program, index: NodeIndex) -> Vec<Reused> {
        let node = &new.node(index).id;
        let done = self
            .iterations
            .get(node)
            .filter(|_| !is_undoable(new, index));
        let done = done.into_iter().flatten();
        done.map(|(index, output)| Reused::of_iteration(node, *index, output, self.id))
            .collect()
    }

    /// The variables that `new` names and whose values are others now, or were not noted.
    fn changed(&self, new: &Program, vars: &Value) -> BTreeSet<String> {
        let present = variables(new, self.id, vars);
        let is_changed =
            |(name, hash): &(&String, &String)| self.variables.get(*name) != Some(hash);
        let changed = present.iter().filter(is_changed);
        changed.map(|(name, _)| name.clone()).collect()
    }
}

/// Whether a join has seen what it would see now: one that did not wait for all has only seen those that came.
fn had_the_same(
    program: &Program,
    index: NodeIndex,
    output: &Value,
    is: impl Fn(NodeIndex) -> Again,
) -> bool {
    let came = output
        .as_object()
        .filter(|_| program.node(index).kind == "join");
    let mut came = came.into_iter().flat_map(|came| came.keys());
    came.all(|id| program.index(id).is_some_and(|it| is(it) == Again::Reused))
}

fn is_undoable(program: &Program, index: NodeIndex) -> bool {
    let mut inner = program.body(Some(index)).iter();
    inner.any(|inner| program.is_compensation(*inner) || is_undoable(program, *inner))
}

/// Hashes of the variables that a program names, by their names. Salted with the execution, so that they tell of equality
/// within it and of nothing else.
pub(crate) fn variables(
    program: &Program,
    execution: ExecutionId,
    vars: &Value,
) -> BTreeMap<String, String> {
    let hashed = program.variables().map(|name| {
        let value = match name.as_str() {
            ALL_VARIABLES => vars,
            name => vars.get(name).unwrap_or(&Value::Null),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(execution.uuid().as_bytes());
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(value.to_string().as_bytes());
        let mut hash = hasher.finalize().to_hex().to_string();
        hash.truncate(32);
        (name.clone(), hash)
    });
    hashed.collect()
}

/// An output that someone gives a node, and the port by which it goes on.
///
/// # Errors
/// What is wrong with the node or the port.
pub(crate) fn given(
    program: &Program,
    node: &str,
    pin: Pin,
    before: Option<&str>,
) -> Result<Reused, String> {
    let index = standing(program, node)?;
    let port = pin.port.as_deref().or(before);
    let port = port.unwrap_or(Edge::DEFAULT_PORT).to_owned();
    let mut leaving = program.outgoing(index).iter();
    let is_known = [Some(Edge::DEFAULT_PORT), before].contains(&Some(port.as_str()))
        || leaving.any(|edge| edge.port == port);
    if !is_known {
        return Err(format!("node `{node}` has no port `{port}`"));
    }
    Ok(Reused {
        node: node.to_owned(),
        output: pin.output,
        port,
        from: None,
        anyway: false,
    })
}

/// The nodes that a test leaves out: all that neither leads to `until` (to any end, where none is named) nor is named by what
/// does. What has an output already needs nothing before it.
pub(crate) fn left_out(
    program: &Program,
    until: Option<NodeIndex>,
    given: &BTreeSet<NodeIndex>,
) -> Vec<String> {
    let outer = program.body(None).iter().copied();
    let has_turn = |node: &NodeIndex| !program.is_compensation(*node);
    let mut open: Vec<_> = match until {
        Some(until) => vec![until],
        None => outer
            .clone()
            .filter(|node| program.outgoing(*node).is_empty())
            .collect(),
    };
    let mut wanted = BTreeSet::new();
    while let Some(node) = open.pop() {
        if !wanted.insert(node) || given.contains(&node) {
            continue;
        }
        open.extend(program.incoming(node).iter().map(|edge| edge.from));
        open.extend(named(program, node));
    }
    let is_left_out = |node: &NodeIndex| !wanted.contains(node) && !given.contains(node);
    let left_out = outer.filter(has_turn).filter(is_left_out);
    left_out.map(|node| program.node(node).id.clone()).collect()
}

/// The nodes outside of all bodies that a node names, or one in its body.
fn named(program: &Program, index: NodeIndex) -> Vec<NodeIndex> {
    let node = program.node(index);
    let mut names = graph::reads(node).nodes;
    if node.kind == "code" {
        // What code reads cannot be known; what it does not even mention it does not read.
        let text = serde_json::to_string(&node.config).unwrap_or_default();
        let seen = program.visible(index).iter();
        let ids = seen.map(|seen| program.node(*seen).id.clone());
        names.extend(ids.filter(|id| text.contains(id.as_str())));
    }
    let own = names.iter().filter_map(|id| program.index(id));
    let mut named: Vec<_> = own
        .filter(|index| program.parent(*index).is_none())
        .collect();
    for inner in program.body(Some(index)) {
        named.extend(self::named(program, *inner));
    }
    named
}

/// The node of this name, where it has a turn of its own in a run that does not fail.
///
/// # Errors
/// That there is none.
pub(crate) fn standing(program: &Program, node: &str) -> Result<NodeIndex, String> {
    let Some(index) = program.index(node) else {
        return Err(format!("there is no node `{node}`"));
    };
    if !program.body(None).contains(&index) || program.is_compensation(index) {
        return Err(format!(
            "node `{node}` stands in a body, undoes another or handles errors: it is not taken over or run by itself"
        ));
    }
    Ok(index)
}

/// The outermost node of a step's path.
pub(super) fn outermost(step: &str) -> String {
    let end = step.find(['/', ':', '#']).unwrap_or(step.len());
    step[..end].to_owned()
}

/// The nodes that stand in no body, each after those before it.
fn in_order(program: &Program) -> Vec<NodeIndex> {
    let mut waits: BTreeMap<NodeIndex, usize> = program
        .body(None)
        .iter()
        .map(|node| (*node, program.incoming(*node).len()))
        .collect();
    let mut ready: Vec<_> = waits
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(node, _)| *node)
        .collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(node) = ready.pop() {
        order.push(node);
        for edge in program.outgoing(node) {
            if let Some(count) = waits.get_mut(&edge.to) {
                *count -= 1;
                if *count == 0 {
                    ready.push(edge.to);
                }
            }
        }
    }
    order
}

/// What leads into a node, by ids and ports.
fn edges(program: &Program, node: &str) -> BTreeSet<(String, String)> {
    let Some(index) = program.index(node) else {
        return BTreeSet::new();
    };
    let edges = program.incoming(index).iter();
    edges
        .map(|edge| (program.node(edge.from).id.clone(), edge.port.clone()))
        .collect()
}

/// Whether a node gives the same in both where it sees the same.
pub(crate) fn is_unchanged(old: &Program, new: &Program, node: &str) -> bool {
    std::ptr::eq(old, new) || content(old, node) == content(new, node)
}

/// What is the same for nodes that give the same where they see the same; none where there is no such node.
fn content(program: &Program, node: &str) -> Option<String> {
    let index = program.index(node)?;
    let mut hasher = blake3::Hasher::new();
    note(program, index, &mut hasher);
    Some(hasher.finalize().to_hex().to_string())
}

fn note(program: &Program, index: NodeIndex, hasher: &mut blake3::Hasher) {
    let node = program.node(index);
    // How it is tried again, how long it may take and how it is drawn makes no other output.
    // What was upgraded gives the same as before, unless its version gives something else.
    let (kind, version) = (&node.kind, node.version());
    let config = graph::lowered(kind, version, node.config.clone());
    let config = config.unwrap_or_else(|_| node.config.clone());
    let outcome = graph::outcome_version(kind, version);
    let own = json!([kind, outcome, config, node.on_error, pinned(program, node)]);
    let around = match node.kind.as_str() {
        "custom" | "join" => json!(edges(program, &node.id)),
        "code" => {
            let seen = program.visible(index).iter();
            let ids: BTreeSet<_> = seen.map(|seen| &program.node(*seen).id).collect();
            json!(ids)
        }
        _ => Value::Null,
    };
    for part in [own.to_string(), around.to_string()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut body: Vec<_> = program.body(Some(index)).to_vec();
    body.sort_by_key(|inner| &program.node(*inner).id);
    for inner in body {
        let known = json!([
            program.node(inner).id,
            edges(program, &program.node(inner).id)
        ]);
        hasher.update(known.to_string().as_bytes());
        note(program, inner, hasher);
    }
}

/// The versions of what a node names.
fn pinned(program: &Program, node: &Node) -> Value {
    match node.kind.as_str() {
        "agent" => json!(program.agent(node).ok()),
        "crew" => json!(program.crew(node).ok()),
        "tool" => json!(program.tool(node).ok()),
        "flow" => json!(program.flow(node).ok()),
        _ => Value::Null,
    }
}
