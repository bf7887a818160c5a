//! The sandbox with real worker processes.

mod limits;
mod lockdown;
mod pool;
mod python;
mod values;

use std::{path::PathBuf, time::Duration};

use sandbox::{Config, Error, Sandbox, WorkerCommand};
use serde_json::{Value, json};

/// More than any test's own limit, for jobs that are not about time.
const LONG: Duration = Duration::from_secs(30);

fn config() -> Config {
    Config {
        code_workers: 2,
        code_wall_ms: 10_000,
        code_memory_bytes: 64 * 1024 * 1024,
        code_output_bytes: 64 * 1024,
        code_jobs_per_worker: 1_000,
    }
}

/// The command of a worker that carries `marker` in its arguments, to be found by.
fn worker(marker: &str) -> WorkerCommand {
    WorkerCommand {
        program: PathBuf::from(env!("CARGO_BIN_EXE_sandbox-worker")),
        args: vec![marker.to_owned()],
    }
}

fn sandbox(marker: &str) -> Sandbox {
    Sandbox::new(config(), worker(marker))
}

async fn run(sandbox: &Sandbox, source: &str) -> Result<Value, Error> {
    let argument = json!({"input": {"n": 20}, "nodes": {"fetch": {"output": [1, 2]}}});
    sandbox.run(source, &argument, LONG).await
}

/// The processes that carry `marker` in their arguments and still run.
fn processes(marker: &str) -> Vec<u32> {
    let all = std::fs::read_dir("/proc")
        .expect("Linux has `/proc`")
        .flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            // A process may end between the listing and this; then it is not running.
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0)
                .any(|arg| arg == marker.as_bytes())
        })
        .collect()
}

/// Waits until `condition` holds, and panics if it never does.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let poll = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        while !condition() {
            ticks.tick().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), poll).await;
    assert!(in_time.is_ok(), "it never came true that {what}");
}
