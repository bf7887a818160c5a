//! What the fields of agents and crews have in common.

use std::{collections::HashSet, hash::Hash, ops::RangeInclusive};

use contracts::{agent::Limits, subject::Token};
use graph::schema::Schema;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::domain::problems::Problems;

/// Bytes of a spec as JSON.
const MAX_SPEC_BYTES: usize = 256 * 1024;
const MAX_MODEL: usize = 200;

/// A text of so many characters. One that must not be empty must not be blank either.
pub(crate) fn text(problems: &mut Problems, path: &str, text: &str, length: RangeInclusive<usize>) {
    let characters = text.chars().count();
    let is_blank = *length.start() > 0 && text.trim().is_empty();
    if is_blank || !length.contains(&characters) {
        let (least, most) = (length.start(), length.end());
        let message = match least {
            0 => format!("has {characters} characters; at most {most} are allowed"),
            _ => format!("must have {least} to {most} characters, not all of them blank"),
        };
        problems.refuse(path, message);
    }
    // PostgreSQL has no text with it.
    problems.require(!text.contains('\0'), path, "holds a NUL character");
}

/// At most so many, none of them twice.
pub(crate) fn list<T: Eq + Hash>(problems: &mut Problems, path: &str, items: &[T], most: usize) {
    let length = items.len();
    let message = format!("has {length} entries; at most {most} are allowed");
    problems.require(length <= most, path, message);
    let mut seen = HashSet::new();
    for (place, item) in items.iter().enumerate().take(most) {
        let place = format!("{path}/{place}");
        problems.require(seen.insert(item), &place, "is named twice");
    }
}

/// `<provider name>/<model>`.
pub(crate) fn model(problems: &mut Problems, path: &str, model: Option<&str>) {
    let holds = model.is_none_or(is_model);
    let message = format!("must be `<provider name>/<model>` of at most {MAX_MODEL} characters");
    problems.require(holds, path, message);
}

pub(crate) fn is_model(text: &str) -> bool {
    let is_plain = |character: char| !character.is_whitespace() && !character.is_control();
    text.chars().count() <= MAX_MODEL
        && text.split_once('/').is_some_and(|(provider, model)| {
            Token::new(provider).is_some() && !model.is_empty() && model.chars().all(is_plain)
        })
}

pub(crate) fn schema(problems: &mut Problems, path: &str, schema: Option<&Value>) {
    if let Some(Err(reason)) = schema.map(Schema::new) {
        problems.refuse(path, reason);
    }
}

pub(crate) fn limits(problems: &mut Problems, limits: &Limits) {
    let mut within = |field: &str, value: u64, bounds: RangeInclusive<u64>| {
        let (least, most) = (bounds.start(), bounds.end());
        let message = format!("is {value}; {least} to {most} are allowed");
        problems.require(
            bounds.contains(&value),
            &format!("/limits/{field}"),
            message,
        );
    };
    within("max_steps", limits.max_steps.into(), 1..=200);
    within("max_tool_calls", limits.max_tool_calls.into(), 0..=1000);
    within("max_tokens", limits.max_tokens, 1..=10_000_000);
    within("max_depth", limits.max_depth.into(), 1..=8);
    let is_sum = |cost: Decimal| !cost.is_sign_negative() || cost.is_zero();
    let holds = limits.max_cost.is_none_or(is_sum);
    problems.require(holds, "/limits/max_cost", "is less than nothing");
}

/// The spec as a whole: what is written is what a page of versions and a snapshot must carry.
pub(crate) fn size(problems: &mut Problems, spec: &impl serde::Serialize) {
    let written = serde_json::to_vec(spec).map_or(usize::MAX, |bytes| bytes.len());
    problems.require(
        written <= MAX_SPEC_BYTES,
        "",
        "has more than 256 KiB as JSON",
    );
}
