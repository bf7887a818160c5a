//! Workers are shared, replaced and never left behind.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use sandbox::{Error, Sandbox, WorkerCommand};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{LONG, config, eventually, processes, run, sandbox, worker};

const ENDLESS: &str = "export default () => { while (true); }";

fn kill(pid: u32) {
    signal("-9", pid);
}

fn signal(signal: &str, pid: u32) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(status.expect("`kill` is installed").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_jobs_share_two_workers() {
    let sandbox = Arc::new(sandbox("pool-fifty"));
    let mut jobs = JoinSet::new();
    for n in 0..50 {
        let sandbox = Arc::clone(&sandbox);
        jobs.spawn(async move {
            let source = "export default async ({n}) => n * n";
            let value = sandbox.run(source, &json!({"n": n}), LONG).await;
            assert_eq!(value, Ok(json!(n * n)));
            assert!(processes("pool-fifty").len() <= 2);
        });
    }
    assert_eq!(jobs.join_all().await.len(), 50);
    assert!(!processes("pool-fifty").is_empty());
}

#[tokio::test]
async fn an_idle_worker_that_was_killed_is_replaced() {
    let sandbox = sandbox("pool-killed");
    let first = run(&sandbox, "export default () => 1").await;
    assert_eq!(first, Ok(json!(1)));
    let pid = processes("pool-killed")[0];
    kill(pid);
    eventually("the worker is dead", || processes("pool-killed").is_empty()).await;
    let second = run(&sandbox, "export default () => 2").await;
    assert_eq!(second, Ok(json!(2)));
    assert_ne!(processes("pool-killed"), [pid]);
}

#[tokio::test]
async fn a_job_that_a_dying_worker_never_read_goes_to_the_next() {
    let sandbox = sandbox("pool-dying");
    assert_eq!(run(&sandbox, "export default () => 1").await, Ok(json!(1)));
    let pid = processes("pool-dying")[0];
    // It reads nothing any more, and its pipe is open still.
    signal("-STOP", pid);
    eventually("the worker has stopped", || stat_of(pid)[0] == "T").await;
    // The job is in the pipe when the first of the two waits.
    let (second, ()) = tokio::join!(run(&sandbox, "export default () => 2"), async { kill(pid) });
    assert_eq!(second, Ok(json!(2)));
}

#[tokio::test]
async fn a_busy_worker_that_is_killed_fails_its_job_alone() {
    let sandbox = Arc::new(sandbox("pool-busy"));
    let mut jobs = JoinSet::new();
    let busy = Arc::clone(&sandbox);
    jobs.spawn(async move { run(&busy, ENDLESS).await });
    eventually("the worker runs", || processes("pool-busy").len() == 1).await;
    kill(processes("pool-busy")[0]);
    let error = jobs.join_next().await.unwrap().unwrap().unwrap_err();
    // Killed before it took the job, or while it ran it.
    let expected = matches!(error, Error::Crashed | Error::Unavailable { .. });
    assert!(expected, "{error:?}");
    let next = run(&sandbox, "export default () => 2").await;
    assert_eq!(next, Ok(json!(2)));
}

#[tokio::test]
async fn a_dropped_run_kills_its_worker() {
    let sandbox = Arc::new(sandbox("pool-dropped"));
    let mut jobs = JoinSet::new();
    let busy = Arc::clone(&sandbox);
    jobs.spawn(async move { run(&busy, ENDLESS).await });
    eventually("the worker runs", || processes("pool-dropped").len() == 1).await;
    jobs.shutdown().await;
    eventually("the worker is dead", || {
        processes("pool-dropped").is_empty()
    })
    .await;
    let next = run(&sandbox, "export default () => 2").await;
    assert_eq!(next, Ok(json!(2)));
}

#[tokio::test]
async fn a_dropped_sandbox_leaves_no_worker() {
    let sandbox = sandbox("pool-left");
    assert!(run(&sandbox, "export default () => 1").await.is_ok());
    assert_eq!(processes("pool-left").len(), 1);
    drop(sandbox);
    eventually("the worker is dead", || processes("pool-left").is_empty()).await;
}

#[tokio::test]
async fn a_worker_is_replaced_after_its_last_job() {
    let mut config = config();
    config.code_jobs_per_worker = 1;
    let sandbox = Sandbox::new(config, worker("pool-single"));
    for n in 0..3 {
        let value = run(&sandbox, &format!("export default () => {n}")).await;
        assert_eq!(value, Ok(json!(n)));
        eventually("the worker is gone", || processes("pool-single").is_empty()).await;
    }
}

#[tokio::test]
async fn who_waits_too_long_for_a_worker_is_told() {
    let mut config = config();
    config.code_workers = 1;
    let sandbox = Arc::new(Sandbox::new(config, worker("pool-wait")));
    let mut jobs = JoinSet::new();
    let busy = Arc::clone(&sandbox);
    jobs.spawn(async move { run(&busy, ENDLESS).await });
    eventually("the worker runs", || processes("pool-wait").len() == 1).await;
    let wait = Duration::from_millis(50);
    let error = sandbox
        .run("export default () => 1", &json!({}), wait)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "sandbox_unavailable");
}

#[tokio::test]
async fn a_worker_that_answers_nonsense_is_not_kept() {
    for script in [
        "read x; echo nonsense; read y",
        "read x; exit 1",
        "read x; yes",
    ] {
        let command = WorkerCommand {
            program: PathBuf::from("/bin/sh"),
            args: vec![
                "-c".to_owned(),
                script.to_owned(),
                "pool-nonsense".to_owned(),
            ],
        };
        let sandbox = Sandbox::new(config(), command);
        let error = run(&sandbox, "export default () => 1").await;
        assert_eq!(error, Err(Error::Crashed), "{script}");
        eventually("the worker is dead", || {
            processes("pool-nonsense").is_empty()
        })
        .await;
    }
}

#[tokio::test]
async fn a_signal_of_the_terminal_does_not_reach_workers() {
    let sandbox = sandbox("pool-terminal");
    assert!(run(&sandbox, "export default () => 1").await.is_ok());
    let pid = processes("pool-terminal")[0];
    assert_eq!(stat_of(pid)[2], pid.to_string());
}

/// State, parent, process group and so on; see `proc_pid_stat(5)`.
fn stat_of(pid: u32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    // After the name in brackets.
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    fields.split_whitespace().map(str::to_owned).collect()
}
