//! Starts that cannot be decided from memory: an unknown definition, or an id that an earlier owner may have run.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contracts::{
    ErrorCode, FieldProblem, Problem,
    execution::{Accepted, SourceKind},
    id::ExecutionId,
    owner::{Basis, Start},
};
use kernel::ServiceError;

use super::{owner::Engine, partition::Ticket, slots::HORIZON};
use crate::{
    Error,
    domain::{Program, TakenOver, limits, reuse},
    history,
};

/// How far the clocks of two machines may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// A start with what was found out about it.
pub(crate) struct Checked {
    pub(crate) ticket: Ticket,
    pub(crate) start: Start,
    pub(crate) outcome: Result<Found, Problem>,
}

pub(crate) enum Found {
    /// It was never started.
    Nothing(Arc<Program>, TakenOver),
    /// It was started before.
    Started(Accepted),
}

/// Whether an id is so young that its execution, had it been started, would still be in this owner's memory. `since` is
/// when the owner began; none where the partition's log had never been written before.
pub(crate) fn is_fresh(id: ExecutionId, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let Some(made) = made_at(id) else {
        return false;
    };
    made > now - (HORIZON - SKEW) && since.is_none_or(|since| made > since + SKEW)
}

/// The time in a UUIDv7.
pub(super) fn made_at(id: ExecutionId) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.uuid().get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// Finds the definition and, unless the id is fresh, whether the execution exists. An execution that left memory has a
/// header row, so the database's word is final.
pub(crate) async fn check(
    engine: &Engine,
    ticket: Ticket,
    start: Start,
    plan: Option<Arc<Program>>,
    is_fresh: bool,
) -> Checked {
    let outcome = find(engine, &start, plan, is_fresh).await;
    let outcome = outcome.map_err(|error| {
        let problem = error.problem();
        if problem.code == ErrorCode::Internal || problem.code == ErrorCode::Unavailable {
            tracing::warn!(cause = error.source_text(), execution.id = %start.execution_id, "{error}");
        }
        problem
    });
    Checked {
        ticket,
        start,
        outcome,
    }
}

async fn find(
    engine: &Engine,
    start: &Start,
    plan: Option<Arc<Program>>,
    is_fresh: bool,
) -> Result<Found, Error> {
    if !is_fresh && let Some(row) = engine.store.find(start.tenant, start.execution_id).await? {
        return Ok(Found::Started(Accepted {
            id: row.id,
            origin: row.origin,
            state: row.state,
        }));
    }
    if !is_fresh
        && engine
            .store
            .is_deleted(start.tenant, start.execution_id)
            .await?
    {
        return Err(Error::Deleted(start.execution_id));
    }
    let plan = match plan {
        Some(plan) => plan,
        None => engine.plans.load(&start.definition_hash).await?,
    };
    let taken = match &start.basis {
        Some(basis) => taken_over(engine, start, basis, &plan).await?,
        None => TakenOver::default(),
    };
    Ok(Found::Nothing(plan, taken))
}

/// What the execution takes over.
async fn taken_over(
    engine: &Engine,
    start: &Start,
    basis: &Basis,
    plan: &Program,
) -> Result<TakenOver, Error> {
    let invalid = |path: &str, message: String| {
        let path = path.to_owned();
        let problem = Problem::new(ErrorCode::InvalidInput, message.clone());
        Error::Owner(problem.with_errors(vec![FieldProblem { path, message }]))
    };
    let source = &basis.source;
    let mut anew: BTreeSet<&str> = basis.pins.keys().map(String::as_str).collect();
    let mut named = None;
    if let Some(node) = &source.node {
        named = Some(reuse::standing(plan, node).map_err(|text| invalid("/node", text))?);
        anew.insert(node);
    }
    let past = match source.execution_id {
        Some(id) => Some(history::past(engine, start.tenant, id).await?),
        None => None,
    };
    let mut reused = Vec::new();
    if let Some(past) = &past {
        let old = engine.plans.load(&past.definition_hash).await?;
        reused = past.reused(&old, plan, &anew, &start.vars);
    }
    for (node, pin) in &basis.pins {
        let before = past.as_ref().and_then(|past| past.port(node));
        let given = reuse::given(plan, node, pin.clone(), before);
        let mut given = given.map_err(|text| invalid("/node", text))?;
        given.anyway = source.kind == SourceKind::Test;
        if !limits::fits(&given.output) {
            let text = format!("the output of `{node}` is larger than 16 MiB");
            return Err(invalid("/output", text));
        }
        reused.push(given);
    }
    if !reuse::fits(&reused) {
        // Iterations are done once more where there is no room for what they gave.
        reused.retain(|it| it.iteration().is_none());
    }
    if !reuse::fits(&reused) {
        let text = "an execution takes over outputs of at most 32 MiB together, and of 4 MiB where each has up to 64 KiB";
        let problem = Problem::new(ErrorCode::InvalidInput, text).with_status(413);
        return Err(Error::Owner(problem.with_reason("too_much_reused")));
    }
    let left_out = match source.kind {
        SourceKind::Test => {
            let given = basis.pins.keys().filter_map(|id| plan.index(id));
            reuse::left_out(plan, named, &given.collect())
        }
        SourceKind::Retry | SourceKind::Continue | SourceKind::Fork | SourceKind::Regression => {
            Vec::new()
        }
    };
    Ok(TakenOver { reused, left_out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_young_ids_of_this_owner_are_fresh() {
        let now = Utc::now();
        let second = chrono::TimeDelta::seconds(1);
        let new = ExecutionId::generate();
        assert!(is_fresh(new, None, now));
        assert!(is_fresh(new, Some(now - second * 10), now));
        assert!(!is_fresh(new, Some(now - second), now));
        assert!(!is_fresh(new, None, now + second * 120));
        let no_time = ExecutionId::from_uuid(uuid::Uuid::from_u128(7));
        assert!(!is_fresh(no_time, None, now));
    }
}
