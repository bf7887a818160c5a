//! Runs one job of Python in an interpreter of its own: a subset of the language, without modules of others.
//!
//! **Invariant:** the interpreter is given nothing of the host: what it asks of an operating system is an error.

use std::time::{Duration, Instant};

use monty::MontyRun;
use monty_types::{
    CompileOptions, ExcType, MontyException, MontyObject, PrintWriter, ResourceLimits,
    ResourceTracker,
};
use serde_json::{Map, Number, Value, value::RawValue};

use crate::{
    protocol::{Failure, FailureKind, Job},
    script::failure,
};

/// What the interpreter calls the source; stack traces name it.
const SCRIPT: &str = "code.py";
/// The arguments, as the call that is put behind the source names them.
const ARGUMENTS: &str = "__arguments__";
const CALL: &str = "\nrun(**__arguments__)\n";
const MAX_DEPTH: usize = 100;
const MAX_RECURSION: usize = 200;

/// Runs the job and gives its value as JSON text.
pub(crate) fn run(job: &Job) -> Result<Box<RawValue>, Failure> {
    let begun = Instant::now();
    let wall = Duration::from_millis(job.limits.wall_ms);
    let argument: Value = serde_json::from_str(job.argument.get())
        .map_err(|error| failure(FailureKind::NotJson, &error.to_string(), None))?;
    let Value::Object(arguments) = argument else {
        let text = "the arguments are no object";
        return Err(failure(FailureKind::Exception, text, None));
    };
    let code = format!("{}{CALL}", job.source);
    let names = vec![ARGUMENTS.to_owned()];
    let program = MontyRun::new(code, SCRIPT, names, CompileOptions::default())
        .map_err(|error| thrown(&error, job))?;
    let limits = ResourceLimits {
        max_duration: Some(wall.saturating_sub(begun.elapsed())),
        max_memory: usize::try_from(job.limits.memory_bytes).ok(),
        max_recursion_depth: MAX_RECURSION,
        ..ResourceLimits::default()
    };
    let tracker = ResourceTracker::new(limits);
    let value = program
        .run(vec![dict(arguments)], tracker, PrintWriter::Disabled)
        .map_err(|error| thrown(&error, job))?;
    let value = to_json(&value, MAX_DEPTH)
        .map_err(|message| failure(FailureKind::NotJson, &message, None))?;
    let text = value.to_string();
    if text.len() as u64 > job.limits.output_bytes {
        let message = format!("the value is `{}` bytes of JSON", text.len());
        return Err(failure(FailureKind::OutputTooLarge, &message, None));
    }
    RawValue::from_string(text)
        .map_err(|error| failure(FailureKind::NotJson, &error.to_string(), None))
}

fn dict(object: Map<String, Value>) -> MontyObject {
    let entries = object.into_iter();
    let entries = entries.map(|(key, value)| (MontyObject::String(key), to_python(value)));
    MontyObject::Dict(entries.collect())
}

fn to_python(value: Value) -> MontyObject {
    match value {
        Value::Null => MontyObject::None,
        Value::Bool(value) => MontyObject::Bool(value),
        // A number that is no integer of 64 bits becomes what a float can say of it.
        Value::Number(number) => number.as_i64().map_or_else(
            || MontyObject::Float(number.as_f64().unwrap_or(f64::NAN)),
            MontyObject::Int,
        ),
        Value::String(text) => MontyObject::String(text),
        Value::Array(items) => MontyObject::List(items.into_iter().map(to_python).collect()),
        Value::Object(object) => dict(object),
    }
}

fn to_json(value: &MontyObject, depth: usize) -> Result<Value, String> {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| "the value is nested too deeply".to_owned())?;
    match value {
        MontyObject::None => Ok(Value::Null),
        MontyObject::Bool(value) => Ok(Value::Bool(*value)),
        MontyObject::Int(value) => Ok(Value::from(*value)),
        MontyObject::BigInt(value) => {
            let number: Result<Number, _> = value.to_string().parse();
            number.map(Value::Number).map_err(|error| error.to_string())
        }
        MontyObject::Float(value) => Number::from_f64(*value)
            .map(Value::Number)
            .ok_or_else(|| format!("`{value}` has no JSON form")),
        MontyObject::String(text) => Ok(Value::String(text.clone())),
        MontyObject::List(items) | MontyObject::Tuple(items) => {
            let items = items.iter().map(|item| to_json(item, depth));
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        MontyObject::Dict(pairs) => {
            let entries = pairs.iter().map(|(key, value)| match key {
                MontyObject::String(key) => Ok((key.clone(), to_json(value, depth)?)),
                other => Err(format!(
                    "a key of type `{}` has no JSON form",
                    other.type_name()
                )),
            });
            Ok(Value::Object(entries.collect::<Result<_, String>>()?))
        }
        other => Err(format!(
            "a value of type `{}` has no JSON form",
            other.type_name()
        )),
    }
}

fn thrown(error: &MontyException, job: &Job) -> Failure {
    let kind = match error.exc_type() {
        ExcType::SyntaxError => FailureKind::Syntax,
        ExcType::MemoryError => FailureKind::Memory,
        ExcType::RecursionError => FailureKind::Stack,
        ExcType::TimeoutError => FailureKind::Timeout,
        _ => FailureKind::Exception,
    };
    // Of the source alone: the call behind it is not the author's.
    let lines = u32::try_from(job.source.lines().count()).unwrap_or(u32::MAX);
    let frames = error.traceback().iter().rev();
    let line = frames
        .map(|frame| frame.start.line)
        .find(|line| *line <= lines);
    failure(kind, &error.summary(), line)
}
