//! One worker process as its parent sees it.
//!
//! **Invariant:** a worker that is dropped is killed. It is kept only after a whole
//! answer, so none ever holds a job that nobody waits for.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    runtime::Handle,
    sync::oneshot,
};

use crate::{
    config::WorkerCommand,
    protocol::{Answer, EXIT_NOT_LOCKED},
};

/// A started worker and its pipes.
pub(crate) struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(crate) jobs: u32,
}

/// Why an exchange with a worker gave no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The worker ended before it took the job.
    NotTaken,
    /// The worker ended, or what it wrote is no answer.
    Crashed,
    /// The worker gave up in the middle of the job, as a program does that gets no
    /// more memory.
    Aborted,
    /// The worker ended because it could not lock itself down.
    NotLocked,
}

impl Worker {
    /// Whether the worker ended since its last job.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends one job line and reads one answer of at most `answer_bytes_max` bytes.
    pub(crate) async fn exchange(
        &mut self,
        job: &[u8],
        answer_bytes_max: u64,
    ) -> Result<Answer, Broken> {
        self.jobs = self.jobs.saturating_add(1);
        if self.input.write_all(job).await.is_err() {
            return Err(match self.ended().await {
                Some(status) if status.code() == Some(EXIT_NOT_LOCKED) => Broken::NotLocked,
                _ => Broken::NotTaken,
            });
        }
        let mut line = Vec::new();
        let read = (&mut self.output)
            .take(answer_bytes_max)
            .read_until(b'\n', &mut line)
            .await;
        if read.is_ok() && line.ends_with(b"\n") {
            return serde_json::from_slice(&line).map_err(|_| Broken::Crashed);
        }
        let taken = self.has_taken(job);
        Err(match self.ended().await {
            Some(status) if status.code() == Some(EXIT_NOT_LOCKED) => Broken::NotLocked,
            _ if !taken => Broken::NotTaken,
            Some(status) if status.signal() == Some(libc::SIGABRT) => Broken::Aborted,
            _ => Broken::Crashed,
        })
    }

    /// Whether the worker read anything of the job. A process that is being killed keeps its end of the pipe open for a
    /// moment, so a job may be written that nobody will ever read.
    fn has_taken(&self, job: &[u8]) -> bool {
        let unread = rustix::io::ioctl_fionread(&self.input);
        unread.is_ok_and(|bytes| bytes < job.len() as u64)
    }

    /// How the worker ended, if it does so soon.
    async fn ended(&mut self) -> Option<ExitStatus> {
        let soon = Duration::from_millis(500);
        tokio::time::timeout(soon, self.child.wait())
            .await
            .ok()?
            .ok()
    }
}

/// Starts workers from one thread of its own.
///
/// A worker asks the kernel to be killed when the *thread* that started it ends,
/// and threads of an async runtime come and go.
pub(crate) struct Starter {
    requests: mpsc::Sender<Request>,
}

struct Request {
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Worker>>,
}

impl Starter {
    pub(crate) fn new(command: WorkerCommand) -> Self {
        let (requests, inbox) = mpsc::channel::<Request>();
        let spawned = thread::Builder::new()
            .name("code-workers".to_owned())
            .spawn(move || {
                // Ends when the starter is dropped, and its workers with it.
                for request in inbox {
                    let _entered = request.runtime.enter();
                    // A caller that went away drops the worker, which kills it.
                    let _ = request.reply.send(start(&command));
                }
            });
        if let Err(error) = spawned {
            // The closed channel makes each later start fail, and that is reported.
            tracing::error!(error = %error, "cannot start the thread of the code workers");
        }
        Self { requests }
    }

    /// Starts one worker.
    pub(crate) async fn start(&self) -> io::Result<Worker> {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            runtime: Handle::current(),
            reply,
        };
        self.requests
            .send(request)
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        answer
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?
    }
}

fn start(command: &WorkerCommand) -> io::Result<Worker> {
    let mut child = Command::new(&command.program)
        .args(&command.args)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Ctrl-C in a terminal goes to a whole process group. Workers must outlive
        // it: a job that is running then would fail instead of draining.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let input = child.stdin.take().expect("standard input is a pipe");
    let output = child.stdout.take().expect("standard output is a pipe");
    Ok(Worker {
        child,
        input,
        output: BufReader::new(output),
        jobs: 0,
    })
}
