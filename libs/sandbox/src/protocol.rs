//! What parent and worker say to each other: one JSON text per line, each way.
//!
//! **Invariant:** neither side reads a line longer than it agreed to.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Longest job line, in bytes.
pub(crate) const JOB_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Room in an answer for everything but the value, in bytes.
pub(crate) const ANSWER_SLACK_BYTES: u64 = 64 * 1024;
/// Exit status of a worker that could not lock itself down (`EX_SOFTWARE` of sysexits.h).
pub(crate) const EXIT_NOT_LOCKED: i32 = 70;

/// What a source is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    Javascript,
    Python,
}

/// One job. The lifetime is that of the parent's values.
#[derive(Serialize)]
pub(crate) struct JobRef<'a> {
    pub(crate) language: Language,
    pub(crate) source: &'a str,
    pub(crate) argument: &'a serde_json::Value,
    pub(crate) limits: Limits,
}

/// One job, as the worker reads it.
#[derive(Deserialize)]
pub(crate) struct Job {
    pub(crate) language: Language,
    pub(crate) source: String,
    pub(crate) argument: Box<RawValue>,
    pub(crate) limits: Limits,
}

/// What one job may use.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) wall_ms: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) stack_bytes: u64,
    pub(crate) output_bytes: u64,
}

/// The answer to one job, as the parent reads it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Ok(serde_json::Value),
    Error(Failure),
}

/// The answer to one job, as the worker writes it.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnswerRef<'a> {
    Ok(&'a RawValue),
    Error(&'a Failure),
}

/// Why a job gave no value.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
}

/// The kinds of failure a worker tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    Timeout,
    Memory,
    Stack,
    Exception,
    Syntax,
    OutputTooLarge,
    NotJson,
}
