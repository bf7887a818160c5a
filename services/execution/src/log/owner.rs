//! The owner of a partition: one task that takes requests, commits in groups, and does what becomes due.
//!
//! **Invariant:** it takes nothing in and answers nothing while its lease is not valid; what it could not store is lost
//! with it, and nobody has heard of it.

use std::{
    collections::{BTreeSet, HashMap},
    iter,
    sync::Arc,
    time::Duration,
};

use bus::{Bus, Incoming, Reply};
use chrono::{DateTime, SubsecRound, Utc};
use contracts::{
    ErrorCode, Problem,
    execution::StepError,
    id::{ExecutionId, TenantId},
    owner::{
        self, Cancel, Claim, Get, GiveAnswer, GiveApproval, Hold, OwnerKind, Pause, ReadEvents,
        Release, Resume,
    },
};
use futures::FutureExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    door::{Door, Room},
    effects::{Dispatch, Outlet, Task},
    in_hand::InHand,
    index::Index,
    lease::Lease,
    partition::{Action, Answer, Limits, Partition, Ticket},
    reviving::Source,
    starts::Checked,
    storing::{self, Storing},
    takeover,
    timers::Timers,
};
use crate::{
    Error, archive,
    domain::{Effect, Input, state::At},
    failpoint,
    headers::HeaderQueue,
    measure,
    payloads::Payloads,
    plans::Plans,
    retention,
    store::ExecutionStore,
    workers::hands::{Giver, Hands},
};

mod beginning;
mod indexing;
mod keeping;
mod lateness;
mod loading;
mod parking;
mod taking;

/// Time between two looks at what may leave memory and the log.
const HOUSEKEEPING: Duration = Duration::from_millis(200);
/// The pause before a partition is tried for again.
const PAUSE: Duration = Duration::from_millis(500);
/// Time between two looks of a draining owner whether all is done.
const LOOK: Duration = Duration::from_millis(5);
/// How long a draining owner finishes what it has begun.
const DRAIN: Duration = Duration::from_secs(5);

/// What the owners of a process share.
pub(crate) struct Engine {
    pub(crate) bus: Bus,
    pub(crate) plans: Plans,
    pub(crate) payloads: Payloads,
    pub(crate) store: ExecutionStore,
    pub(crate) archive: documents::Archive,
    pub(crate) limits: Limits,
    pub(crate) room: Room,
    /// Time between two looks for executions to be forgotten.
    pub(crate) sweep_every: Duration,
    pub(crate) dispatches: Arc<Semaphore>,
    pub(crate) hands: Arc<Hands>,
}

impl Engine {
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            archive: &self.archive,
            plans: &self.plans,
            payloads: &self.payloads,
        }
    }
}

/// What the tasks beside the loop tell it.
pub(crate) enum Note {
    Start(Box<Checked>),
    Refused {
        execution: ExecutionId,
        node: String,
        attempt: u32,
        error: StepError,
    },
    /// Whether an earlier step was the same, and its output.
    Looked {
        execution: ExecutionId,
        node: String,
        attempt: u32,
        found: Option<Value>,
    },
    /// The event that a node waits for.
    Heard {
        execution: ExecutionId,
        node: String,
        output: Value,
    },
    /// All entries up to this one are in the archive.
    Archived(u64),
    /// Header rows that count so many events are written.
    Written(Vec<(ExecutionId, u64)>),
    /// What the archive has of an execution.
    Read(Box<parking::ReadBack>),
    /// The value that a request named.
    Loaded(Box<loading::Loaded>),
    /// Executions that have values of their own, in the partition's stream.
    WithPayloads(BTreeSet<(TenantId, ExecutionId)>),
    /// The events of an execution that is over may expire.
    Expires(ExecutionId),
    /// The execution that began this one has heard of its end.
    Told(ExecutionId),
    /// Chunks of the index are stored; none where another owner has claimed it.
    Indexed(Option<(Box<Index>, Vec<u16>)>),
}

/// Why an owner stopped being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// The service drains.
    Stopped,
    /// Someone else owns the partition, or may.
    Lost,
}

