//! The event stream of one client.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use contracts::{
    ErrorCode, Problem,
    execution::{GetExecution, ListEvents},
    id::ExecutionId,
};
use futures::{Stream, stream};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::{
    Cursor, Step,
    hub::{Shown, Watch},
};
use crate::caller::Caller;

/// Events of one read of the history.
const STRETCH: u32 = 500;
/// Time one read of the history may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the token is looked at again: a revoked one ends the stream within this time.
const CHECK: Duration = Duration::from_secs(3);
/// After so many checks without a frame the history is read: the last frames may have been lost on the bus.
const SILENT_CHECKS: u32 = 4;

/// What a client receives.
pub(crate) enum Item {
    Event(Arc<Shown>),
    /// Why the stream ends before the execution.
    Problem(Problem),
}

/// Whether there is anything to follow.
pub(crate) enum Resume<S> {
    Stream(S),
    /// The client has seen the terminal event.
    AtTheEnd,
}

/// Follows an execution from the event after `after`.
///
/// # Errors
/// `not_found` for an execution the caller's organization does not have, `forbidden`, `unavailable`; `invalid_input`
/// when `after` names an event that is still to come.
pub(crate) async fn follow(
    caller: Caller,
    execution: ExecutionId,
    after: u64,
) -> Result<Resume<impl Stream<Item = Item> + Send + use<>>, Problem> {
    // The subscription comes first: what is committed after the history was read is then received.
    let watch = caller
        .gate
        .live
        .watch(caller.principal.tenant, execution)
        .await?;
    let mut follower = Follower::new(caller, execution, watch, after);
    follower.read_history().await?;
    if follower.queue.is_empty() && after > 0 && follower.has_seen_all(after).await? {
        return Ok(Resume::AtTheEnd);
    }
    Ok(Resume::Stream(stream::unfold(
        follower,
        |mut follower| async move {
            let item = follower.next().await?;
            Some((item, follower))
        },
    )))
}

struct Follower {
    caller: Caller,
    execution: ExecutionId,
    watch: Watch,
    cursor: Cursor,
    /// Read but not yet emitted.
    queue: VecDeque<Arc<Shown>>,
    /// Something is missing: the history must be read.
    behind: bool,
    over: bool,
    check: Interval,
    silent_checks: u32,
}

impl Follower {
    fn new(caller: Caller, execution: ExecutionId, watch: Watch, after: u64) -> Self {
        let mut check = interval_at(Instant::now() + CHECK, CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            caller,
            execution,
            watch,
            cursor: Cursor(after),
            queue: VecDeque::new(),
            behind: false,
            over: false,
            check,
            silent_checks: 0,
        }
    }

    async fn next(&mut self) -> Option<Item> {
        while !self.over {
            if let Some(frame) = self.queue.pop_front() {
                match self.cursor.accept(&frame) {
                    Step::Emit => {
                        self.over = frame.event.is_final();
                        return Some(Item::Event(frame));
                    }
                    Step::Skip => {}
                    Step::Gap => self.behind = true,
                }
                continue;
            }
            if std::mem::take(&mut self.behind) {
                match self.read_history().await {
                    Ok(()) => continue,
                    Err(problem) if is_passing(problem.code) => {
                        tracing::debug!(%problem, "the history cannot be read at present");
                        // Tried again at the next check.
                        self.silent_checks = SILENT_CHECKS - 1;
                    }
                    Err(problem) => return Some(self.end(problem)),
                }
            }
            if let Some(problem) = self.wait().await {
                return Some(self.end(problem));
            }
        }
        None
    }

    /// Waits for a frame, or for the time to check; a problem ends the stream.
    async fn wait(&mut self) -> Option<Problem> {
        tokio::select! {
            () = self.caller.gate.stop.cancelled() => {
                let detail = "this gateway shuts down: connect again with `Last-Event-ID`";
                return Some(Problem::new(ErrorCode::Unavailable, detail).with_retry_after_ms(1000));
            }
            received = self.watch.frames.recv() => match received {
                Ok(frame) => {
                    self.silent_checks = 0;
                    self.queue.push_back(frame);
                }
                // Too slow, or the connection to NATS was lost for good: the history has what is missing.
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => {
                    let detail = "live events broke off: connect again with `Last-Event-ID`";
                    return Some(Problem::new(ErrorCode::Unavailable, detail));
                }
            },
            _ = self.check.tick() => {
                let verdict = self.caller.gate.verifier.verify(&self.caller.token).await;
                if let Err(problem) = verdict {
                    return Some(problem);
                }
                self.silent_checks += 1;
                self.behind = self.silent_checks.is_multiple_of(SILENT_CHECKS);
            }
        }
        None
    }

    /// Reads on from the last emitted frame. What was queued before is dropped: the history has it too.
    async fn read_history(&mut self) -> Result<(), Problem> {
        let request = ListEvents {
            execution_id: self.execution,
            after: self.cursor.0,
            limit: Some(STRETCH),
        };
        let tenant = self.caller.principal.tenant;
        let (gate, token) = (&self.caller.gate, &*self.caller.token);
        let _turn = gate.live.turn().await;
        let deadline = Instant::now() + PATIENCE;
        let events = gate.ask(tenant, Some(token), deadline, &request).await?;
        self.queue = events.items.into_iter().map(Shown::new).collect();
        self.behind = events.next.is_some() && !self.queue.is_empty();
        Ok(())
    }

    /// Whether `after` is the execution's last event.
    async fn has_seen_all(&self, after: u64) -> Result<bool, Problem> {
        let request = GetExecution {
            execution_id: self.execution,
        };
        let tenant = self.caller.principal.tenant;
        let deadline = Instant::now() + PATIENCE;
        let (gate, token) = (&self.caller.gate, &*self.caller.token);
        let execution = gate.ask(tenant, Some(token), deadline, &request).await?;
        if after > execution.last_event {
            let detail = format!(
                "event {after} is still to come: the last one is {}",
                execution.last_event
            );
            return Err(Problem::new(ErrorCode::InvalidInput, detail).with_reason("event_unknown"));
        }
        Ok(execution.state.is_final() && after == execution.last_event)
    }

    fn end(&mut self, problem: Problem) -> Item {
        self.over = true;
        Item::Problem(problem)
    }
}

/// Whether the same read may work a little later.
fn is_passing(code: ErrorCode) -> bool {
    match code {
        ErrorCode::Timeout
        | ErrorCode::Unavailable
        | ErrorCode::Internal
        | ErrorCode::RateLimited => true,
        ErrorCode::InvalidInput
        | ErrorCode::Unauthenticated
        | ErrorCode::Forbidden
        | ErrorCode::NotFound
        | ErrorCode::Conflict => false,
    }
}
