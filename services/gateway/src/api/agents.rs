//! `/agents`: agents with their versions, what they remember, and runs of them.

use contracts::{
    agent::{
        Agent, AgentSpec, AgentSummary, AgentVersion, CreateAgent, DeleteAgent, Forget, GetAgent,
        ListAgentVersions, ListAgents, ListMemories, Memory, UpdateAgent,
    },
    flow::{AgentFlow, CreateAgentFlow, ListAgentFlows, RunAgent},
    id::{AgentId, MemoryId},
    page::Page,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    PREFIX, Tag, etag,
    flows::{self, Started, started},
    form::{Deleted, in_flat_body, paging},
};
use crate::{
    caller::Bearer,
    payload::{Json, MaybeJson},
};

pub(crate) struct Api;

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub(super) struct RunBody {
    /// A text is the prompt; anything else is given as JSON.
    #[serde(default)]
    #[oai(default)]
    pub(super) input: Value,
    /// The newest when absent.
    #[serde(default)]
    pub(super) version: Option<u32>,
}

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct AgentFlowBody {
    /// 1 to 200 characters; the agent's name when absent.
    #[serde(default)]
    name: Option<String>,
}

#[derive(ApiResponse)]
enum OneAgent {
    #[oai(status = 200)]
    Ok(
        Json<Agent>,
        /// The agent's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(
        Json<Agent>,
        #[oai(header = "Location")] String,
        /// The agent's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[OpenApi(prefix_path = "/agents", tag = "Tag::Agents")]
impl Api {
    /// The organization's agents
    #[oai(path = "/", method = "get", operation_id = "agent.list")]
    async fn list(
        &self,
        caller: Bearer,
        /// Only agents whose name, role or goal contains this text, whatever the case.
        search: Query<Option<String>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<AgentSummary>>> {
        let request = ListAgents {
            search: search.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Create an agent
    #[oai(path = "/", method = "post", operation_id = "agent.create")]
    async fn create(&self, caller: Bearer, body: Json<AgentSpec>) -> poem::Result<Created> {
        let request = CreateAgent { spec: body.0 };
        let agent = caller.ask(&request).await.map_err(in_flat_body)?;
        let location = format!("{PREFIX}/agents/{}", agent.id);
        let tag = etag::of(agent.version.into());
        Ok(Created::Created(Json(agent), location, tag))
    }

    /// One agent
    #[oai(path = "/:agent_id", method = "get", operation_id = "agent.get")]
    async fn get(
        &self,
        caller: Bearer,
        agent_id: Path<AgentId>,
        /// The newest when absent.
        version: Query<Option<u32>>,
    ) -> poem::Result<OneAgent> {
        let request = GetAgent {
            agent_id: agent_id.0,
            version: version.0,
        };
        Ok(tagged(caller.ask(&request).await?))
    }

    /// Make the next version of an agent
    ///
    /// With `If-Match`, only while the newest version is that one: 412 otherwise.
    #[oai(path = "/:agent_id", method = "put", operation_id = "agent.update")]
    async fn update(
        &self,
        caller: Bearer,
        agent_id: Path<AgentId>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Json<AgentSpec>,
    ) -> poem::Result<OneAgent> {
        let request = UpdateAgent {
            agent_id: agent_id.0,
            spec: body.0,
            if_version: etag::parse_small(if_match.0.as_deref())?,
        };
        let agent = caller.ask(&request).await.map_err(in_flat_body)?;
        Ok(tagged(agent))
    }

    /// Hide an agent, free its name, and forget what it remembered
    ///
    /// Refused with `conflict` while a crew names it.
    #[oai(path = "/:agent_id", method = "delete", operation_id = "agent.delete")]
    async fn delete(&self, caller: Bearer, agent_id: Path<AgentId>) -> poem::Result<Deleted> {
        let agent_id = agent_id.0;
        caller.ask(&DeleteAgent { agent_id }).await?;
        Ok(Deleted::Done)
    }

    /// The versions of an agent, the newest first
    #[oai(
        path = "/:agent_id/versions",
        method = "get",
        operation_id = "agent.versions"
    )]
    async fn versions(
        &self,
        caller: Bearer,
        agent_id: Path<AgentId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<AgentVersion>>> {
        let request = ListAgentVersions {
            agent_id: agent_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// What an agent remembers, the newest first
    ///
    /// The caller's own memories; with `organization` in the agent's `memory`, everybody's.
    #[oai(
        path = "/:agent_id/memories",
        method = "get",
        operation_id = "agent.memories"
    )]
    async fn memories(
        &self,
        caller: Bearer,
        agent_id: Path<AgentId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Memory>>> {
        let request = ListMemories {
            agent_id: agent_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Forget all that the caller may see of an agent's memories
    #[oai(
        path = "/:agent_id/memories",
        method = "delete",
        operation_id = "agent.forget"
    )]
    async fn forget_all(&self, caller: Bearer, agent_id: Path<AgentId>) -> poem::Result<Deleted> {
        forget(&caller, agent_id.0, None).await
    }

    /// Forget one memory
    #[oai(
        path = "/:agent_id/memories/:memory_id",
        method = "delete",
        operation_id = "agent.forget:one"
    )]
    async fn forget_one(
        &self,
        caller: Bearer,
        agent_id: Path<AgentId>,
        memory_id: Path<MemoryId>,
    ) -> poem::Result<Deleted> {
        forget(&caller, agent_id.0, Some(memory_id.0)).await
    }

    /// The agent's flows: those whose draft or newest revision names it in a node
    #[oai(
        path = "/:agent_id/workflows",
        method = "get",
        operation_id = "flow.list_of_agent"
    )]
    async fn flows(
        &self,
        caller: Bearer,
        agent_id: Path<AgentId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<AgentFlow>>> {
        let request = ListAgentFlows {
            agent_id: agent_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Create a flow around an agent
    ///
    /// Its draft is valid: a chat trigger, the agent and an output. Published, it answers conversations; executed, it
    /// takes `{prompt}`.
    #[oai(
        path = "/:agent_id/workflows",
        method = "post",
        operation_id = "flow.create_for_agent"
    )]
    async fn create_flow(
        &self,
        caller: Bearer,
        agent_id: Path<AgentId>,
        body: MaybeJson<AgentFlowBody>,
    ) -> poem::Result<flows::Created> {
        let request = CreateAgentFlow {
            agent_id: agent_id.0,
            name: body.0.name,
        };
        Ok(flows::created(caller.ask(&request).await?))
    }

    /// Start a run of an agent
    #[oai(
        path = "/:agent_id/run",
        method = "post",
        operation_id = "flow.run_agent"
    )]
    async fn run(
        &self,
        caller: Bearer,
        agent_id: Path<AgentId>,
        /// The same key and body give the same execution; the same key with another body is refused.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: MaybeJson<RunBody>,
    ) -> poem::Result<Started> {
        let request = RunAgent {
            agent_id: agent_id.0,
            version: body.0.version,
            input: body.0.input,
            idempotency_key: idempotency_key.0,
        };
        Ok(started(caller.ask(&request).await?))
    }
}

async fn forget(
    caller: &Bearer,
    agent_id: AgentId,
    memory_id: Option<MemoryId>,
) -> poem::Result<Deleted> {
    let request = Forget {
        agent_id,
        memory_id,
    };
    caller.ask(&request).await?;
    Ok(Deleted::Done)
}

fn tagged(agent: Agent) -> OneAgent {
    let tag = etag::of(agent.version.into());
    OneAgent::Ok(Json(agent), tag)
}
