//! What expressions see: `input`, `nodes.<id>.output`, `execution`, `vars` in a flow, in its bodies `item`, `index` and
//! `previous` too, `arguments` in a tool, `output` in a guardrail.

use std::{cell::RefCell, collections::BTreeMap};

use contracts::flow::{Definition, Node};
use minijinja::{Value, value::Serde};
use serde_json::Value as Json;

use super::{
    budget::{self, Refused},
    json,
    names::{Names, Reference},
};
use crate::{LOOP, MAP};

/// Values that one input or output may be made of where an expression computes with it: as many as 1 MiB of JSON holds.
const MAX_VALUES: usize = 512 * 1024;

/// The names every expression of a flow may begin with.
const ROOTS: [&str; 4] = ["input", "nodes", "execution", "vars"];
/// What the body of a map has beside them.
const ITEM: &str = "item";
/// What every body has beside them.
const INDEX: &str = "index";
/// What a loop and its body have beside them.
const PREVIOUS: &str = "previous";
/// The name an expression of a crew's task may begin with.
pub const INPUT: &str = "input";
/// The name an expression of a tool may begin with.
pub const ARGUMENTS: &str = "arguments";
/// The name a guardrail of an agent may begin with.
pub const OUTPUT: &str = "output";

/// The names that expressions of this node may begin with.
pub fn roots(definition: &Definition, node: &Node) -> Vec<&'static str> {
    let mut roots = ROOTS.to_vec();
    let find = |id: &str| definition.nodes.iter().find(|node| node.id == id);
    let parent = |node: &&Node| find(node.parent.as_deref()?);
    let parents = std::iter::successors(parent(&node), parent).take(definition.nodes.len());
    // The conditions of a loop see what its body sees.
    let own = (node.kind == LOOP).then_some(node);
    for outer in own.into_iter().chain(parents) {
        let names: &[&str] = match outer.kind.as_str() {
            MAP => &[ITEM, INDEX],
            LOOP => &[INDEX, PREVIOUS],
            _ => &[],
        };
        for name in names {
            if !roots.contains(name) {
                roots.push(name);
            }
        }
    }
    // What is undone is undone after its loop has ended.
    roots.retain(|root| *root != PREVIOUS || node.compensates.is_none());
    roots
}

/// Where in the bodies of a flow an expression stands; of several bodies the innermost that has it counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round<'a> {
    pub item: Option<&'a Json>,
    pub index: Option<&'a Json>,
    pub previous: Option<&'a Json>,
}

/// What the expressions of one node see. They share one budget.
pub struct Scope<'a> {
    /// All but `nodes`.
    roots: BTreeMap<&'static str, &'a Json>,
    outputs: BTreeMap<&'a str, &'a Json>,
    /// For minijinja, made of what the expressions so far have named.
    converted: RefCell<Converted<'a>>,
    budget: (&'static str, Value),
}

#[derive(Default)]
struct Converted<'a> {
    roots: BTreeMap<&'static str, Value>,
    nodes: BTreeMap<&'a str, Value>,
}

impl<'a> Scope<'a> {
    /// `outputs` are the outputs of the settled nodes by node id, null where a node was skipped; `execution` is
    /// `{id, flow_id, started_at}`.
    pub fn new(
        input: &'a Json,
        outputs: impl IntoIterator<Item = (&'a str, &'a Json)>,
        execution: &'a Json,
        vars: &'a Json,
        round: Round<'a>,
    ) -> Self {
        let roots = [("input", input), ("execution", execution), ("vars", vars)];
        let bodies = [
            (ITEM, round.item),
            (INDEX, round.index),
            (PREVIOUS, round.previous),
        ];
        let bodies = bodies
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let roots = roots.into_iter().chain(bodies).collect();
        Self::with(roots, outputs.into_iter().collect())
    }

