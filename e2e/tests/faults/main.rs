//! The smallest part of `cargo xtask faults`, with a seed that does not change.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

#[test]
fn what_was_acknowledged_survives_kills() {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults");
    let mut faults = Command::new(env!("CARGO_BIN_EXE_faults"));
    faults.args(["--smoke", "--seed", "1", "--folder", folder]);
    let told = faults.output().unwrap();
    let (report, steps) = (
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr),
    );
    assert!(told.status.success(), "{steps}\n{report}");
    assert!(
        report.contains("killed") || steps.contains("killed"),
        "{steps}\n{report}"
    );
}
