//! Recalling, remembering, listing, forgetting.

use chrono::{SubsecRound, Utc};
use contracts::{
    agent::{Fact, Forget, ListMemories, Memory, MemoryScope, Recall, Recalled, Remember},
    id::AgentId,
    page::Page,
};

use crate::{
    State, embedding,
    error::Error,
    memory::{
        domain::{self, View, kept_as},
        store::Lesson,
    },
};

type Ctx = kernel::Ctx<State>;

pub(crate) async fn recall(ctx: Ctx, request: Recall) -> Result<Recalled, Error> {
    domain::check_recall(&request)?;
    let scope = scope_of(&ctx, request.agent_id).await?;
    if kept_as(scope).is_none() || kept_as(request.scope).is_none() {
        return Ok(Recalled { items: Vec::new() });
    }
    let view = View::of(ctx.principal().user_id, scope).within(request.scope);
    let store = &ctx.state.memory;
    let query = request.query.replace('\0', " ");
    let models = store.models(ctx.tenant, request.agent_id, view).await?;
    let nearest = embedding::ask_each(&ctx, models, &query).await?;
    let items = store
        .recall(ctx.tenant, request.agent_id, view, &nearest, request.limit)
        .await?;
    Ok(Recalled { items })
}

pub(crate) async fn remember(ctx: Ctx, request: Remember) -> Result<(), Error> {
    domain::check_facts(&request)?;
    let scope = scope_of(&ctx, request.agent_id).await?;
    let execution = ctx.principal().execution_id.ok_or(Error::OnlyRuns)?;
    let Some(scope) = kept_as(scope) else {
        return Err(Error::MemoryOff(request.agent_id));
    };
    let mut lesson = Lesson {
        agent: request.agent_id,
        scope,
        user: ctx.principal().user_id,
        execution,
        key: request.idempotency_key,
        now: Utc::now().trunc_subsecs(6),
        model: String::new(),
        facts: Vec::new(),
    };
    let store = &ctx.state.memory;
    if store.has_kept(ctx.tenant, &lesson).await? {
        return Ok(());
    }
    let texts = request.facts.iter().map(about).collect();
    let answer = embedding::ask(&ctx, None, texts).await?;
    lesson.model = answer.model;
    lesson.facts = request.facts.into_iter().zip(answer.vectors).collect();
    store.keep(ctx.tenant, &lesson).await
}

pub(crate) async fn list(ctx: Ctx, request: ListMemories) -> Result<Page<Memory>, Error> {
    let scope = scope_of(&ctx, request.agent_id).await?;
    let view = View::of(ctx.principal().user_id, scope);
    let store = &ctx.state.memory;
    store
        .list(ctx.tenant, request.agent_id, view, &request.paging)
        .await
}

pub(crate) async fn forget(ctx: Ctx, request: Forget) -> Result<(), Error> {
    let scope = scope_of(&ctx, request.agent_id).await?;
    let view = View::of(ctx.principal().user_id, scope);
    let store = &ctx.state.memory;
    store
        .forget(ctx.tenant, request.agent_id, view, request.memory_id)
        .await
}

/// What the newest version of the agent says. An agent that is gone has nothing to remember.
async fn scope_of(ctx: &Ctx, agent: AgentId) -> Result<MemoryScope, Error> {
    let agent = ctx.state.store.agent(ctx.tenant, agent, None).await?;
    Ok(agent.spec.memory)
}

/// A fact as it is compared with others: what is said of one is not said of another.
fn about(fact: &Fact) -> String {
    match &fact.entity {
        Some(entity) => format!("{entity}: {}", fact.text),
        None => fact.text.clone(),
    }
}