    /// The arguments of a tool, and nothing else.
    pub fn of_arguments(arguments: &'a Json) -> Self {
        Self::with([(ARGUMENTS, arguments)].into(), BTreeMap::new())
    }

    /// The answer of an agent, and nothing else.
    pub fn of_output(output: &'a Json) -> Self {
        Self::with([(OUTPUT, output)].into(), BTreeMap::new())
    }

    /// The input of a crew, and nothing else.
    pub fn of_input(input: &'a Json) -> Self {
        Self::with([(INPUT, input)].into(), BTreeMap::new())
    }

    /// Nothing but what the expression itself says.
    pub fn empty() -> Self {
        Self::with(BTreeMap::new(), BTreeMap::new())
    }

    fn with(roots: BTreeMap<&'static str, &'a Json>, outputs: BTreeMap<&'a str, &'a Json>) -> Self {
        Self {
            roots,
            outputs,
            converted: RefCell::default(),
            budget: budget::entry(),
        }
    }

    /// Follows a plain path such as `nodes.a.output.b` through objects. The outer none means that the path is of another
    /// kind, the inner one that nothing is there.
    pub(super) fn lookup(&self, path: &[&str]) -> Option<Option<&'a Json>> {
        let (root, rest) = path.split_first()?;
        let (mut value, rest) = match (*root, rest) {
            ("nodes", [id, "output", rest @ ..]) => (self.outputs.get(id).copied(), rest),
            ("nodes", _) => return None,
            (root, rest) => (Some(self.root(root)?), rest),
        };
        // Lists and strings have keys of their own in Jinja: only objects are followed here.
        for key in rest {
            value = match value {
                Some(Json::Object(object)) => object.get(*key),
                Some(_) => return None,
                None => None,
            };
        }
        Some(value)
    }

    fn root(&self, name: &str) -> Option<&'a Json> {
        self.roots.get(name).copied()
    }

    /// The context for an expression: only what it names is converted, and once for all expressions of the scope.
    ///
    /// # Errors
    /// When one of it is made of too many values.
    pub(super) fn context(&self, names: &Names<'_>) -> Result<Value, Refused> {
        let mut converted = self.converted.borrow_mut();
        let named = self.roots.iter();
        for (root, json) in named.filter(|(root, _)| names.roots.contains(root)) {
            if !converted.roots.contains_key(root) {
                converted.roots.insert(root, convert(json)?);
            }
        }
        let mut context: BTreeMap<&str, Value> = converted
            .roots
            .iter()
            .map(|(name, value)| (*name, value.clone()))
            .collect();
        if !names.nodes.is_empty() {
            context.insert("nodes", self.nodes(&mut converted, &names.nodes)?);
        }
        let (name, budget) = &self.budget;
        context.insert(name, budget.clone());
        Ok(Value::from(context))
    }

    fn nodes(
        &self,
        converted: &mut Converted<'a>,
        references: &[Reference<'_>],
    ) -> Result<Value, Refused> {
        let is_dynamic = references.contains(&Reference::Dynamic);
        let is_named = |id: &str| {
            let names = |reference: &Reference<'_>| matches!(reference, Reference::Node { id: named, .. } if *named == id);
            is_dynamic || references.iter().any(names)
        };
        let named = self.outputs.iter().filter(|(id, _)| is_named(id));
        let mut nodes = BTreeMap::new();
        for (id, output) in named {
            let node = match converted.nodes.get(id) {
                Some(node) => node.clone(),
                None => minijinja::context! { output => convert(output)? },
            };
            converted.nodes.insert(id, node.clone());
            nodes.insert(*id, node);
        }
        Ok(Value::from(nodes))
    }
}

/// The bytes of a value cost little, each of the values in it costs an allocation.
fn convert(json: &Json) -> Result<Value, Refused> {
    match json::has_more(json, &mut { MAX_VALUES }) {
        true => Err(budget::TOO_MANY),
        false => Ok(Value::from(Serde(json))),
    }
}
