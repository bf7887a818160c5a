//! What the kernel says of a worker, and what happens without the lock-down.

use std::{collections::HashMap, path::PathBuf, process::Stdio};

use sandbox::{Error, Sandbox, WorkerCommand};
use serde_json::json;
use tokio::process::Command;

use crate::{config, processes, run, sandbox, worker};

fn table(pid: u32, file: &str, separator: &str) -> HashMap<String, String> {
    let path = format!("/proc/{pid}/{file}");
    let text = std::fs::read_to_string(path).expect("a running process has this file");
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_worker_has_no_rights_left() {
    let sandbox = sandbox("lockdown-status");
    assert_eq!(run(&sandbox, "export default () => 1").await, Ok(json!(1)));
    let pid = processes("lockdown-status")[0];
    let status = table(pid, "status", ":");
    assert_eq!(status["Seccomp"], "2");
    assert_eq!(status["NoNewPrivs"], "1");
    assert_eq!(status["Threads"], "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status[set], "0000000000000000", "{set}");
    }
    let own = table(std::process::id(), "status", ":");
    if own["Uid"].starts_with("0\t") {
        assert_eq!(status["Uid"], "65534\t65534\t65534\t65534");
        assert_eq!(status["Gid"], "65534\t65534\t65534\t65534");
        assert_eq!(status["Groups"], "");
    }
    let limits = table(pid, "limits", "  ");
    for name in ["Max file size", "Max processes", "Max core file size"] {
        let values = limits[name].split_whitespace().take(2);
        assert_eq!(values.collect::<Vec<_>>(), ["0", "0"], "{name}");
    }
    assert!(limits["Max open files"].starts_with("3 "));
    assert!(!limits["Max address space"].starts_with("unlimited"));
}

#[tokio::test]
async fn a_worker_that_cannot_lock_itself_down_takes_no_job() {
    let mut command = worker("lockdown-refused");
    command.args.push("second-thread".to_owned());
    let status = Command::new(&command.program)
        .args(&command.args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .unwrap();
    assert_eq!(status.code(), Some(70));

    let sandbox = Sandbox::new(config(), command);
    let error = run(&sandbox, "export default () => 1").await.unwrap_err();
    assert_eq!(error.code(), "sandbox_unavailable");
    assert_eq!(processes("lockdown-refused"), Vec::<u32>::new());
}

#[tokio::test]
async fn a_missing_worker_is_unavailable() {
    let command = WorkerCommand {
        program: PathBuf::from("/nonexistent/worker"),
        args: Vec::new(),
    };
    let sandbox = Sandbox::new(config(), command);
    let error = run(&sandbox, "export default () => 1").await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}
