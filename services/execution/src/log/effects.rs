//! What happens after a commit: answers, live frames, work items, cuts, timers.

use std::{iter, sync::Arc, time::Duration};

use bus::{Bus, Reply};
use bytes::{BufMut, Bytes, BytesMut};
use chrono::Utc;
use contracts::{
    ErrorCode, Problem, Subject,
    execution::StepError,
    id::{ExecutionId, TenantId},
    live::Control,
    payload::Payload,
    subject::{WorkAddress, step_token},
    work::{WorkClass, WorkItem},
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use tokio::sync::{Semaphore, mpsc};

use super::{
    cache::{Keep, Look},
    listen::Listen,
    owner::Note,
    partition::{Action, Answer},
    slots::Events,
    telling::Tell,
    timers::{Due, Timers},
};
use crate::{
    domain::{Effect, limits},
    failpoint,
    headers::HeaderQueue,
    store::ExecutionStore,
    workers::hands::{Giver, Hands},
};

/// Work items that are being queued at the same time, in a process.
pub(crate) const MAX_DISPATCHES: usize = 256;
/// The pause before a work item that could not be queued is queued again.
const RETRY: Duration = Duration::from_millis(200);

/// Where effects go.
pub(crate) struct Outlet {
    pub(crate) bus: Bus,
    pub(crate) headers: Arc<HeaderQueue>,
    pub(crate) notes: mpsc::Sender<Note>,
    pub(crate) hands: Arc<Hands>,
    /// The owner, for those who work for it.
    pub(crate) giver: Arc<Giver>,
}

/// An effect that goes on beside the owner's loop.
pub(crate) enum Task {
    Dispatch(Dispatch),
    Look(Look),
    Keep(Keep),
    Listen(Listen),
    Tell(Tell),
}

/// A work item to be given to a worker.
pub(crate) struct Dispatch {
    pub(super) class: WorkClass,
    pub(super) item: Box<WorkItem>,
}

impl Outlet {
    /// Does what can be done at once; gives what takes its time.
    pub(crate) async fn perform(&self, action: Action, timers: &mut Timers) -> Option<Task> {
        let (tenant, execution, effect) = match action {
            Action::Answer(..) => return None,
            Action::Live {
                tenant,
                execution,
                frames,
            } => {
                self.show(&Subject::live(tenant, execution), &frames).await;
                return None;
            }
            Action::Header(header) => {
                self.headers.put(*header);
                return None;
            }
            Action::Effect {
                tenant,
                execution,
                effect,
            } => (tenant, execution, effect),
        };
        match effect {
            Effect::Wake { timer, at } => {
                let due = Due {
                    execution,
                    timer,
                    at,
                };
                timers.set(due, Utc::now());
                None
            }
            Effect::Cut => {
                self.cut(tenant, execution).await;
                None
            }
            Effect::Dispatch { class, item, .. } => {
                let dispatch = Dispatch { class, item };
                dispatch.hand_over(self, false).map(Task::Dispatch)
            }
            Effect::Look { node, attempt, key } => Some(Task::Look(Look {
                execution,
                node,
                attempt,
                key,
            })),
            Effect::Listen { node, wanted } => Some(Task::Listen(Listen {
                tenant,
                execution,
                node,
                wanted,
            })),
            Effect::Tell { to, by, word } => Some(Task::Tell(Tell {
                tenant,
                execution,
                to,
                by,
                word,
            })),
            Effect::Keep {
                key,
                output,
                ttl_seconds,
            } => Some(Task::Keep(Keep {
                key,
                output,
                ttl_seconds,
            })),
        }
    }

    async fn show(&self, subject: &Subject, frames: &[Bytes]) {
        if let Err(error) = self.bus.publish_bytes(subject, list(frames)).await {
            // Lossy by design: whoever follows sees the gap and asks for the events.
            tracing::debug!(%error, "live frames were not sent");
        }
    }

    async fn cut(&self, tenant: TenantId, execution: ExecutionId) {
        let subject = Subject::control(tenant, execution);
        if let Err(error) = self.bus.publish(&subject, &Control::Cancel).await {
            tracing::warn!(%error, execution.id = %execution, "running steps were not told to stop");
        }
    }

    /// Answers whoever waits.
    pub(crate) async fn answer(&self, to: &Reply, answer: &Answer) {
        let sent = match answer {
            Answer::Done => self.bus.reply_to(to, Ok(&())).await,
            Answer::Accepted(accepted) => self.bus.reply_to(to, Ok(accepted)).await,
            Answer::Execution(execution) => self.bus.reply_to(to, Ok(execution)).await,
            Answer::Events(events) => match EventsText::of(events) {
                Ok(text) => self.bus.reply_to(to, Ok(&text)).await,
                Err(error) => {
                    tracing::error!(%error, "a stored frame is no JSON");
                    let problem = Problem::new(ErrorCode::Internal, "the events cannot be read");
                    self.bus.reply_to::<()>(to, Err(&problem)).await
                }
            },
            Answer::Refused(problem) => self.bus.reply_to::<()>(to, Err(problem)).await,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "an answer was not sent");
        }
    }
}

