//! Past executions, run once more against a draft.
//!
//! What is to run is noted before anything begins, with the ids of the new executions: whatever breaks down in between, the next
//! look goes on with the same executions.
//!
//! **Invariant:** a look lasts no longer than [`PATIENCE`]; what it did not come to is left to the next.

use std::time::Duration;

use contracts::{
    Permission, Problem,
    execution::{CompareExecutions, Execution, Origin, ReadExecution, Source, SourceKind},
    flow::{
        Definition, GetRegression, Regression, RegressionItem, RegressionState, RevisionChoice,
        StartRegression, Verdict,
    },
    id::{ExecutionId, RegressionId},
    owner::{self, Basis},
};
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::time::Instant;

use super::execute::choose;
use crate::{
    domain::{self, regression},
    error::Error,
    handlers::{Ctx, now},
    launch,
    store::KeptRegression,
};

/// Executions of one regression.
const MAX_ITEMS: usize = 50;
/// Executions that are looked at together.
const WIDTH: usize = 4;
/// How long a look lasts at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// After all events: only the execution itself is asked for.
const NO_EVENTS: u64 = i64::MAX.unsigned_abs();

pub(crate) async fn start(ctx: Ctx, request: StartRegression) -> Result<Regression, Error> {
    let mut sources = request.execution_ids;
    sources.sort_unstable();
    sources.dedup();
    if !(1..=MAX_ITEMS).contains(&sources.len()) {
        return Err(Error::InvalidField {
            field: "execution_ids",
            rule: "must name 1 to 50 executions",
        });
    }
    let choice = request.revision.unwrap_or(RevisionChoice::DRAFT);
    let (revision, executable) = choose(&ctx, request.flow_id, Some(choice)).await?;
    let items = sources.into_iter().map(|source_id| RegressionItem {
        source_id,
        execution_id: ExecutionId::generate(),
        state: RegressionState::Waiting,
        verdict: None,
        problem: None,
        nodes: Vec::new(),
    });
    let kept = KeptRegression {
        id: RegressionId::generate(),
        flow_id: request.flow_id,
        revision,
        definition_hash: launch::hand_over(&ctx.bus, &executable).await?,
        items: items.collect(),
        created_by: ctx.principal().user_id,
        created_at: now(),
    };
    ctx.state.insert_regression(ctx.tenant, &kept).await?;
    go_on(&ctx, kept, Some(&executable.definition)).await
}

pub(crate) async fn get(ctx: Ctx, request: GetRegression) -> Result<Regression, Error> {
    let kept = ctx
        .state
        .regression(ctx.tenant, request.regression_id)
        .await?;
    go_on(&ctx, kept, None).await
}

/// Lets begin what has not, and judges what has ended.
async fn go_on(
    ctx: &Ctx,
    mut kept: KeptRegression,
    definition: Option<&Definition>,
) -> Result<Regression, Error> {
    let until = Instant::now() + PATIENCE;
    let (vars, _) = ctx.state.surroundings(ctx.tenant, None).await?;
    let before = kept.items.clone();
    let items = std::mem::take(&mut kept.items);
    let known = &kept;
    let look = |item: RegressionItem| {
        let look = Look {
            ctx,
            kept: known,
            vars: &vars,
            definition,
        };
        async move {
            let is_open = item.state != RegressionState::Done;
            let unchanged = item.clone();
            match is_open {
                true => tokio::time::timeout_at(until, look.at(item))
                    .await
                    .unwrap_or(unchanged),
                false => unchanged,
            }
        }
    };
    let looks = stream::iter(items).map(look).buffered(WIDTH);
    let items: Vec<_> = looks.collect().await;
    if items != before {
        ctx.state
            .set_regression(ctx.tenant, kept.id, &items)
            .await?;
    }
    kept.items = items;
    Ok(told(kept))
}

/// A look at one item.
struct Look<'a> {
    ctx: &'a Ctx,
    kept: &'a KeptRegression,
    vars: &'a Value,
    definition: Option<&'a Definition>,
}

impl Look<'_> {
    async fn at(&self, item: RegressionItem) -> RegressionItem {
        match item.state {
            RegressionState::Waiting => self.begin(item).await,
            RegressionState::Running => self.judge(item).await,
            RegressionState::Done => item,
        }
    }

    async fn begin(&self, mut item: RegressionItem) -> RegressionItem {
        if !self.ctx.principal().allows(Permission::FlowExecute) {
            return item;
        }
        match self.try_begin(&item).await {
            Ok(()) => {
                item.state = RegressionState::Running;
                self.judge(item).await
            }
            Err(error) => refused(item, &kernel::ServiceError::problem(&error)),
        }
    }

    async fn try_begin(&self, item: &RegressionItem) -> Result<(), Error> {
        let source = self.read(item.source_id).await.map_err(Error::Refused)?;
        if source.origin.flow_id != Some(self.kept.flow_id) {
            return Err(Error::NoFlow(item.source_id));
        }
        if !source.state.is_final() {
            return Err(Error::NotEnded(item.source_id));
        }
        if let Some(definition) = self.definition {
            domain::check_input_again(definition, &source.input)?;
        }
        let start = owner::Start {
            tenant: self.ctx.tenant,
            execution_id: item.execution_id,
            origin: Origin::flow(self.kept.flow_id, self.kept.revision),
            parent: None,
            notify: false,
            queued: false,
            basis: Some(Basis {
                source: Source {
                    execution_id: Some(item.source_id),
                    kind: SourceKind::Regression,
                    node: None,
                },
                pins: Default::default(),
            }),
            definition_hash: self.kept.definition_hash.clone(),
            input: source.input,
            vars: self.vars.clone(),
            principal: self.ctx.principal().clone(),
        };
        self.ctx.ask_owner(&start).await.map_err(Error::Refused)?;
        Ok(())
    }

    async fn judge(&self, mut item: RegressionItem) -> RegressionItem {
        let execution = match self.read(item.execution_id).await {
            Ok(execution) => execution,
            Err(problem) => return refused(item, &problem),
        };
        if !execution.state.is_final() {
            return item;
        }
        let question = CompareExecutions {
            execution_id: item.source_id,
            with_execution_id: item.execution_id,
        };
        match self.ctx.call(&question).await {
            Ok(comparison) => {
                let (verdict, nodes) = regression::judge(&comparison);
                item.state = RegressionState::Done;
                item.verdict = Some(verdict);
                item.nodes = nodes;
                item
            }
            Err(problem) => refused(item, &problem),
        }
    }

    async fn read(&self, execution_id: ExecutionId) -> Result<Execution, Problem> {
        let question = ReadExecution {
            execution_id,
            after: NO_EVENTS,
        };
        Ok(self.ctx.call(&question).await?.execution)
    }
}

/// What cannot be looked at for the moment is looked at again; what never can be is done.
fn refused(mut item: RegressionItem, problem: &Problem) -> RegressionItem {
    if !problem.code.may_heal() {
        item.state = RegressionState::Done;
        item.problem = Some(problem.detail.clone());
        item.verdict = Some(Verdict::Broke);
    }
    item
}

fn told(kept: KeptRegression) -> Regression {
    let count = |verdict| {
        let items = kept.items.iter();
        let count = items.filter(|item| item.verdict == Some(verdict)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    let (same, changed, broke) = (
        count(Verdict::Same),
        count(Verdict::Changed),
        count(Verdict::Broke),
    );
    Regression {
        id: kept.id,
        flow_id: kept.flow_id,
        revision: kept.revision,
        done: same + changed + broke,
        same,
        changed,
        broke,
        created_by: kept.created_by,
        created_at: kept.created_at,
        items: kept.items,
    }
}
