//! The operator's settings of code nodes, and the command that starts a worker.
//!
//! **Invariant:** every limit stays below the address space that a worker leaves
//! itself, so that the engine reports a full memory before the kernel does.

use std::path::PathBuf;

use clap::{Args, value_parser};

/// Most memory one job may be given, in bytes. The address space of a worker is
/// limited once, before its first job, to leave room for this.
pub(crate) const MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Stack of the JavaScript engine, in bytes.
pub(crate) const STACK_BYTES: u64 = 1024 * 1024;

/// Limits of code nodes.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Number of worker processes that run code nodes.
    #[arg(long, env = "TROUPE_CODE_WORKERS", default_value_t = 2, value_parser = value_parser!(u16).range(1..=64))]
    pub code_workers: u16,
    /// Longest time that one code node may run, in milliseconds.
    #[arg(long, env = "TROUPE_CODE_WALL_MS", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..=600_000))]
    pub code_wall_ms: u64,
    /// Memory that one code node may use, in bytes (at most 256 MiB).
    #[arg(long, env = "TROUPE_CODE_MEMORY_BYTES", default_value_t = 64 * 1024 * 1024, value_parser = value_parser!(u64).range(1024 * 1024..=MEMORY_BYTES_MAX))]
    pub code_memory_bytes: u64,
    /// Largest JSON text that one code node may return, in bytes (at most 8 MiB).
    #[arg(long, env = "TROUPE_CODE_OUTPUT_BYTES", default_value_t = 8 * 1024 * 1024, value_parser = value_parser!(u64).range(64..=8 * 1024 * 1024))]
    pub code_output_bytes: u64,
    /// Jobs after which a worker process is replaced; 1 means a new process for each.
    #[arg(long, env = "TROUPE_CODE_JOBS_PER_WORKER", default_value_t = 1_000, value_parser = value_parser!(u32).range(1..))]
    pub code_jobs_per_worker: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            code_workers: 2,
            code_wall_ms: 10_000,
            code_memory_bytes: 64 * 1024 * 1024,
            code_output_bytes: 8 * 1024 * 1024,
            code_jobs_per_worker: 1_000,
        }
    }
}

/// What starts a worker: a program that calls [`crate::worker_main`] first of all.
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

impl WorkerCommand {
    /// The running binary with the argument `code-worker`.
    ///
    /// # Errors
    /// [`std::io::Error`] when the path of the running binary cannot be read.
    pub fn this_binary() -> std::io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            args: vec!["code-worker".to_owned()],
        })
    }
}
