//! The parent's side: a bounded number of warm workers, and one job for each.
//!
//! **Invariant:** never more workers than configured run. A worker is out of the
//! pool while it has a job; it comes back only after a whole answer in time.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    config::{Config, STACK_BYTES, WorkerCommand},
    error::Error,
    process::{Broken, Starter, Worker},
    protocol::{
        ANSWER_SLACK_BYTES, Answer, Failure, FailureKind, JOB_BYTES_MAX, JobRef, Language, Limits,
    },
};

/// How long a worker may be late before it is killed. The engine stops nearly all
/// code at its limit; some native operations cannot be interrupted.
const GRACE: Duration = Duration::from_millis(500);

/// Runs code of users in child processes, which it starts when they are needed.
pub struct Sandbox {
    config: Config,
    starter: Starter,
    permits: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

impl Sandbox {
    /// A sandbox whose workers are started by `worker`.
    #[must_use]
    pub fn new(config: Config, worker: WorkerCommand) -> Self {
        Self {
            permits: Semaphore::new(usize::from(config.code_workers)),
            starter: Starter::new(worker),
            idle: Mutex::default(),
            config,
        }
    }

    /// Runs `source`, an ES module whose default export is a function (async or
    /// not) of one argument, with `argument`, and gives what it returns.
    ///
    /// `timeout` bounds both the wait for a free worker and the run; the configured
    /// limit bounds the run as well. Dropping the future kills the worker.
    ///
    /// # Errors
    /// [`Error`] says whether the code, its size or the sandbox is to blame.
    pub async fn run(
        &self,
        source: &str,
        argument: &serde_json::Value,
        timeout: Duration,
    ) -> Result<serde_json::Value, Error> {
        let limits = self.limits(timeout);
        let job = JobRef {
            language: Language::Javascript,
            source,
            argument,
            limits,
        };
        self.perform(&job, timeout).await
    }

    /// Runs `source`, Python that defines a function `run`, with the entries of
    /// `arguments` as its named arguments, and gives what it returns. The language
    /// is a subset, and no module but a few of its own can be imported.
    ///
    /// Time and dropping are as in [`Sandbox::run`].
    ///
    /// # Errors
    /// As [`Sandbox::run`].
    pub async fn run_python(
        &self,
        source: &str,
        arguments: &serde_json::Value,
        timeout: Duration,
    ) -> Result<serde_json::Value, Error> {
        let limits = self.limits(timeout);
        let job = JobRef {
            language: Language::Python,
            source,
            argument: arguments,
            limits,
        };
        self.perform(&job, timeout).await
    }

    async fn perform(
        &self,
        job: &JobRef<'_>,
        timeout: Duration,
    ) -> Result<serde_json::Value, Error> {
        let (language, limits) = (job.language, job.limits);
        let job = encode(job)?;
        let Ok(permit) = tokio::time::timeout(timeout, self.permits.acquire()).await else {
            return Err(unavailable("all workers are busy"));
        };
        let _permit = permit.expect("the semaphore is never closed");
        let (worker, answer) = self.exchange(&job, language, limits).await?;
        if worker.jobs < self.config.code_jobs_per_worker {
            self.idle().push(worker);
        }
        match answer {
            Answer::Ok(value) => Ok(value),
            Answer::Error(failure) => Err(error_of(failure, limits)),
        }
    }

    fn limits(&self, timeout: Duration) -> Limits {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Limits {
            wall_ms: timeout_ms.clamp(1, self.config.code_wall_ms),
            memory_bytes: self.config.code_memory_bytes,
            stack_bytes: STACK_BYTES,
            output_bytes: self.config.code_output_bytes,
        }
    }

    async fn exchange(
        &self,
        job: &[u8],
        language: Language,
        limits: Limits,
    ) -> Result<(Worker, Answer), Error> {
        let answer_bytes_max = limits.output_bytes + ANSWER_SLACK_BYTES;
        let wall = Duration::from_millis(limits.wall_ms) + GRACE;
        loop {
            let (mut worker, is_new) = self.worker().await?;
            let exchange = worker.exchange(job, answer_bytes_max);
            let broken = match tokio::time::timeout(wall, exchange).await {
                Ok(Ok(answer)) => return Ok((worker, answer)),
                Ok(Err(broken)) => broken,
                Err(_) => {
                    tracing::warn!("killed a code worker that did not stop at its time limit");
                    let limit_ms = limits.wall_ms;
                    return Err(Error::Timeout { limit_ms });
                }
            };
            match broken {
                // It died between two jobs, and did not see this one.
                Broken::NotTaken if !is_new => {}
                Broken::NotLocked => {
                    return Err(unavailable("the worker cannot lock itself down"));
                }
                Broken::NotTaken => return Err(unavailable("the worker does not take jobs")),
                // Where the memory of Python ends, its process does.
                Broken::Aborted if language == Language::Python => {
                    let limit_bytes = limits.memory_bytes;
                    return Err(Error::Memory { limit_bytes });
                }
                Broken::Aborted | Broken::Crashed => {
                    tracing::warn!("a code worker crashed and is replaced");
                    return Err(Error::Crashed);
                }
            }
        }
    }

    /// An idle worker that is alive, or a new one.
    async fn worker(&self) -> Result<(Worker, bool), Error> {
        loop {
            let Some(mut worker) = self.idle().pop() else {
                break;
            };
            if !worker.has_ended() {
                return Ok((worker, false));
            }
        }
        let worker = self.starter.start().await.map_err(|error| {
            tracing::error!(error = %error, "cannot start a code worker");
            unavailable("the worker cannot be started")
        })?;
        Ok((worker, true))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        // Nothing panics while it holds this lock, and a list of workers is
        // whole after each of its operations.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(job: &JobRef<'_>) -> Result<Vec<u8>, Error> {
    let mut line = serde_json::to_vec(job).expect("JSON values and text always serialise");
    line.push(b'\n');
    if line.len() > JOB_BYTES_MAX {
        return Err(Error::InputTooLarge {
            bytes: line.len() as u64,
            limit_bytes: JOB_BYTES_MAX as u64,
        });
    }
    Ok(line)
}

fn error_of(failure: Failure, limits: Limits) -> Error {
    let Failure {
        kind,
        message,
        line,
    } = failure;
    match kind {
        FailureKind::Timeout => Error::Timeout {
            limit_ms: limits.wall_ms,
        },
        FailureKind::Memory => Error::Memory {
            limit_bytes: limits.memory_bytes,
        },
        FailureKind::Stack => Error::Stack,
        FailureKind::Exception => Error::Exception { message, line },
        FailureKind::Syntax => Error::Syntax { message, line },
        FailureKind::OutputTooLarge => Error::OutputTooLarge {
            limit_bytes: limits.output_bytes,
        },
        FailureKind::NotJson => Error::NotJson { message },
    }
}

fn unavailable(reason: &str) -> Error {
    Error::Unavailable {
        reason: reason.to_owned(),
    }
}
