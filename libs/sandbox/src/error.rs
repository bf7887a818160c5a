//! Why a job of user code gave no value.
//!
//! **Invariant:** each variant has one stable code, which flows and clients read.

/// Why a job gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The code ran longer than it may.
    #[error("the code did not finish within `{limit_ms}` ms")]
    Timeout {
        /// The limit that was in force, in milliseconds.
        limit_ms: u64,
    },
    /// The code needed more memory than it may use.
    #[error("the code used more than `{limit_bytes}` bytes of memory")]
    Memory {
        /// The limit that was in force, in bytes.
        limit_bytes: u64,
    },
    /// The code called itself too deeply.
    #[error("the code called itself too deeply")]
    Stack,
    /// The code threw, or its promise never settles.
    #[error("the code threw: {message}{}", at_line(*line))]
    Exception {
        /// What was thrown, as text.
        message: String,
        /// The line of the source, counted from 1, where the engine knows it.
        line: Option<u32>,
    },
    /// The source is not a JavaScript module, or no Python.
    #[error("the code cannot be read: {message}{}", at_line(*line))]
    Syntax {
        /// What the parser says.
        message: String,
        /// The line of the source, counted from 1, where the parser knows it.
        line: Option<u32>,
    },
    /// The value is too large as JSON text.
    #[error("the code returned more than `{limit_bytes}` bytes of JSON")]
    OutputTooLarge {
        /// The limit that was in force, in bytes.
        limit_bytes: u64,
    },
    /// The value has no JSON form.
    #[error("the code returned a value that is not JSON: {message}")]
    NotJson {
        /// What the value is, or why it has no JSON form.
        message: String,
    },
    /// The source and its argument are too large to hand over.
    #[error("the code and its input are `{bytes}` bytes, more than `{limit_bytes}`")]
    InputTooLarge {
        /// Their size as JSON text, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// No locked-down worker could be had; the job did not run.
    #[error("no code worker is available: {reason}")]
    Unavailable {
        /// What is missing, for the operator.
        reason: String,
    },
    /// The worker died, or answered something that is no answer.
    #[error("the code worker crashed")]
    Crashed,
}

impl Error {
    /// The stable name of this error, as flows and clients see it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "code_timeout",
            Self::Memory { .. } => "code_memory",
            Self::Stack => "code_stack",
            Self::Exception { .. } => "code_exception",
            Self::Syntax { .. } => "code_syntax",
            Self::OutputTooLarge { .. } => "code_output_too_large",
            Self::NotJson { .. } => "code_not_json",
            Self::InputTooLarge { .. } => "code_input_too_large",
            Self::Unavailable { .. } => "sandbox_unavailable",
            Self::Crashed => "sandbox_crashed",
        }
    }
}

fn at_line(line: Option<u32>) -> String {
    line.map(|line| format!(" (line `{line}`)"))
        .unwrap_or_default()
}
