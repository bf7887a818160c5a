//! Expressions in configurations: data only.
//!
//! A string is literal text with `{{ expressions }}` in between; nothing else has a meaning in it, and `{%` is refused.
//! A string that is exactly one expression keeps the JSON type of its value; otherwise values are put into the text,
//! strings as they are and everything else as JSON. Expressions are those of Jinja, evaluated by minijinja, with the
//! filters and tests of [`filters`]; `*` is for numbers only.
//!
//! **Invariant:** what an expression returns is never read as an expression again.
//! **Invariant:** the work, the stack and the bytes of an evaluation are bounded: fuel, source length, tokens, the budget
//! of the scope, and the size of what is rendered.
//! **Invariant:** the text of an error names the expression, never the data.

mod budget;
mod cut;
mod filters;
mod guard;
mod json;
mod names;
mod render;
mod scope;
mod tokens;

use std::{error::Error as _, sync::LazyLock};

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use budget::Refused;
pub(crate) use cut::{Segment, segments, single};
use filters::Registry;
pub(crate) use names::{Names, Reference};
pub use render::{check, check_condition, render, render_config, render_url};
pub use scope::{ARGUMENTS, INPUT, OUTPUT, Round, Scope, roots};

/// Steps an expression may take.
const FUEL: u64 = 20_000;
/// Nested calls an expression may have.
const RECURSION: usize = 32;
/// Bytes of one expression's source.
const MAX_SOURCE: usize = 16 * 1024;
/// Bytes of what an expression, and all of a rendered configuration together, may become.
pub const MAX_OUTPUT: usize = 1024 * 1024;
/// Bytes of values that an expression, and all of a rendered configuration together, give as they are: nothing is computed of
/// them, so they may be as large as an input or an output.
pub const MAX_PASSED: usize = 16 * 1024 * 1024;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    Registry::new(environment)
});

/// Why an expression has no value, or a configuration made of expressions no meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {reason}")]
pub struct ExpressionError {
    /// The expression, or the place in the configuration.
    pub expression: String,
    pub reason: String,
}

impl ExpressionError {
    fn new(expression: &str, reason: impl Into<String>) -> Self {
        Self {
            expression: shown(expression),
            reason: reason.into(),
        }
    }
}

/// As much of an expression as a message needs.
pub(crate) fn shown(expression: &str) -> String {
    let expression = expression.trim();
    let mut shown: String = expression.chars().take(120).collect();
    if shown.len() < expression.len() {
        shown.push('…');
    }
    shown
}

/// The value of one expression, without braces.
///
/// # Errors
/// When it does not parse, names something that is not there, or goes beyond a bound.
pub fn evaluate(expression: &str, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    if let Some(found) = plain(expression, scope)? {
        passed(expression, found, MAX_PASSED)?;
        return Ok(found.clone());
    }
    let value = run(expression, scope)?;
    json::to_json(&value).map_err(|refused| ExpressionError::new(expression, refused.0))
}

/// How many bytes are left for values that are given as they are, after this one.
fn passed(expression: &str, found: &Value, left: usize) -> Result<usize, ExpressionError> {
    let left = left.checked_sub(json::size(found));
    left.ok_or_else(|| ExpressionError::new(expression, budget::PASSED_TOO_LARGE.0))
}

/// Whether a condition holds, by the rules of Jinja. Braces around it may be there or not.
///
/// # Errors
/// As [`evaluate`].
pub fn condition(text: &str, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
    let expression = condition_source(text);
    if let Some(found) = plain(expression, scope)? {
        return Ok(json::is_true(found));
    }
    let value = run(expression, scope)?;
    if value.is_undefined() {
        return Err(ExpressionError::new(expression, "is not defined"));
    }
    Ok(value.is_true())
}

/// The expression of a condition: `{{ a > b }}` and `a > b` mean the same.
pub(crate) fn condition_source(text: &str) -> &str {
    single(text).unwrap_or(text)
}

/// An expression that was read, and can be evaluated.
pub(crate) struct Parsed<'a> {
    pub(crate) names: Names<'a>,
    tokens: Vec<tokens::Token<'a>>,
    /// What minijinja compiles.
    guarded: String,
}

