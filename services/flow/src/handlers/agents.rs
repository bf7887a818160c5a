//! The flows of an agent: those that name it in a node, and a first one around it.

use contracts::{
    agent::{AgentSnapshot, Pin, Resolve},
    flow::{AgentFlow, CreateAgentFlow, CreateFlow, Flow, ListAgentFlows},
    id::AgentId,
    page::Page,
};

use crate::{
    domain::pins,
    error::Error,
    handlers::{Ctx, flows},
};

pub(crate) async fn list(ctx: Ctx, request: ListAgentFlows) -> Result<Page<AgentFlow>, Error> {
    let agent_id = request.agent_id;
    agent(&ctx, agent_id).await?;
    ctx.state
        .list_of_agent(ctx.tenant, agent_id, &request.paging)
        .await
}

pub(crate) async fn create(ctx: Ctx, request: CreateAgentFlow) -> Result<Flow, Error> {
    let agent = agent(&ctx, request.agent_id).await?;
    let flow = CreateFlow {
        name: request.name.unwrap_or(agent.name),
        description: String::new(),
        definition: pins::in_chat(agent.id),
    };
    flows::store(&ctx, flow).await
}

/// The agent, if the organization has it.
async fn agent(ctx: &Ctx, id: AgentId) -> Result<AgentSnapshot, Error> {
    let request = Resolve {
        agents: vec![Pin { id, version: None }],
        ..Resolve::default()
    };
    let resolved = ctx.call(&request).await.map_err(Error::Unresolved)?;
    let mut agents = resolved.agents.into_iter();
    agents.next().ok_or_else(|| Error::NotThere {
        what: "agent",
        id: id.to_string(),
    })
}
