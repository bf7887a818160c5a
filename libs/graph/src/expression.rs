//! Expressions in configurations: data only.
//!
//! A string is literal text with `{{ expressions }}` in between; nothing else has a meaning in it. A string that is
//! exactly one expression keeps the JSON type of its value; otherwise values are put into the text, strings as they
//! are and everything else as JSON. Expressions are those of Jinja (evaluated by minijinja) with the filters and tests
//! of [`filters`].
//!
//! **Invariant:** what an expression returns is never read as an expression again.
//! **Invariant:** the work and the bytes of an evaluation are bounded: fuel, source length, concatenations, output.

mod filters;
mod scan;

use std::{cell::OnceCell, collections::BTreeMap, sync::LazyLock};

use crate::node_types::verbatim_keys;
use contracts::flow::NodeConfig;
use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde_json::Value;

pub(crate) use scan::{Reference, references};
use scan::{Segment, path, segments};

/// Steps an expression may take.
const FUEL: u64 = 20_000;
/// Nested calls an expression may have.
const RECURSION: usize = 32;
/// Bytes of one expression's source.
const MAX_SOURCE: usize = 16 * 1024;
/// Concatenations and repetitions in one expression: each can at most add the largest operand.
const MAX_GROWTH: usize = 64;
/// Bytes of what a string or an expression may become.
pub const MAX_OUTPUT: usize = 1024 * 1024;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    filters::add_to(&mut environment);
    environment
});

/// Why an expression has no value. The text names the expression, never the data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {reason}")]
pub struct ExpressionError {
    pub expression: String,
    pub reason: String,
}

impl ExpressionError {
    fn new(expression: &str, reason: impl Into<String>) -> Self {
        let mut shown: String = expression.trim().chars().take(120).collect();
        if shown.len() < expression.trim().len() {
            shown.push('…');
        }
        Self {
            expression: shown,
            reason: reason.into(),
        }
    }
}

/// What expressions see.
pub struct Scope<'a> {
    input: &'a Value,
    outputs: BTreeMap<&'a str, &'a Value>,
    execution: &'a Value,
    vars: &'a Value,
    /// The same for minijinja, made when the first expression needs it.
    context: OnceCell<minijinja::Value>,
}

impl<'a> Scope<'a> {
    /// `outputs` are the outputs of the settled nodes by node id; `execution` is `{id, flow_id, started_at}`.
    pub fn new(
        input: &'a Value,
        outputs: impl IntoIterator<Item = (&'a str, &'a Value)>,
        execution: &'a Value,
        vars: &'a Value,
    ) -> Self {
        Self {
            input,
            outputs: outputs.into_iter().collect(),
            execution,
            vars,
            context: OnceCell::new(),
        }
    }

    /// Follows a plain path such as `nodes.a.output.b`; the outer none means that the path is not plain.
    fn lookup(&self, path: &[&str]) -> Option<Option<&'a Value>> {
        let (root, rest) = path.split_first()?;
        let (start, rest) = match *root {
            "input" => (Some(self.input), rest),
            "execution" => (Some(self.execution), rest),
            "vars" => (Some(self.vars), rest),
            "nodes" => match rest {
                [node, "output", rest @ ..] => (self.outputs.get(node).copied(), rest),
                _ => return None,
            },
            _ => return None,
        };
        // Lists and strings have methods and lengths in Jinja: only objects are followed here.
        let mut value = start;
        for key in rest {
            value = match value {
                Some(Value::Object(object)) => object.get(*key),
                Some(_) => return None,
                None => None,
            };
        }
        Some(value)
    }

    fn context(&self) -> &minijinja::Value {
        self.context.get_or_init(|| {
            let nodes: BTreeMap<&str, minijinja::Value> = self
                .outputs
                .iter()
                .map(|(id, output)| {
                    (
                        *id,
                        minijinja::context! { output => minijinja::Value::from(Serde(*output)) },
                    )
                })
                .collect();
            minijinja::context! {
                input => minijinja::Value::from(Serde(self.input)),
                nodes => nodes,
                execution => minijinja::Value::from(Serde(self.execution)),
                vars => minijinja::Value::from(Serde(self.vars)),
            }
        })
    }
}

/// The value of one expression, without braces.
///
/// # Errors
/// When it does not parse, names something that is not there, or goes beyond a bound.
pub fn evaluate(expression: &str, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    if let Some(found) = path(expression).and_then(|path| scope.lookup(&path)) {
        return found
            .cloned()
            .ok_or_else(|| ExpressionError::new(expression, "is not defined"));
    }
    let value = run(expression, scope)?;
    if value.is_undefined() {
        return Err(ExpressionError::new(expression, "is not defined"));
    }
    let value = serde_json::to_value(&value)
        .map_err(|_| ExpressionError::new(expression, "is no JSON value"))?;
    if size(&value) > MAX_OUTPUT {
        return Err(ExpressionError::new(expression, "is larger than 1 MiB"));
    }
    Ok(value)
}