/// Tries to own a partition until the service drains.
pub(crate) async fn run(engine: Arc<Engine>, partition: u16, stop: CancellationToken) {
    let holder = ExecutionId::generate().to_string();
    while !stop.is_cancelled() {
        let lease = match Lease::acquire(&engine.bus, partition, &holder, &stop).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, partition, "the lease cannot be asked for");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        failpoint::pass(failpoint::LEASED);
        let left = own(&engine, partition, &lease, &stop).await;
        lease.release().await;
        match left {
            Ok(Left::Stopped) => return,
            Ok(Left::Lost) => tracing::warn!(partition, "the partition has another owner"),
            Err(error @ Error::CorruptLog { .. }) => {
                // Skipping what cannot be read would lose executions without a word: a person has to look.
                let cause = error.source_text();
                tracing::error!(partition, alarm = "corrupt_log", cause, "{error}");
                return stop.cancelled().await;
            }
            Err(error) => {
                tracing::warn!(partition, cause = error.source_text(), "{error}");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn own(
    engine: &Arc<Engine>,
    number: u16,
    lease: &Lease,
    stop: &CancellationToken,
) -> Result<Left, Error> {
    let taken = tokio::select! {
        taken = takeover::take_over(engine, number) => taken?,
        () = lease.lost() => return Ok(Left::Lost),
    };
    let requests = engine.bus.own(number).await?;
    tracing::info!(
        partition = number,
        epoch = taken.partition.epoch(),
        executions = taken.partition.slots.len(),
        "owning a partition"
    );
    let door = Arc::new(Door::new(engine.bus.clone(), engine.room));
    let (notes, told) = mpsc::channel(256);
    let headers = Arc::new(HeaderQueue::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(door.clone().keep(requests, stop.clone()));
    let (queue, store, sender) = (headers.clone(), engine.clone(), notes.clone());
    tasks.spawn(async move { queue.write(&store.store, &sender).await });
    let progress = archive::Progress::new(taken.partition.last());
    let follower = archive::Follower {
        engine: engine.clone(),
        partition: number,
        archived: taken.archived,
        progress: progress.clone(),
        notes: notes.clone(),
    };
    tasks.spawn(follower.run());
    if number == 0 {
        tasks.spawn(retention::sweep(engine.clone(), engine.sweep_every));
    }
    let outlet = Outlet {
        bus: engine.bus.clone(),
        headers,
        notes,
        hands: engine.hands.clone(),
        giver: Arc::new(Giver::new(lease.held(), engine.dispatches.clone())),
    };
    let mut owner = Owner {
        engine: engine.clone(),
        number,
        fresh_since: taken.fresh_since,
        partition: taken.partition,
        archived: taken.archived,
        trimmed: 0,
        trim_at: Instant::now() + keeping::TRIM,
        progress,
        outlet,
        timers: Timers::default(),
        waiting: HashMap::new(),
        tickets: 0,
        storing: None,
        in_hand: InHand::default(),
        door,
        reading: parking::Reading::default(),
        loading: Arc::new(Semaphore::new(loading::MAX_LOADED)),
        sweep_at: Instant::now() + keeping::FIRST_SWEEP,
        indexing: indexing::Indexing::new(taken.index),
        work: JoinSet::new(),
        _tasks: tasks,
    };
    owner.partition.resume(now());
    owner.wake_those_at_work();
    owner.perform().await;
    let left = owner.serve(told, lease, stop).await;
    owner.dismiss().await;
    Ok(left)
}

struct Owner {
    engine: Arc<Engine>,
    number: u16,
    /// Executions whose ids are older than this may have run under an earlier owner.
    fresh_since: Option<DateTime<Utc>>,
    partition: Partition,
    archived: u64,
    trimmed: u64,
    trim_at: Instant,
    progress: archive::Progress,
    outlet: Outlet,
    timers: Timers,
    waiting: HashMap<Ticket, Reply>,
    tickets: u64,
    storing: Option<Storing>,
    in_hand: InHand,
    door: Arc<Door>,
    reading: parking::Reading,
    loading: Arc<Semaphore>,
    sweep_at: Instant,
    indexing: indexing::Indexing,
    /// Dispatches and starts under way.
    work: JoinSet<()>,
    /// The door, archive and header rows; they end with the owner.
    _tasks: JoinSet<()>,
}

impl Owner {
    async fn serve(
        &mut self,
        mut told: mpsc::Receiver<Note>,
        lease: &Lease,
        stop: &CancellationToken,
    ) -> Left {
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        let mut drained_by = None;
        loop {
            self.begin_append();
            if let Some(by) = drained_by
                && (self.is_done() || Instant::now() >= by)
            {
                return Left::Stopped;
            }
            let full = self.partition.is_full();
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = lease.lost() => return Left::Lost,
                stored = storing::poll(&mut self.storing) => {
                    self.storing = None;
                    let Some((sequence, message)) = stored else { return Left::Lost };
                    failpoint::pass(failpoint::STORED);
                    self.partition.stored(sequence);
                    self.progress.stored(sequence, message);
                }
                Some(note) = told.recv() => self.note(note),
                () = sleep_until(wake) => self.fire(),
                _ = housekeeping.tick() => self.keep_house(),
                () = stop.cancelled(), if drained_by.is_none() => {
                    drained_by = Some(Instant::now() + DRAIN);
                }
                () = self.door.news() => {
                    if self.door.is_closed() && drained_by.is_none() {
                        return Left::Lost;
                    }
                }
                () = tokio::time::sleep(LOOK), if drained_by.is_some() => {}
                () = tokio::task::yield_now(), if !full && !self.door.is_empty() => {}
            }
            if !lease.is_valid() || self.indexing.is_lost() {
                return Left::Lost;
            }
            self.perform().await;
            // What was taken in meanwhile is stored while more is.
            self.begin_append();
            self.take_in_turn();
            self.perform().await;
        }
    }

    fn is_done(&mut self) -> bool {
        while self.work.try_join_next().is_some() {}
        self.door.is_closed()
            && self.door.is_empty()
            && self.partition.is_idle()
            && self.storing.is_none()
            && self.work.is_empty()
    }

    fn begin_append(&mut self) {
        if self.storing.is_some() {
            return;
        }
        if let Some(append) = self.partition.next_append() {
            let (bus, number) = (self.engine.bus.clone(), self.number);
            self.storing = Some(storing::store(bus, number, append).boxed());
        }
    }

    fn take(&mut self, message: Incoming) {
        self.take_given(message, loading::Given::default());
    }

    fn take_given(&mut self, message: Incoming, mut given: loading::Given) {
        let incoming = &message;
        let Some(ticket) = self.ticket(incoming) else {
            return;
        };
        let kind = incoming.subject().rsplit('.').next();
        let taken =
            match kind.and_then(OwnerKind::parse) {
                Some(OwnerKind::Start) => loading::read(incoming, &mut given)
                    .map(|it| it.into_iter().for_each(|start| self.start(ticket, start))),
                Some(OwnerKind::Release) => read::<Release>(incoming)
                    .map(|release| self.partition.release(ticket, &release, now())),
                Some(OwnerKind::Claim) => read::<Claim>(incoming).map(|claim| {
                    let (id, node) = (claim.execution_id, &claim.node);
                    self.in_hand.was_queued(id, node, claim.attempt);
                    self.claimed(&claim);
                    self.partition.claim(ticket, &claim, now());
                }),
                Some(OwnerKind::Hold) => read::<Hold>(incoming).map(|hold| {
                    let (id, node) = (hold.execution_id, &hold.node);
                    self.in_hand
                        .said(id, node, hold.attempt, Instant::now().into_std());
                    self.partition.hold(ticket, &hold);
                }),
                Some(OwnerKind::Result) => loading::read(incoming, &mut given).map(|it| {
                    it.into_iter().for_each(|result: owner::Result| {
                        let (id, node) = (result.execution_id, &result.node);
                        self.outlet.giver.begun.forget(id, node, result.attempt);
                        self.partition.result(ticket, result, now());
                    });
                }),
                Some(OwnerKind::Ended) => loading::read(incoming, &mut given).map(|it| {
                    it.into_iter()
                        .for_each(|ended| self.partition.ended(ticket, ended, now()));
                }),
                Some(OwnerKind::Cancel) => read::<Cancel>(incoming)
                    .map(|cancel| self.partition.cancel(ticket, &cancel, now())),
                Some(OwnerKind::Pause) => {
                    read::<Pause>(incoming).map(|pause| self.partition.pause(ticket, &pause, now()))
                }
                Some(OwnerKind::Resume) => read::<Resume>(incoming)
                    .map(|resume| self.partition.unpause(ticket, &resume, now())),
                Some(OwnerKind::Get) => {
                    read::<Get>(incoming).map(|get| self.partition.get(ticket, &get))
                }
                Some(OwnerKind::Events) => read::<ReadEvents>(incoming)
                    .map(|events| self.partition.events(ticket, &events)),
                Some(OwnerKind::Approve) => read::<GiveApproval>(incoming)
                    .map(|given| self.partition.decide(ticket, given, now())),
                Some(OwnerKind::Signal) => loading::read(incoming, &mut given).map(|it| {
                    it.into_iter()
                        .for_each(|signal| self.partition.signal(ticket, signal, now()));
                }),
                Some(OwnerKind::Answer) => read::<GiveAnswer>(incoming)
                    .map(|given| self.partition.answer_node(ticket, given, now())),
                None => Err(Problem::malformed(
                    "the owner of a partition knows no such question",
                )),
            };
        if let Err(problem) = taken {
            self.partition.refuse(ticket, problem);
        }
        if let Some(wanted) = given.wanted {
            return self.load(wanted, ticket, message);
        }
        if let Some(id) = self.partition.wanted() {
            self.wait_for(id, ticket, message);
        }
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Start(checked) => self.checked(*checked),
            Note::Refused {
                execution,
                node,
                attempt,
                error,
            } => self.tell(execution, &node, |node| Input::Refused {
                node,
                attempt,
                error,
            }),
            Note::Looked {
                execution,
                node,
                attempt,
                found,
            } => self.tell(execution, &node, |node| Input::Looked {
                node,
                attempt,
                found,
            }),
            Note::Heard {
                execution,
                node,
                output,
            } => self.tell(execution, &node, |node| Input::Heard { node, output }),
            Note::Archived(sequence) => self.archived = self.archived.max(sequence),
            Note::Written(rows) => {
                for (id, last_event) in rows {
                    self.partition.slots.written(id, last_event);
                }
            }
            Note::Read(back) => self.read_back(*back),
            Note::Loaded(loaded) => self.loaded(*loaded),
            Note::Expires(id) => self.partition.slots.expires(id),
            Note::WithPayloads(found) => self.sweep(&found),
            Note::Told(id) => self.partition.slots.told(id),
            Note::Indexed(stored) => self.indexed(stored),
        }
    }

    /// An input about a step, where it is still known.
    fn tell(&mut self, execution: ExecutionId, node: &str, input: impl FnOnce(At) -> Input) {
        // What came while it was parked is found again when it goes on.
        self.wake(execution);
        let slot = self.partition.slots.get(execution);
        if let Some(node) = slot.and_then(|slot| slot.state.at(node)) {
            self.partition.input(execution, input(node), now());
        }
    }

    /// Does all that is due.
    async fn perform(&mut self) {
        let due = self.partition.take_due();
        if due.is_empty() {
            return;
        }
        let started = std::time::Instant::now();
        for action in due {
            if let Action::Answer(ticket, answer) = &action {
                if let Some(reply) = self.waiting.remove(ticket) {
                    self.outlet.answer(&reply, answer).await;
                    failpoint::pass(failpoint::ANSWERED);
                }
                continue;
            }
            if let Action::Effect {
                effect:
                    Effect::Dispatch {
                        class,
                        item,
                        again: true,
                    },
                ..
            } = action
            {
                let dispatch = Dispatch { class, item };
                self.in_hand.put(dispatch, Instant::now().into_std());
                continue;
            }
            if let Some(task) = self.outlet.perform(action, &mut self.timers).await {
                self.spawn(task);
            }
        }
        measure::add(&measure::PERFORMING, started.elapsed());
    }

    fn spawn(&mut self, task: Task) {
        let bus = self.outlet.bus.clone();
        let permits = self.outlet.giver.queueing.clone();
        let notes = self.outlet.notes.clone();
        let store = self.engine.store.clone();
        self.work.spawn(task.run(bus, store, permits, notes));
    }

    /// Sends those away who still wait: whether their wish was stored is not known here any more.
    async fn dismiss(&mut self) {
        let problem = Problem::new(
            ErrorCode::Unavailable,
            "the owner of the execution is changing",
        )
        .with_reason("owner_changed")
        .with_retry_after_ms(1000);
        let refused = Answer::Refused(Box::new(problem));
        let unread = self.take_asked();
        let waiting = iter::from_fn(|| self.door.take()).map(|arrived| arrived.incoming);
        for incoming in unread.into_iter().chain(waiting).collect::<Vec<_>>() {
            self.ticket(&incoming);
        }
        for reply in self.waiting.drain().map(|(_, reply)| reply) {
            self.outlet.answer(&reply, &refused).await;
        }
    }
}

fn read<T: DeserializeOwned>(incoming: &Incoming) -> Result<T, Problem> {
    serde_json::from_slice(incoming.payload())
        .map_err(|error| Problem::malformed(error.to_string()))
}

/// Time as events tell it: to the millisecond.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
