//! Agents and their versions.

use std::collections::HashSet;

use contracts::{
    agent::{
        Agent, AgentSpec, AgentSummary, AgentVersion, CreateAgent, DeleteAgent, GetAgent,
        ListAgentVersions, ListAgents, Pin, UpdateAgent,
    },
    id::{AgentId, ToolId},
    page::Page,
    tool::ResolveTools,
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
    let known = known_tools(ctx, &spec.tools).await?;
    for (place, tool) in spec.tools.iter().enumerate() {
        let text = format!("tool `{tool}` does not exist");
        problems.require(known.contains(tool), &format!("/tools/{place}"), text);
    }
    // Nothing makes knowledge bases yet.
    for (place, base) in spec.knowledge.iter().enumerate() {
        let text = format!("knowledge base `{base}` does not exist");
        problems.refuse(&format!("/knowledge/{place}"), text);
    }
    problems.outcome()
}

/// Which of these tools exist.
async fn known_tools(ctx: &Ctx, tools: &[ToolId]) -> Result<HashSet<ToolId>, Error> {
    if tools.is_empty() {
        return Ok(HashSet::new());
    }
    let newest = |id: &ToolId| Pin {
        id: *id,
        version: None,
    };
    let tools = tools.iter().map(newest).collect();
    let known = ctx.call(&ResolveTools { tools }).await?;
    Ok(known.items.into_iter().map(|tool| tool.id).collect())
}
