//! From the values of minijinja to JSON, bounded and exact: integers of 64 bits and floats arrive as they were.

use minijinja::{Value, value::ValueKind};
use serde_json::{Map, Number, Value as Json};

use super::{
    MAX_OUTPUT,
    budget::{Refused, TOO_LARGE},
};

/// The value as JSON.
///
/// # Errors
/// When it is larger than [`MAX_OUTPUT`] or no JSON: infinite, undefined, an integer of more than 64 bits.
pub(super) fn to_json(value: &Value) -> Result<Json, Refused> {
    let mut left = MAX_OUTPUT;
    convert(value, &mut left)
}

/// Whether the value is made of more values than are left, itself among them.
pub(super) fn has_more(value: &Json, left: &mut usize) -> bool {
    if *left == 0 {
        return true;
    }
    *left -= 1;
    match value {
        Json::Array(items) => items.iter().any(|item| has_more(item, left)),
        Json::Object(fields) => fields.values().any(|item| has_more(item, left)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// Whether the value counts as true, by the rules of Jinja.
pub(super) fn is_true(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(is_true) => *is_true,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(fields) => !fields.is_empty(),
    }
}

/// The value as part of a text: a string as it is, anything else as JSON.
pub(super) fn to_text(value: &Value) -> Result<String, Refused> {
    match value.as_str() {
        Some(text) if text.len() > MAX_OUTPUT => Err(TOO_LARGE),
        Some(text) => Ok(text.to_owned()),
        None => Ok(to_json(value)?.to_string()),
    }
}

fn convert(value: &Value, left: &mut usize) -> Result<Json, Refused> {
    take(left, 1)?;
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(Refused("is not defined")),
        ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => Json::Number(number(value)?),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            take(left, text.len() + 1)?;
            Json::String(text.to_owned())
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|_| NO_JSON)?;
            let mut list = Vec::new();
            for item in items {
                list.push(convert(&item, left)?);
            }
            Json::Array(list)
        }
        ValueKind::Map => {
            let mut object = Map::new();
            for key in value.try_iter().map_err(|_| NO_JSON)? {
                let item = value.get_item(&key).map_err(|_| NO_JSON)?;
                let key = key.as_str().ok_or(Refused("has a key that is no text"))?;
                take(left, key.len() + 3)?;
                object.insert(key.to_owned(), convert(&item, left)?);
            }
            Json::Object(object)
        }
        _ => return Err(NO_JSON),
    })
}

const NO_JSON: Refused = Refused("is no JSON value");

fn number(value: &Value) -> Result<Number, Refused> {
    if value.is_integer() {
        let signed = i64::try_from(value.clone()).map(Number::from);
        let unsigned = || u64::try_from(value.clone()).map(Number::from);
        return signed
            .or_else(|_| unsigned())
            .map_err(|_| Refused("is an integer of more than 64 bits"));
    }
    let float = f64::try_from(value.clone()).map_err(|_| NO_JSON)?;
    Number::from_f64(float).ok_or(Refused("is not a finite number"))
}

fn take(left: &mut usize, bytes: usize) -> Result<(), Refused> {
    *left = left.checked_sub(bytes).ok_or(TOO_LARGE)?;
    Ok(())
}

/// At most the bytes that a value takes as JSON: what is larger than a bound by this is larger by any measure.
pub(super) fn size(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 1,
        Json::String(text) => text.len() + 2,
        Json::Array(items) => 1 + items.iter().map(|item| 1 + size(item)).sum::<usize>(),
        Json::Object(object) => {
            let entry = |(key, value): (&String, &Json)| key.len() + 4 + size(value);
            1 + object.iter().map(entry).sum::<usize>()
        }
    }
}
