//! From a flow to an execution.
//!
//! **Invariant:** once the start is recorded under an idempotency key, every repetition asks the engine for the same
//! execution with the same definition, so a lost answer can always be asked for again.

use bus::Bucket;
use contracts::{
    execution::{Accepted, Origin},
    flow::{Definition, ExecuteFlow, RevisionChoice},
    id::ExecutionId,
    owner,
};

use crate::{
    domain,
    error::Error,
    handlers::{Ctx, now},
    store::Begun,
};

pub(crate) async fn execute(ctx: Ctx, request: ExecuteFlow) -> Result<Accepted, Error> {
    request
        .idempotency_key
        .as_deref()
        .map_or(Ok(()), domain::check_key)?;
    if let Some(begun) = repeated(&ctx, &request).await? {
        return start(&ctx, request, begun).await;
    }
    let (revision, definition) = choose(&ctx, &request).await?;
    let problems = graph::validate(&definition);
    if !problems.is_empty() {
        return Err(Error::InvalidFlow(problems));
    }
    domain::check_input(&definition, &request.input)?;
    let text = domain::write(&definition)?;
    let begun = Begun {
        execution_id: ExecutionId::generate(),
        revision,
        definition_hash: domain::hash(&text),
    };
    hand_over(&ctx, &begun.definition_hash, text).await?;
    let begun = match &request.idempotency_key {
        Some(key) => record(&ctx, key, &request, begun).await?,
        None => begun,
    };
    start(&ctx, request, begun).await
}

/// What this key began before.
async fn repeated(ctx: &Ctx, request: &ExecuteFlow) -> Result<Option<Begun>, Error> {
    let Some(key) = &request.idempotency_key else {
        return Ok(None);
    };
    match ctx.state.begun(ctx.tenant, key).await? {
        Some((body_hash, begun)) if body_hash == domain::body_hash(request) => Ok(Some(begun)),
        Some(_) => Err(Error::KeyReused),
        None => Ok(None),
    }
}

/// Two requests with one key may come at the same moment: the first one recorded counts.
async fn record(ctx: &Ctx, key: &str, request: &ExecuteFlow, begun: Begun) -> Result<Begun, Error> {
    let body_hash = domain::body_hash(request);
    let (recorded, begun) = ctx
        .state
        .record_start(ctx.tenant, key, &body_hash, begun, now())
        .await?;
    if recorded == body_hash {
        Ok(begun)
    } else {
        Err(Error::KeyReused)
    }
}

async fn choose(ctx: &Ctx, request: &ExecuteFlow) -> Result<(Option<u32>, Definition), Error> {
    let flow = ctx.state.get(ctx.tenant, request.flow_id).await?;
    let number = match request.revision {
        Some(RevisionChoice::Draft(_)) => return Ok((None, flow.definition)),
        Some(RevisionChoice::Number(number)) => number,
        None => flow.revision.ok_or(Error::NotPublished(flow.id))?,
    };
    let revision = ctx.state.revision(ctx.tenant, flow.id, number).await?;
    Ok((Some(number), revision.definition))
}

/// Puts the definition where the engine finds it, by its hash.
async fn hand_over(ctx: &Ctx, hash: &str, text: String) -> Result<(), Error> {
    let bucket = ctx
        .bus
        .kv(Bucket::FlowDef)
        .await
        .map_err(Error::Definition)?;
    match bucket.create(hash, text.into()).await {
        Ok(_) | Err(bus::Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(Error::Definition(error)),
    }
}

async fn start(ctx: &Ctx, request: ExecuteFlow, begun: Begun) -> Result<Accepted, Error> {
    let variables = ctx.state.variables(ctx.tenant).await?;
    let start = owner::Start {
        tenant: ctx.tenant,
        execution_id: begun.execution_id,
        origin: Origin::flow(request.flow_id, begun.revision),
        parent: None,
        notify: false,
        definition_hash: begun.definition_hash,
        input: request.input,
        vars: variables.into_iter().collect(),
        principal: ctx.principal().clone(),
    };
    ctx.ask_owner(&start).await.map_err(Error::Engine)
}
