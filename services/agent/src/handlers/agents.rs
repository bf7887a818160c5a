//! Agents and their versions.

use contracts::{
    agent::{
        Agent, AgentSpec, AgentSummary, AgentVersion, CreateAgent, DeleteAgent, GetAgent,
        ListAgentVersions, ListAgents, UpdateAgent,
    },
    id::AgentId,
    page::Page,
};

use crate::{
    domain::{
        agent,
        item::{Item, Kind},
        problems::Problems,
    },
    error::Error,
    handlers::{Ctx, now},
    store::{Change, Listing},
};

pub(crate) async fn create(ctx: Ctx, request: CreateAgent) -> Result<Agent, Error> {
    check(&ctx, &request.spec).await?;
    let item = Item::Agent(AgentId::generate());
    let change = Change::new(item, request.spec, ctx.principal().user_id, now());
    let stored = ctx.state.store.insert(ctx.tenant, change).await?;
    Ok(agent::of(stored))
}

pub(crate) async fn get(ctx: Ctx, request: GetAgent) -> Result<Agent, Error> {
    let store = &ctx.state.store;
    let stored = store.agent(ctx.tenant, request.agent_id, request.version);
    Ok(agent::of(stored.await?))
}

pub(crate) async fn list(ctx: Ctx, request: ListAgents) -> Result<Page<AgentSummary>, Error> {
    let listing = Listing {
        kind: Kind::Agent,
        search: request.search,
        paging: request.paging,
    };
    let page = ctx.state.store.list(ctx.tenant, &listing).await?;
    Ok(Page {
        items: page.items.into_iter().map(agent::summary).collect(),
        next: page.next,
    })
}

pub(crate) async fn update(ctx: Ctx, request: UpdateAgent) -> Result<Agent, Error> {
    check(&ctx, &request.spec).await?;
    let item = Item::Agent(request.agent_id);
    let change = Change::new(item, request.spec, ctx.principal().user_id, now());
    let store = &ctx.state.store;
    let stored = store.update(ctx.tenant, change, request.if_version).await?;
    Ok(agent::of(stored))
}

pub(crate) async fn delete(ctx: Ctx, request: DeleteAgent) -> Result<(), Error> {
    let store = &ctx.state.store;
    store
        .delete_agent(ctx.tenant, request.agent_id, now())
        .await
}

pub(crate) async fn versions(
    ctx: Ctx,
    request: ListAgentVersions,
) -> Result<Page<AgentVersion>, Error> {
    let item = Item::Agent(request.agent_id);
    let store = &ctx.state.store;
    store.versions(ctx.tenant, item, &request.paging).await
}

/// What an agent is made of, and that its tools and knowledge bases exist.
async fn check(ctx: &Ctx, spec: &AgentSpec) -> Result<(), Error> {
    agent::check(spec)?;
    let mut problems = Problems::under("/spec");
    let known = super::tools(ctx, &spec.tools).await?;
    for (place, id) in spec.tools.iter().enumerate() {
        let is_known = known.iter().any(|tool| tool.id == *id);
        let text = format!("tool `{id}` does not exist");
        problems.require(is_known, &format!("/tools/{place}"), text);
    }
    let known = super::bases(ctx, &spec.knowledge).await?;
    for (place, id) in spec.knowledge.iter().enumerate() {
        let is_known = known.iter().any(|base| base.id == *id);
        let text = format!("knowledge base `{id}` does not exist");
        problems.require(is_known, &format!("/knowledge/{place}"), text);
    }
    problems.outcome()
}
