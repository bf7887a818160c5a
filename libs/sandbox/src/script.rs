//! Runs one job in an engine of its own.
//!
//! **Invariant:** each job gets a new runtime and a new context, and nothing of
//! them outlives it. No module can be imported: the engine has no loader.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Exception, FromJs, Function, Module, Object,
    Promise, Runtime, Value,
};
use serde_json::value::RawValue;

use crate::protocol::{Failure, FailureKind, Job};

/// What the engine calls the source; stack traces name it.
const MODULE: &str = "code.mjs";
/// Awaits whatever the code returns, so that one native promise stands for all of it.
const CALL: &str = "(async (run, argument) => await run(argument))";
/// Longest message handed on, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// Runs the job and gives its value as JSON text.
pub(crate) fn run(job: &Job) -> Result<Box<RawValue>, Failure> {
    let clock = Clock::start(Duration::from_millis(job.limits.wall_ms));
    let runtime = Runtime::new().map_err(|_| out_of_memory())?;
    runtime.set_memory_limit(usize::try_from(job.limits.memory_bytes).unwrap_or(usize::MAX));
    runtime.set_max_stack_size(usize::try_from(job.limits.stack_bytes).unwrap_or(usize::MAX));
    let handler = clock.clone();
    runtime.set_interrupt_handler(Some(Box::new(move || handler.is_over())));
    let result = match Context::full(&runtime) {
        Ok(context) => context.with(|ctx| evaluate(&ctx, job, &clock)),
        Err(_) => Err(out_of_memory()),
    };
    match (clock.was_over(), result) {
        // What the engine says after an interrupt is only a consequence of it.
        (true, _) => Err(timeout()),
        (false, result) => result,
    }
}

fn evaluate(ctx: &Ctx<'_>, job: &Job, clock: &Clock) -> Result<Box<RawValue>, Failure> {
    let call: Function<'_> = checked(ctx, ctx.eval(CALL))?;
    let argument: Value<'_> = checked(ctx, ctx.json_parse(job.argument.get()))?;
    let module = Module::declare(ctx.clone(), MODULE, job.source.as_str())
        .catch(ctx)
        .map_err(|caught| not_a_module(&caught))?;
    let (module, loaded) = checked(ctx, module.eval())?;
    settle::<Value<'_>>(ctx, &loaded, clock)?;
    let Ok(default) = module.get::<_, Function<'_>>("default") else {
        return Err(failure(
            FailureKind::Syntax,
            "the module has no default export that is a function",
            None,
        ));
    };
    let promise: Promise<'_> = checked(ctx, call.call((default, argument)))?;
    let value: Value<'_> = settle(ctx, &promise, clock)?;
    to_json(ctx, value, job.limits.output_bytes)
}

/// Runs pending jobs until the promise is settled or time is up.
fn settle<'js, T: FromJs<'js>>(
    ctx: &Ctx<'js>,
    promise: &Promise<'js>,
    clock: &Clock,
) -> Result<T, Failure> {
    loop {
        if let Some(result) = promise.result::<T>() {
            return checked(ctx, result);
        }
        if clock.is_over() {
            return Err(timeout());
        }
        if !ctx.execute_pending_job() {
            return Err(failure(
                FailureKind::Exception,
                "the promise never settles",
                None,
            ));
        }
    }
}

fn to_json<'js>(
    ctx: &Ctx<'js>,
    value: Value<'js>,
    limit_bytes: u64,
) -> Result<Box<RawValue>, Failure> {
    let kind = value.type_name();
    let text = if value.is_undefined() {
        "null".to_owned()
    } else {
        match ctx.json_stringify(value).catch(ctx) {
            Ok(Some(text)) => checked(ctx, text.to_string())?,
            Ok(None) => {
                let message = format!("a value of type `{kind}` has no JSON form");
                return Err(failure(FailureKind::NotJson, &message, None));
            }
            Err(caught) => {
                let thrown = thrown(&caught);
                return Err(match thrown.kind {
                    FailureKind::Exception => Failure {
                        kind: FailureKind::NotJson,
                        ..thrown
                    },
                    _ => thrown,
                });
            }
        }
    };
    if text.len() as u64 > limit_bytes {
        let message = format!("the value is `{}` bytes of JSON", text.len());
        return Err(failure(FailureKind::OutputTooLarge, &message, None));
    }
    // The parent reads the text into a tree; one that is too deep for it must
    // fail here, as a mistake of the code and not of the worker.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
        return Err(failure(FailureKind::NotJson, &error.to_string(), None));
    }
    RawValue::from_string(text)
        .map_err(|error| failure(FailureKind::NotJson, &error.to_string(), None))
}

