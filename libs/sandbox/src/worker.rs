//! The child's side: lock down, then answer one job after the other.
//!
//! **Invariant:** no byte of a job is read before the lock-down is complete.

use std::{
    io::{BufRead, BufReader, Read, StdinLock, Write},
    process::exit,
};

use crate::{
    lockdown,
    protocol::{AnswerRef, EXIT_NOT_LOCKED, JOB_BYTES_MAX, Job, Language},
    python, script,
};

/// Status of a worker whose parent sent something that is no job (`EX_DATAERR`).
const EXIT_BAD_JOB: i32 = 65;
/// Status of a worker that could not read or write its pipes (`EX_IOERR`).
const EXIT_IO: i32 = 74;

/// Turns this process into a code worker: it answers the jobs on its standard
/// input until that ends, and never returns.
///
/// Call it first thing in `main`, before any thread or file exists. The process
/// exits with status 70, without reading a job, if it cannot lock itself down.
pub fn worker_main() -> ! {
    if let Err(error) = lockdown::enter() {
        // Standard error is closed off by our parent; a person who starts a
        // worker by hand sees this. A lost message changes nothing.
        let _ = writeln!(std::io::stderr(), "code worker: {error}");
        exit(EXIT_NOT_LOCKED);
    }
    let mut input = BufReader::with_capacity(64 * 1024, std::io::stdin().lock());
    let mut line = Vec::new();
    loop {
        match read_line(&mut input, &mut line) {
            Ok(true) => {}
            Ok(false) => exit(0),
            Err(_) => exit(EXIT_IO),
        }
        let Ok(job) = serde_json::from_slice::<Job>(&line) else {
            exit(EXIT_BAD_JOB);
        };
        if answer(&job).is_err() {
            exit(EXIT_IO);
        }
    }
}

/// Reads one line into `line`; false when the input ended.
fn read_line(input: &mut BufReader<StdinLock<'_>>, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    input
        .take(JOB_BYTES_MAX as u64 + 1)
        .read_until(b'\n', line)?;
    Ok(line.ends_with(b"\n"))
}

fn answer(job: &Job) -> std::io::Result<()> {
    let result = match job.language {
        Language::Javascript => {
            lockdown::limit_memory(None)?;
            script::run(job)
        }
        Language::Python => {
            lockdown::limit_memory(Some(job.limits.memory_bytes))?;
            python::run(job)
        }
    };
    let answer = match &result {
        Ok(value) => AnswerRef::Ok(value),
        Err(failure) => AnswerRef::Error(failure),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    let mut output = std::io::stdout().lock();
    output.write_all(&text)?;
    output.flush()
}