/// # Errors
/// Why the expression cannot be read.
pub(crate) fn parse(expression: &str) -> Result<Parsed<'_>, String> {
    if expression.len() > MAX_SOURCE {
        return Err("is longer than 16 KiB".to_owned());
    }
    let tokens = tokens::tokens(expression)?;
    let names = names::names(expression, &tokens);
    let unknown = |kind: &str, name: &str| Err(format!("there is no {kind} `{name}`"));
    if let Some(name) = first_unknown(&names.filters, |name| REGISTRY.filters.contains(name)) {
        return unknown("filter", name);
    }
    if let Some(name) = first_unknown(&names.tests, |name| REGISTRY.tests.contains(name)) {
        return unknown("test", name);
    }
    let guarded = guard::guarded(expression, &tokens)?;
    REGISTRY
        .environment
        .compile_expression(&guarded)
        .map_err(|error| reason_of(&error))?;
    Ok(Parsed {
        names,
        tokens,
        guarded,
    })
}

/// All that an expression names, without a look at whether it can be evaluated.
///
/// # Errors
/// Why it cannot be cut into words.
pub(crate) fn names_of(expression: &str) -> Result<Names<'_>, String> {
    Ok(names::names(expression, &tokens::tokens(expression)?))
}

fn first_unknown<'a>(names: &[&'a str], known: impl Fn(&str) -> bool) -> Option<&'a str> {
    names.iter().copied().find(|name| !known(name))
}

/// The value at the end of a plain path; none when the expression is of another kind.
fn plain<'a>(expression: &str, scope: &Scope<'a>) -> Result<Option<&'a Value>, ExpressionError> {
    let Some(found) = tokens::path(expression).and_then(|path| scope.lookup(&path)) else {
        return Ok(None);
    };
    match found {
        Some(value) => Ok(Some(value)),
        None => Err(ExpressionError::new(expression, "is not defined")),
    }
}

fn run(expression: &str, scope: &Scope<'_>) -> Result<minijinja::Value, ExpressionError> {
    let refused = |reason: String| ExpressionError::new(expression, reason);
    let parsed = parse(expression).map_err(refused)?;
    let context = scope.context(&parsed.names);
    let context = context.map_err(|reason| refused(reason.0.to_owned()))?;
    let compiled = REGISTRY.environment.compile_expression(&parsed.guarded);
    let value = compiled.and_then(|compiled| compiled.eval(context));
    value.map_err(|error| {
        let reason = reason_of(&error);
        let is_missing = error.kind() == ErrorKind::UndefinedError || reason.contains(" undefined");
        refused(if is_missing {
            missing(&parsed, scope)
        } else {
            reason
        })
    })
}

/// Which of the plain paths in an expression leads nowhere.
fn missing(parsed: &Parsed<'_>, scope: &Scope<'_>) -> String {
    let paths = names::paths(&parsed.tokens);
    let leads_nowhere = |path: &&Vec<&str>| scope.lookup(path) == Some(None);
    match paths.iter().find(leads_nowhere) {
        Some(path) => format!("`{}` is not defined", path.join(".")),
        None => "reads something that is not defined".to_owned(),
    }
}

/// What minijinja says, as far as it can hold no data.
fn reason_of(error: &minijinja::Error) -> String {
    let refused = error
        .source()
        .and_then(|source| source.downcast_ref::<Refused>());
    if let Some(refused) = refused {
        return refused.0.to_owned();
    }
    let detail = || error.detail().map(str::to_owned);
    let told = match error.kind() {
        ErrorKind::UndefinedError => Some("reads something that is not defined".to_owned()),
        ErrorKind::OutOfFuel => Some("takes too many steps".to_owned()),
        ErrorKind::SyntaxError
        | ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod => detail(),
        // The kinds of the operands are told, not the operands.
        ErrorKind::InvalidOperation => detail().filter(|text| text.starts_with("tried to use ")),
        _ => None,
    };
    told.unwrap_or_else(|| error.kind().to_string())
}

#[cfg(test)]
mod tests;