impl Task {
    pub(crate) async fn run(
        self,
        bus: Bus,
        store: ExecutionStore,
        permits: Arc<Semaphore>,
        notes: mpsc::Sender<Note>,
    ) {
        match self {
            Self::Dispatch(dispatch) => dispatch.run(bus, permits, notes).await,
            Self::Look(look) => look.run(&bus, &notes).await,
            Self::Keep(keep) => keep.run(&bus).await,
            Self::Listen(listen) => listen.run(&store, &notes).await,
            Self::Tell(tell) => tell.run(&bus, &notes).await,
        }
    }
}

impl Dispatch {
    pub(super) fn key(&self) -> (ExecutionId, String, u32) {
        let item = &self.item;
        (item.execution_id, item.node.clone(), item.attempt)
    }

    /// Gives the item to the workers of this process. What is left is to be queued: too much waits for them. What may be given
    /// out again, or must not be, takes the queue too, where that is counted.
    pub(super) fn hand_over(self, outlet: &Outlet, again: bool) -> Option<Self> {
        let Self { class, item } = self;
        if !limits::fits_queue(&item) {
            return Some(Self { class, item });
        }
        let is_counted = again || item.at_most_once;
        let left = outlet.hands.give(class, item, is_counted, &outlet.giver);
        left.err().map(|item| Self { class, item })
    }

    /// Queues the work item; tries until it is stored.
    async fn run(self, bus: Bus, permits: Arc<Semaphore>, notes: mpsc::Sender<Note>) {
        let Self { class, item } = self;
        let Ok(_permit) = permits.acquire().await else {
            return;
        };
        if !limits::fits_queue(&item) {
            let (execution, node, attempt) = (item.execution_id, item.node, item.attempt);
            let error = StepError::new(
                "input_too_large",
                "the step's input is too large for a worker",
            );
            let refused = Note::Refused {
                execution,
                node,
                attempt,
                error,
            };
            // Without an owner nobody needs to know.
            return notes.send(refused).await.unwrap_or_default();
        }
        enqueue(&bus, class, &item).await;
    }
}

/// Queues a work item; tries until it is stored.
pub(crate) async fn enqueue(bus: &Bus, class: WorkClass, item: &WorkItem) {
    let address = WorkAddress {
        class,
        tenant: item.tenant,
        execution: item.execution_id,
        step: step_token(&item.node),
        attempt: item.attempt,
    };
    let item = &by_reference(bus, item.clone()).await;
    failpoint::pass(failpoint::DISPATCHING);
    while let Err(error) = bus.dispatch(&address, item).await {
        tracing::warn!(%error, execution.id = %item.execution_id, "a step could not be queued; trying again");
        tokio::time::sleep(RETRY).await;
    }
    failpoint::pass(failpoint::DISPATCHED);
}

/// The item with references for its large values, which are stored before; tries until they are.
async fn by_reference(bus: &Bus, mut item: WorkItem) -> WorkItem {
    let (tenant, execution) = (item.tenant, item.execution_id);
    for value in item.config.values_mut().chain([&mut item.argument]) {
        *value = stored(bus, tenant, execution, value.take()).await;
    }
    item
}

/// The value, or its reference once it is stored.
pub(crate) async fn stored(
    bus: &Bus,
    tenant: TenantId,
    execution: ExecutionId,
    value: Value,
) -> Value {
    let Some(Payload { reference, text }) = Payload::of(&value) else {
        return value;
    };
    let text = Bytes::from(text);
    while let Err(error) = bus
        .put_payload(tenant, execution, &reference, text.clone())
        .await
    {
        tracing::warn!(%error, execution.id = %execution, "a value could not be stored; trying again");
        tokio::time::sleep(RETRY).await;
    }
    reference.to_value()
}

/// A JSON list of what is JSON already.
fn list(items: &[Bytes]) -> Bytes {
    let length: usize = items.iter().map(|item| item.len() + 1).sum();
    let mut text = BytesMut::with_capacity(length + 1);
    for (item, before) in items.iter().zip(iter::once(b'[').chain(iter::repeat(b','))) {
        text.put_u8(before);
        text.put_slice(item);
    }
    text.put_u8(b']');
    text.freeze()
}

/// [`contracts::execution::Events`], from frames that are JSON already.
#[derive(Serialize)]
struct EventsText<'a> {
    items: Vec<&'a RawValue>,
    next: Option<u64>,
}

impl<'a> EventsText<'a> {
    fn of(events: &'a Events) -> Result<Self, serde_json::Error> {
        let items = events.items.iter().map(|text| serde_json::from_slice(text));
        Ok(Self {
            items: items.collect::<Result<_, _>>()?,
            next: events.next,
        })
    }
}
