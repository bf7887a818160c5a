//! The workers: they do the steps that leave the core, one attempt at a time.
//!
//! [`pool`] takes work items and reports their outcome, [`hands`] takes them from owners in the same process; [`counter`] gives
//! them slots, by the rules of [`room`] and [`turns`]; [`cuts`] ends what is cancelled, [`pulse`] what falls silent, and [`suspects`] sets apart what its workers broke down with; [`llm`],
//! [`http`], [`code`], [`tool`], [`knowledge`], [`flow`] and [`custom`] do the steps.
//!
//! **Invariant:** a work item is acknowledged only after the owner of its execution has stored its result or has said that
//! nobody wants it: an answer already paid for is never lost.

pub(crate) mod code;
pub(crate) mod counter;
pub(crate) mod custom;
pub(crate) mod cuts;
pub(crate) mod flow;
pub(crate) mod hands;
pub(crate) mod http;
pub(crate) mod knowledge;
pub(crate) mod llm;
pub(crate) mod pool;
pub(crate) mod pulse;
mod room;
mod suspects;
pub(crate) mod tool;
mod turns;

use std::{sync::Arc, time::Duration};

use bus::{Bus, Call};
use contracts::{
    ErrorCode, Problem,
    auth::RunToken,
    execution::{StepError, Usage},
    owner::Outcome,
    work::{WorkClass, WorkItem},
};
use kernel::TaskCtx;
use tokio::task::JoinSet;

use crate::State;

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempted {
    pub(crate) outcome: Outcome,
    pub(crate) usage: Option<Usage>,
}

impl From<Result<serde_json::Value, StepError>> for Attempted {
    fn from(result: Result<serde_json::Value, StepError>) -> Self {
        let outcome = match result {
            Ok(output) => Outcome::Succeeded { output },
            Err(error) => Outcome::Failed { error },
        };
        Self {
            outcome,
            usage: None,
        }
    }
}

/// The configuration of a step, read.
///
/// # Errors
/// `config` when it does not have the form of its class.
fn config_of<T: serde::de::DeserializeOwned>(item: &WorkItem) -> Result<T, StepError> {
    let config = item.config.clone().into_iter().collect();
    serde_json::from_value(serde_json::Value::Object(config))
        .map_err(|error| StepError::new("config", format!("the node's configuration: {error}")))
}

/// A token by which a step acts for the run's principal.
async fn run_token(bus: &Bus, item: &WorkItem) -> Result<String, Problem> {
    let request = RunToken {
        user_id: item.principal.user_id,
        execution_id: item.execution_id,
    };
    let answer = bus.call(item.tenant, &request, Call::anonymous()).await;
    answer.map(|answer| answer.access_token)
}

/// A service's refusal, as the error of a step.
fn error_of(problem: &Problem) -> StepError {
    let code = problem.reason.as_deref().unwrap_or(problem.code.as_str());
    let error = StepError::new(code, problem.detail.clone()).after(problem.retry_after_ms);
    match problem.code {
        ErrorCode::Unavailable | ErrorCode::Timeout | ErrorCode::RateLimited => error.retryable(),
        ErrorCode::InvalidInput
        | ErrorCode::Unauthenticated
        | ErrorCode::Forbidden
        | ErrorCode::NotFound
        | ErrorCode::Conflict
        | ErrorCode::Internal => error,
    }
}

/// How long attempts under way may take once the service drains; what is left goes to other workers.
const DRAIN: Duration = Duration::from_secs(20);

/// How many attempts of a class are made at the same time.
fn slots(state: &State, class: WorkClass) -> usize {
    let slots = match class {
        WorkClass::Llm => state.config.workers_llm,
        WorkClass::Http => state.config.workers_http,
        WorkClass::Code => state.code_slots,
        WorkClass::Tool => state.config.workers_tool,
        WorkClass::Knowledge => state.config.workers_knowledge,
        WorkClass::Flow => state.config.workers_flow,
        WorkClass::Custom => state.config.workers_custom,
    };
    usize::from(slots)
}

/// How many take items of a class from its queue: one of them alone takes no more in a second than it has answers from the
/// server. Each keeps a slot free for what it waits for.
fn takers(slots: usize) -> usize {
    (slots / 8).clamp(1, 8)
}

/// Works in all classes, until the service drains.
pub(crate) async fn run(ctx: TaskCtx<State>) {
    let cuts = Arc::new(cuts::Cuts::default());
    let listening = match cuts::Listener::subscribe(&ctx.bus).await {
        Ok(listening) => listening,
        // The kernel starts this task again.
        Err(error) => return tracing::warn!(%error, "the workers wait for the bus"),
    };
    let worker = pool::Worker {
        bus: ctx.bus.clone(),
        cuts: cuts.clone(),
        state: ctx.state.clone(),
        suspects: Arc::default(),
    };
    let counters = WorkClass::ALL.map(|class| {
        let slots = slots(&ctx.state, class);
        (class, counter::Counter::new(worker.clone(), class, slots))
    });
    let (mut tasks, mut sharing) = (JoinSet::new(), JoinSet::new());
    for (class, counter) in counters.clone() {
        for _ in 0..takers(slots(&ctx.state, class)) {
            let (worker, counter) = (worker.clone(), counter.clone());
            tasks.spawn(pool::run(worker, class, counter, ctx.stop.clone()));
        }
        sharing.spawn(counter.share());
    }
    let counters = counters.into();
    let desk = Arc::new(hands::Desk { worker, counters });
    ctx.state.hands.open(&desk);
    let pools = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                // What was handed over is finished or queued; the kernel starts this task again.
                tracing::error!(%error, "a pool of workers broke down");
                break;
            }
        }
        ctx.state.hands.close();
        desk.finish().await;
    };
    tokio::select! {
        () = pools => {}
        () = listening.run(&ctx.bus, &cuts) => {}
        () = async { ctx.stop.cancelled().await; tokio::time::sleep(DRAIN).await } => {
            tracing::warn!("attempts that did not end in time go to other workers");
        }
    }
}
