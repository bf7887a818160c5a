//! The filters and tests that expressions may use: pure, and bounded in what they return.

use minijinja::{
    Environment, Error, ErrorKind, State, Value, filters, tests,
    value::{Kwargs, Rest, ValueKind},
};

use super::MAX_OUTPUT;

pub(super) fn add_to(environment: &mut Environment<'_>) {
    add_filters(environment);
    add_growing(environment);
    add_tests(environment);
}

fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("split", filters::split);
    environment.add_filter("lines", filters::lines);
    environment.add_filter("length", filters::length);
    environment.add_filter("count", filters::length);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("min", filters::min);
    environment.add_filter("max", filters::max);
    environment.add_filter("sum", filters::sum);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("unique", filters::unique);
    environment.add_filter("dictsort", filters::dictsort);
    environment.add_filter("items", filters::items);
    environment.add_filter("list", filters::list);
    environment.add_filter("select", filters::select);
    environment.add_filter("reject", filters::reject);
    environment.add_filter("selectattr", filters::selectattr);
    environment.add_filter("rejectattr", filters::rejectattr);
    environment.add_filter("map", filters::map);
    environment.add_filter("attr", filters::attr);
    environment.add_filter("default", filters::default);
    environment.add_filter("d", filters::default);
    environment.add_filter("abs", filters::abs);
    environment.add_filter("round", filters::round);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("bool", filters::bool);
    environment.add_filter("string", filters::string);
}

/// Filters that return more than they get: chained, they would double without end.
fn add_growing(environment: &mut Environment<'_>) {
    environment.add_filter(
        "tojson",
        |value: &Value, indent: Option<Value>, args: Kwargs| -> Result<Value, Error> {
            bounded_input(value)?;
            bounded(filters::tojson(value, indent, args)?)
        },
    );
    environment.add_filter("urlencode", |value: &Value| -> Result<Value, Error> {
        bounded_input(value)?;
        bounded(filters::urlencode(value)?.into())
    });
    environment.add_filter(
        "join",
        |state: &mut State<'_, '_>,
         value: &Value,
         separator: Option<String>|
         -> Result<Value, Error> {
            let separator = separator.unwrap_or_default();
            join(state, value, &separator)
        },
    );
    environment.add_filter(
        "replace",
        |value: String, from: String, to: String| -> Result<Value, Error> {
            let grown = value.matches(&from).count().saturating_mul(to.len());
            if value.len().saturating_add(grown) > MAX_OUTPUT {
                return Err(too_large());
            }
            Ok(value.replace(&from, &to).into())
        },
    );
    environment.add_filter(
        "concat",
        |value: &Value, others: Rest<Value>| -> Result<Value, Error> {
            let mut items: Vec<Value> = value.try_iter()?.collect();
            for other in others.iter() {
                items.extend(other.try_iter()?);
            }
            Ok(items.into())
        },
    );
}

fn join(_: &mut State<'_, '_>, value: &Value, separator: &str) -> Result<Value, Error> {
    let mut joined = String::new();
    for (position, item) in value.try_iter()?.enumerate() {
        if position > 0 {
            joined.push_str(separator);
        }
        match item.as_str() {
            Some(text) => joined.push_str(text),
            None => joined.push_str(&item.to_string()),
        }
        if joined.len() > MAX_OUTPUT {
            return Err(too_large());
        }
    }
    Ok(joined.into())
}

fn add_tests(environment: &mut Environment<'_>) {
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("none", tests::is_none);
    environment.add_test("null", tests::is_none);
    environment.add_test("boolean", tests::is_boolean);
    environment.add_test("number", tests::is_number);
    environment.add_test("integer", tests::is_integer);
    environment.add_test("float", tests::is_float);
    environment.add_test("string", tests::is_string);
    environment.add_test("sequence", tests::is_sequence);
    environment.add_test("mapping", tests::is_mapping);
    environment.add_test("iterable", tests::is_iterable);
    environment.add_test("odd", tests::is_odd);
    environment.add_test("even", tests::is_even);
    environment.add_test("divisibleby", tests::is_divisibleby);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("eq", tests::is_eq);
    environment.add_test("ne", tests::is_ne);
    environment.add_test("lt", tests::is_lt);
    environment.add_test("le", tests::is_le);
    environment.add_test("gt", tests::is_gt);
    environment.add_test("ge", tests::is_ge);
    environment.add_test("in", tests::is_in);
    environment.add_test("true", tests::is_true);
    environment.add_test("false", tests::is_false);
}

fn bounded(value: Value) -> Result<Value, Error> {
    match value.as_str() {
        Some(text) if text.len() > MAX_OUTPUT => Err(too_large()),
        _ => Ok(value),
    }
}

fn bounded_input(value: &Value) -> Result<(), Error> {
    let large = value.kind() == ValueKind::String
        && value.as_str().is_some_and(|text| text.len() > MAX_OUTPUT);
    if large { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        "a text becomes larger than 1 MiB",
    )
}
