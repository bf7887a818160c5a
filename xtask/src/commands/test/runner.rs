//! The test runner: nextest where it is installed, else `cargo test`.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Result, bail};

use crate::{cargo, interrupts::Interrupts, process};

const CLOSING_LINES: usize = 40;

pub(crate) fn command(arguments: &[String]) -> Command {
    let has_nextest = process::output(&mut cargo::cargo(&["nextest", "--version"])).is_ok();
    let mut command = if has_nextest {
        cargo::cargo(&["nextest", "run", "--workspace"])
    } else {
        cargo::cargo(&["test", "--workspace", "--no-fail-fast"])
    };
    command.args(arguments);
    command
}

/// Runs the tests with their output on this terminal, and returns the lines that
/// sum them up.
pub(crate) fn run(mut command: Command, interrupts: &Interrupts) -> Result<String> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let closing = Arc::new(Mutex::new(VecDeque::new()));
    let mut echoes = Vec::new();
    let status = process::run_watched(&mut command, interrupts, |child| {
        for stream in [
            child.stdout.take().map(boxed),
            child.stderr.take().map(boxed),
        ]
        .into_iter()
        .flatten()
        {
            let closing = Arc::clone(&closing);
            echoes.push(thread::spawn(move || echo(stream, &closing)));
        }
    })?;
    for echo in echoes {
        // An echo that panicked has lost lines of output, not the result.
        echo.join().ok();
    }
    let mut closing = closing.lock().unwrap_or_else(PoisonError::into_inner);
    let summary = summary(closing.make_contiguous());
    if !status.success() {
        bail!("tests failed\n{summary}");
    }
    Ok(summary)
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

fn echo(stream: Box<dyn Read + Send>, closing: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        eprintln!("{line}");
        let mut closing = closing.lock().unwrap_or_else(PoisonError::into_inner);
        if closing.len() == CLOSING_LINES {
            closing.pop_front();
        }
        closing.push_back(line);
    }
}

/// nextest's `Summary` and what follows it, or the `test result` lines.
fn summary(lines: &[String]) -> String {
    if let Some(at) = lines.iter().rposition(|line| line.contains("Summary [")) {
        return lines[at..].join("\n");
    }
    let results: Vec<&str> = lines
        .iter()
        .filter(|line| line.starts_with("test result") || line.starts_with("error"))
        .map(String::as_str)
        .collect();
    results.join("\n")
}