fn checked<'js, T>(ctx: &Ctx<'js>, result: rquickjs::Result<T>) -> Result<T, Failure> {
    result.catch(ctx).map_err(|caught| thrown(&caught))
}

fn not_a_module(caught: &CaughtError<'_>) -> Failure {
    let is_syntax = match caught {
        CaughtError::Exception(exception) => name_of(exception) == "SyntaxError",
        // A NUL character in the source never reaches the parser.
        CaughtError::Error(rquickjs::Error::InvalidString(_)) => true,
        CaughtError::Error(_) | CaughtError::Value(_) => false,
    };
    let failure = thrown(caught);
    if is_syntax {
        Failure {
            kind: FailureKind::Syntax,
            ..failure
        }
    } else {
        failure
    }
}

fn thrown(caught: &CaughtError<'_>) -> Failure {
    match caught {
        CaughtError::Exception(exception) => {
            let name = name_of(exception);
            let message = exception.message().unwrap_or_default();
            let line = exception.stack().as_deref().and_then(line_of);
            match (name.as_str(), message.as_str()) {
                // Strings that are joined lazily meet the engine's longest string first.
                ("InternalError", "out of memory" | "string too long") => out_of_memory(),
                ("RangeError", "Maximum call stack size exceeded") => {
                    failure(FailureKind::Stack, &message, line)
                }
                (_, "") => failure(FailureKind::Exception, &name, line),
                _ => failure(FailureKind::Exception, &format!("{name}: {message}"), line),
            }
        }
        // The engine throws null where no memory is left to make an error of;
        // code that throws null itself looks the same, and is far rarer.
        CaughtError::Value(value) if value.is_null() => out_of_memory(),
        CaughtError::Value(value) => {
            let text = value
                .as_string()
                .and_then(|text| text.to_string().ok())
                .unwrap_or_else(|| format!("a value of type `{}`", value.type_name()));
            failure(FailureKind::Exception, &text, None)
        }
        CaughtError::Error(rquickjs::Error::Allocation) => out_of_memory(),
        CaughtError::Error(error) => failure(FailureKind::Exception, &error.to_string(), None),
    }
}

fn name_of(exception: &Exception<'_>) -> String {
    let object: &Object<'_> = exception.as_object();
    object
        .get::<_, String>("name")
        .unwrap_or_else(|_| "Error".to_owned())
}

/// The first line number that the stack trace gives inside the source.
fn line_of(stack: &str) -> Option<u32> {
    let (_, rest) = stack.split_once(&format!("{MODULE}:"))?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn timeout() -> Failure {
    failure(FailureKind::Timeout, "time is up", None)
}

fn out_of_memory() -> Failure {
    failure(FailureKind::Memory, "out of memory", None)
}

pub(crate) fn failure(kind: FailureKind, message: &str, line: Option<u32>) -> Failure {
    let mut end = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    Failure {
        kind,
        message: message[..end].to_owned(),
        line,
    }
}

/// The job's time, shared with the engine's interrupt handler.
#[derive(Clone)]
struct Clock {
    end: Instant,
    over: Rc<Cell<bool>>,
}

impl Clock {
    fn start(wall: Duration) -> Self {
        Self {
            end: Instant::now() + wall,
            over: Rc::new(Cell::new(false)),
        }
    }

    fn is_over(&self) -> bool {
        if Instant::now() >= self.end {
            self.over.set(true);
        }
        self.over.get()
    }

    /// Whether anyone was told that time is up.
    fn was_over(&self) -> bool {
        self.over.get()
    }
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_BYTES_MAX, failure, line_of};
    use crate::protocol::FailureKind;

    #[test]
    fn the_line_is_the_innermost_one_of_the_source() {
        let stack =
            "    at parse (native)\n    at f (code.mjs:3:9)\n    at <anonymous> (code.mjs:7:1)\n";
        assert_eq!(line_of(stack), Some(3));
        assert_eq!(line_of("    at <eval> (eval_script:1:2)\n"), None);
        assert_eq!(line_of("code.mjs:"), None);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let message = format!("a{}", "é".repeat(MESSAGE_BYTES_MAX));
        let cut = failure(FailureKind::Exception, &message, None).message;
        assert_eq!(cut.len(), MESSAGE_BYTES_MAX - 1);
        assert!(message.starts_with(&cut));
    }
}
