//! The filters and tests that expressions may use: pure, and charged for what they take and give.
//!
//! **Invariant:** nothing is registered but through [`Registry`], which puts the charge around it.

use std::collections::BTreeSet;

use minijinja::{
    Environment, Error, ErrorKind, State, Value, filters,
    functions::Function,
    tests,
    value::{FunctionArgs, FunctionResult, Kwargs, Rest, ValueKind, ValueOrKwargs},
};
use serde_json::Value as Json;

use super::{
    MAX_OUTPUT,
    budget::{Refused, TOO_LARGE, charge, deep_weight, weight},
    guard,
    json::{to_json, to_text},
};

/// The environment of all expressions, and the names it offers.
pub(super) struct Registry {
    pub(super) environment: Environment<'static>,
    pub(super) filters: BTreeSet<&'static str>,
    pub(super) tests: BTreeSet<&'static str>,
}

impl Registry {
    pub(super) fn new(environment: Environment<'static>) -> Self {
        let mut registry = Self {
            environment,
            filters: BTreeSet::new(),
            tests: BTreeSet::new(),
        };
        registry.texts();
        registry.lists();
        registry.values();
        registry.judgements();
        let environment = &mut registry.environment;
        environment.add_filter(guard::NUMBER, only_number);
        environment.add_filter(guard::TEXT, only_text);
        environment.add_filter(guard::SIZED, sized);
        registry
    }

    fn texts(&mut self) {
        self.filter("upper", filters::upper);
        self.filter("lower", filters::lower);
        self.filter("title", filters::title);
        self.filter("capitalize", filters::capitalize);
        self.filter("trim", filters::trim);
        self.filter("split", filters::split);
        self.filter("lines", filters::lines);
        self.filter("replace", replace);
        self.filter("urlencode", filters::urlencode);
        self.filter("string", |value: &Value| Ok::<_, Error>(to_text(value)?));
        self.filter("tojson", |value: &Value, options: Kwargs| {
            let indent = options.get::<Option<Value>>("indent")?;
            options.assert_all_used()?;
            tojson(value, indent.is_some_and(|indent| indent.is_true()))
        });
    }

    fn lists(&mut self) {
        self.filter("length", filters::length);
        self.filter("count", filters::length);
        self.filter("reverse", filters::reverse);
        self.filter("first", filters::first);
        self.filter("last", filters::last);
        self.filter("min", filters::min);
        self.filter("max", filters::max);
        self.filter("sum", filters::sum);
        self.filter("sort", filters::sort);
        self.filter("unique", filters::unique);
        self.filter("dictsort", filters::dictsort);
        self.filter("items", filters::items);
        self.filter("list", filters::list);
        self.filter("select", filters::select);
        self.filter("reject", filters::reject);
        self.filter("selectattr", filters::selectattr);
        self.filter("rejectattr", filters::rejectattr);
        self.filter("map", filters::map);
        self.filter("join", join);
    }

    fn values(&mut self) {
        self.filter("attr", filters::attr);
        self.filter("default", filters::default);
        self.filter("d", filters::default);
        self.filter("abs", filters::abs);
        self.filter("round", filters::round);
        self.filter("int", filters::int);
        self.filter("float", filters::float);
        self.filter("bool", filters::bool);
    }

    fn judgements(&mut self) {
        self.test("defined", tests::is_defined);
        self.test("undefined", tests::is_undefined);
        self.test("none", tests::is_none);
        self.test("null", tests::is_none);
        self.test("boolean", tests::is_boolean);
        self.test("number", tests::is_number);
        self.test("integer", tests::is_integer);
        self.test("float", tests::is_float);
        self.test("string", tests::is_string);
        self.test("sequence", tests::is_sequence);
        self.test("mapping", tests::is_mapping);
        self.test("iterable", tests::is_iterable);
        self.test("odd", tests::is_odd);
        self.test("even", tests::is_even);
        self.test("divisibleby", tests::is_divisibleby);
        self.test("startingwith", tests::is_startingwith);
        self.test("endingwith", tests::is_endingwith);
        self.test("eq", tests::is_eq);
        self.test("ne", tests::is_ne);
        self.test("lt", tests::is_lt);
        self.test("le", tests::is_le);
        self.test("gt", tests::is_gt);
        self.test("ge", tests::is_ge);
        self.test("in", tests::is_in);
        self.test("true", tests::is_true);
        self.test("false", tests::is_false);
    }

    fn filter<F, Rv, Args>(&mut self, name: &'static str, filter: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        self.filters.insert(name);
        self.environment
            .add_filter(name, charged(Value::from_function(filter)));
    }

    fn test<F, Rv, Args>(&mut self, name: &'static str, test: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        self.tests.insert(name);
        self.environment
            .add_test(name, charged(Value::from_function(test)));
    }
}

/// The function, charged for its arguments and its result. What it makes on the way is at most a small multiple of those.
fn charged(
    function: Value,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> {
    move |state, arguments| {
        let arguments = arguments.into_values();
        for argument in &arguments {
            charge(state, weight(argument)?)?;
        }
        let result = function.call(state, &arguments)?;
        charge(state, weight(&result)?)?;
        Ok(result)
    }
}

fn only_number(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Number => Ok(value),
        ValueKind::Undefined => Err(ErrorKind::UndefinedError.into()),
        _ => Err(Refused("`*` is for numbers").into()),
    }
}

fn only_text(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => charge(state, weight(&value)?)?,
        ValueKind::Number | ValueKind::Bool => {}
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        ValueKind::None => return Err(Refused("`~` meets null: use `default('', true)`").into()),
        _ => return Err(Refused("`~` is for texts and numbers: use `tojson`").into()),
    }
    Ok(value)
}

fn sized(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    charge(state, deep_weight(&value, 4 * MAX_OUTPUT)?)?;
    Ok(value)
}

fn replace(value: &Value, from: &Value, to: &Value) -> Result<Value, Error> {
    let (value, from, to) = (to_text(value)?, to_text(from)?, to_text(to)?);
    let grown = value
        .matches(from.as_str())
        .count()
        .saturating_mul(to.len());
    if value.len().saturating_add(grown) > MAX_OUTPUT {
        return Err(TOO_LARGE.into());
    }
    Ok(value.replace(&from, &to).into())
}

fn join(value: &Value, separator: Option<&Value>) -> Result<Value, Error> {
    let separator = separator.map(to_text).transpose()?.unwrap_or_default();
    let mut joined = String::new();
    for (position, item) in value.try_iter()?.enumerate() {
        if position > 0 {
            joined.push_str(&separator);
        }
        joined.push_str(&to_text(&item)?);
        if joined.len() > MAX_OUTPUT {
            return Err(TOO_LARGE.into());
        }
    }
    Ok(joined.into())
}

/// JSON as any JSON library writes it, on one line or, with `indent`, indented by two.
fn tojson(value: &Value, is_pretty: bool) -> Result<Value, Error> {
    let json = to_json(value)?;
    let text = if is_pretty {
        pretty(&json)?
    } else {
        json.to_string()
    };
    Ok(text.into())
}

fn pretty(json: &Json) -> Result<String, Refused> {
    /// Indentation can be many times the value: it is bounded while it is written.
    struct Bounded(Vec<u8>);
    impl std::io::Write for Bounded {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0.len() + bytes.len() > MAX_OUTPUT {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut written = Bounded(Vec::new());
    serde_json::to_writer_pretty(&mut written, json).map_err(|_| TOO_LARGE)?;
    String::from_utf8(written.0).map_err(|_| TOO_LARGE)
}