/// Whether a condition holds. Braces around it may be there or not.
///
/// # Errors
/// As [`evaluate`].
pub fn condition(text: &str, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
    let expression = condition_source(text);
    if let Some(found) = path(expression).and_then(|path| scope.lookup(&path)) {
        let found = found.ok_or_else(|| ExpressionError::new(expression, "is not defined"))?;
        return Ok(minijinja::Value::from(Serde(found)).is_true());
    }
    let value = run(expression, scope)?;
    if value.is_undefined() {
        return Err(ExpressionError::new(expression, "is not defined"));
    }
    Ok(value.is_true())
}

/// The expression of a condition: `{{ a > b }}` and `a > b` mean the same.
pub(crate) fn condition_source(text: &str) -> &str {
    match segments(text).as_deref() {
        Ok([Segment::Expression(expression)]) => expression,
        _ => text,
    }
}

/// A node's configuration with all its strings rendered, but for those that its type takes as they are.
///
/// # Errors
/// The first expression that has no value.
pub fn render_config(
    kind: &str,
    config: &NodeConfig,
    scope: &Scope<'_>,
) -> Result<NodeConfig, ExpressionError> {
    let verbatim = verbatim_keys(kind);
    let render_entry = |(key, value): (&String, &Value)| {
        let value = if verbatim.contains(&key.as_str()) {
            value.clone()
        } else {
            render(value, scope)?
        };
        Ok((key.clone(), value))
    };
    config.iter().map(render_entry).collect()
}

/// A JSON value with all its strings rendered; keys of objects stay as they are.
///
/// # Errors
/// The first expression that has no value.
pub fn render(value: &Value, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    Ok(match value {
        Value::String(text) => render_text(text, scope)?,
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| render(item, scope))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(object) => {
            let entry = |(key, value): (&String, &Value)| Ok((key.clone(), render(value, scope)?));
            Value::Object(object.iter().map(entry).collect::<Result<_, _>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

fn render_text(text: &str, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    let segments = segments(text).map_err(|reason| ExpressionError::new(text, reason))?;
    if let [Segment::Expression(expression)] = segments.as_slice() {
        return evaluate(expression, scope);
    }
    let mut rendered = String::with_capacity(text.len());
    for segment in segments {
        match segment {
            Segment::Literal(literal) => rendered.push_str(literal),
            Segment::Expression(expression) => match evaluate(expression, scope)? {
                Value::String(text) => rendered.push_str(&text),
                other => rendered.push_str(&other.to_string()),
            },
        }
        if rendered.len() > MAX_OUTPUT {
            return Err(ExpressionError::new(text, "becomes larger than 1 MiB"));
        }
    }
    Ok(Value::String(rendered))
}

/// What is wrong with the syntax of an expression; none when nothing is.
pub(crate) fn syntax_error(expression: &str) -> Option<String> {
    compile(expression).err().map(|error| error.reason)
}

/// The names an expression reads that are not its own: `input`, `nodes`, …
pub(crate) fn roots(expression: &str) -> Vec<String> {
    let Ok(compiled) = compile(expression) else {
        return Vec::new();
    };
    let mut roots: Vec<_> = compiled.undeclared_variables(false).into_iter().collect();
    roots.sort();
    roots
}

/// The expressions of a text, without braces.
///
/// # Errors
/// Why the text cannot be cut into text and expressions.
pub(crate) fn expressions(text: &str) -> Result<Vec<&str>, &'static str> {
    let expression = |segment| match segment {
        Segment::Expression(expression) => Some(expression),
        Segment::Literal(_) => None,
    };
    Ok(segments(text)?.into_iter().filter_map(expression).collect())
}

fn compile(expression: &str) -> Result<minijinja::Expression<'_, '_>, ExpressionError> {
    if expression.len() > MAX_SOURCE {
        return Err(ExpressionError::new(expression, "is longer than 16 KiB"));
    }
    if scan::growth(expression) > MAX_GROWTH {
        return Err(ExpressionError::new(
            expression,
            "has more than 64 of the operators `~`, `+` and `*`",
        ));
    }
    ENVIRONMENT
        .compile_expression(expression)
        .map_err(|error| reason_of(expression, &error))
}

fn run(expression: &str, scope: &Scope<'_>) -> Result<minijinja::Value, ExpressionError> {
    let compiled = compile(expression)?;
    compiled
        .eval(scope.context().clone())
        .map_err(|error| reason_of(expression, &error))
}

fn reason_of(expression: &str, error: &minijinja::Error) -> ExpressionError {
    use minijinja::ErrorKind;
    let reason = match error.kind() {
        ErrorKind::UndefinedError => "reads something that is not defined".to_owned(),
        ErrorKind::OutOfFuel => "takes too many steps".to_owned(),
        // The detail names filters, operators and syntax, never data.
        ErrorKind::SyntaxError
        | ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod => error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned),
        kind => kind.to_string(),
    };
    ExpressionError::new(expression, reason)
}

/// The length as JSON, counted without writing it; text counts as it is.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum::<usize>() + items.len(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| key.len() + size(value) + 2)
            .sum(),
    }
}

#[cfg(test)]
mod tests;
