//! Pinning agents and crews for a run.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    agent::{AgentSnapshot, AgentSpec, KnowledgeSnapshot, Pin, Resolve, Resolved},
    crew::{CrewSnapshot, CrewSpec},
    id::{AgentId, BaseId, CrewId, ToolId},
    tool::ToolSnapshot,
};

use crate::{
    domain::item::{Item, Kind, Stored},
    error::Error,
    handlers::Ctx,
};

const MAX_AGENTS: usize = 256;
const MAX_CREWS: usize = 64;
const MAX_BASES: usize = 64;
/// Tools that one request may pin.
const MAX_TOOLS: usize = 1024;

pub(crate) async fn resolve(ctx: Ctx, request: Resolve) -> Result<Resolved, Error> {
    if request.agents.len() > MAX_AGENTS
        || request.crews.len() > MAX_CREWS
        || request.bases.len() > MAX_BASES
    {
        return Err(Error::TooManyPins);
    }
    let store = &ctx.state.store;
    let pins: Vec<_> = request.crews.iter().map(pin_of_crew).collect();
    let crews: Vec<Stored<CrewSpec>> = store.pinned(ctx.tenant, Kind::Crew, &pins).await?;
    let pins: Vec<_> = request.agents.iter().map(pin_of_agent).collect();
    let agents: Vec<Stored<AgentSpec>> = store.pinned(ctx.tenant, Kind::Agent, &pins).await?;
    let members: BTreeSet<AgentId> = crews
        .iter()
        .flat_map(|crew| crew.spec.agents.iter().copied())
        .collect();
    let pins: Vec<_> = members
        .into_iter()
        .map(|id| (Item::Agent(id), None))
        .collect();
    let members: Vec<Stored<AgentSpec>> = store.pinned(ctx.tenant, Kind::Agent, &pins).await?;
    let everyone = agents.iter().chain(&members);
    let supplies = supplies(&ctx, everyone, &request.bases).await?;
    let members: BTreeMap<AgentId, AgentSnapshot> = members
        .into_iter()
        .map(|member| (AgentId::from_uuid(member.id), supplies.equip(member)))
        .collect();
    Ok(Resolved {
        agents: agents
            .into_iter()
            .map(|agent| supplies.equip(agent))
            .collect(),
        crews: crews
            .into_iter()
            .map(|crew| snapshot_of_crew(crew, &members))
            .collect(),
        bases: supplies.bases(&request.bases),
    })
}

fn pin_of_crew(pin: &Pin<CrewId>) -> (Item, Option<u32>) {
    (Item::Crew(pin.id), pin.version)
}

fn pin_of_agent(pin: &Pin<AgentId>) -> (Item, Option<u32>) {
    (Item::Agent(pin.id), pin.version)
}

/// What agents work with: the newest versions, by id.
struct Supplies {
    tools: BTreeMap<ToolId, ToolSnapshot>,
    bases: BTreeMap<BaseId, KnowledgeSnapshot>,
}

/// The tools of all agents in one question, and all knowledge bases.
async fn supplies(
    ctx: &Ctx,
    agents: impl Iterator<Item = &Stored<AgentSpec>>,
    bases: &[BaseId],
) -> Result<Supplies, Error> {
    let mut wanted: BTreeSet<ToolId> = BTreeSet::new();
    let mut searched: BTreeSet<BaseId> = bases.iter().copied().collect();
    for agent in agents {
        wanted.extend(&agent.spec.tools);
        searched.extend(&agent.spec.knowledge);
    }
    let wanted: Vec<_> = wanted.into_iter().collect();
    let mut tools = BTreeMap::new();
    // One question, but for the largest of crews.
    for some in wanted.chunks(MAX_TOOLS) {
        let found = super::tools(ctx, some).await?;
        tools.extend(found.into_iter().map(|tool| (tool.id, tool)));
    }
    let bases = super::bases(ctx, &searched.into_iter().collect::<Vec<_>>()).await?;
    Ok(Supplies {
        tools,
        bases: bases.into_iter().map(|base| (base.id, base)).collect(),
    })
}

impl Supplies {
    fn bases(&self, ids: &[BaseId]) -> Vec<KnowledgeSnapshot> {
        let found = ids.iter().filter_map(|id| self.bases.get(id));
        found.cloned().collect()
    }

    /// The agent with those of its tools and bases that are there.
    fn equip(&self, agent: Stored<AgentSpec>) -> AgentSnapshot {
        let spec = agent.spec;
        let tools = spec.tools.iter().filter_map(|id| self.tools.get(id));
        AgentSnapshot {
            id: AgentId::from_uuid(agent.id),
            version: agent.version,
            tools: tools.cloned().collect(),
            knowledge: self.bases(&spec.knowledge),
            name: spec.name,
            role: spec.role,
            goal: spec.goal,
            backstory: spec.backstory,
            model: spec.model,
            memory: spec.memory,
            guardrails: spec.guardrails,
            output_schema: spec.output_schema,
            limits: spec.limits,
        }
    }
}

fn snapshot_of_crew(
    crew: Stored<CrewSpec>,
    members: &BTreeMap<AgentId, AgentSnapshot>,
) -> CrewSnapshot {
    let spec = crew.spec;
    let agents = spec.agents.iter().filter_map(|id| members.get(id));
    CrewSnapshot {
        id: CrewId::from_uuid(crew.id),
        version: crew.version,
        agents: agents.cloned().collect(),
        name: spec.name,
        process: spec.process,
        tasks: spec.tasks,
        manager_model: spec.manager_model,
        limits: spec.limits,
    }
}
