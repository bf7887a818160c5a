//! What there is to call: published flows, agents and tools, each under a name that says what it is and ends with its id.

use contracts::{
    agent::ListAgents,
    flow::{FlowSummary, GetRevision, ListFlows},
    id::{AgentId, FlowId, ToolId},
    page::Paging,
    tool::{GetTool, ListTools},
};
use serde_json::{Value, json};

use super::Failure;
use crate::caller::Caller;

/// Entries of one page; each of a flow or tool costs a question.
const PAGE: u32 = 50;
/// Characters of a name before the id.
const MAX_SLUG: usize = 24;

/// Something that can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callable {
    Flow(FlowId),
    Agent(AgentId),
    Tool(ToolId),
}

impl Callable {
    /// Reads a name that [`name_of`] has written.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let id = name.rsplit('-').next()?;
        let flow = id.parse().ok().map(Self::Flow);
        let agent = || id.parse().ok().map(Self::Agent);
        let tool = || id.parse().ok().map(Self::Tool);
        flow.or_else(agent).or_else(tool)
    }
}

/// One page: first all flows, then all agents, then all tools. The cursor names the list and the place in it.
pub(super) async fn list(caller: &Caller, params: &Value) -> Result<Value, Failure> {
    let cursor = params["cursor"].as_str().unwrap_or("flows:");
    let (kind, place) = cursor
        .split_once(':')
        .ok_or_else(|| Failure::params("`cursor` is none of this server's"))?;
    let paging = Paging {
        cursor: Some(place.to_owned()).filter(|place| !place.is_empty()),
        limit: Some(PAGE),
    };
    let (tools, next, following) = match kind {
        "flows" => flows(caller, paging)
            .await
            .map(|(t, n)| (t, n, Some("agents:")))?,
        "agents" => agents(caller, paging)
            .await
            .map(|(t, n)| (t, n, Some("tools:")))?,
        "tools" => tools(caller, paging).await.map(|(t, n)| (t, n, None))?,
        _ => return Err(Failure::params("`cursor` is none of this server's")),
    };
    let next = next
        .map(|place| format!("{kind}:{place}"))
        .or_else(|| following.map(str::to_owned));
    Ok(match next {
        Some(next) => json!({"tools": tools, "nextCursor": next}),
        None => json!({ "tools": tools }),
    })
}

type Listed = (Vec<Value>, Option<String>);

async fn flows(caller: &Caller, paging: Paging) -> Result<Listed, Failure> {
    let request = ListFlows {
        search: None,
        paging,
    };
    let page = caller.ask_soon(&request).await?;
    let mut tools = Vec::new();
    for flow in page.items {
        if let Some(revision) = flow.revision {
            tools.push(of_flow(caller, flow, revision).await?);
        }
    }
    Ok((tools, page.next))
}

async fn of_flow(caller: &Caller, flow: FlowSummary, revision: u32) -> Result<Value, Failure> {
    let flow_id = flow.id;
    let revision = caller.ask_soon(&GetRevision { flow_id, revision }).await?;
    let schema = revision.definition.input_schema;
    // MCP takes objects only; what a flow without a schema gets is open.
    let schema = schema.filter(|schema| schema["type"] == "object");
    Ok(json!({
        "name": name_of(&flow.name, &flow_id),
        "title": flow.name,
        "description": format!("Flow. {}", flow.description),
        "inputSchema": schema.unwrap_or_else(|| json!({"type": "object"})),
    }))
}

async fn agents(caller: &Caller, paging: Paging) -> Result<Listed, Failure> {
    let request = ListAgents {
        search: None,
        paging,
    };
    let page = caller.ask_soon(&request).await?;
    let tool = |agent: contracts::agent::AgentSummary| {
        json!({
            "name": name_of(&agent.name, &agent.id),
            "title": agent.name,
            "description": format!("Agent: {}", agent.role),
            "inputSchema": {
                "type": "object",
                "required": ["prompt"],
                "properties": {"prompt": {"type": "string", "description": "What the agent is asked to do."}},
                "additionalProperties": false
            }
        })
    };
    Ok((page.items.into_iter().map(tool).collect(), page.next))
}

async fn tools(caller: &Caller, paging: Paging) -> Result<Listed, Failure> {
    let request = ListTools {
        search: None,
        kind: None,
        paging,
    };
    let page = caller.ask_soon(&request).await?;
    let mut tools = Vec::new();
    for summary in page.items {
        let request = GetTool {
            tool_id: summary.id,
            version: Some(summary.version),
        };
        let tool = caller.ask_soon(&request).await?;
        tools.push(json!({
            "name": name_of(&tool.name, &tool.id),
            "title": tool.name,
            "description": tool.description,
            "inputSchema": tool.input_schema,
        }));
    }
    Ok((tools, page.next))
}

/// What clients call it: letters, digits, `_` and `-` alone, 64 at most.
fn name_of(name: &str, id: &dyn std::fmt::Display) -> String {
    let slug: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(MAX_SLUG)
        .collect();
    format!("{slug}-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_short_enough_for_every_client() {
        for (name, id, callable) in [
            (
                "Greet someone!",
                FlowId::EXAMPLE.to_string(),
                Callable::Flow(FlowId::EXAMPLE),
            ),
            (
                "Ä-1",
                AgentId::EXAMPLE.to_string(),
                Callable::Agent(AgentId::EXAMPLE),
            ),
            (
                &"x".repeat(200),
                ToolId::EXAMPLE.to_string(),
                Callable::Tool(ToolId::EXAMPLE),
            ),
        ] {
            let name = name_of(name, &id);
            assert!(name.len() <= 64, "{name}");
            assert_eq!(Callable::parse(&name), Some(callable));
        }
        assert_eq!(Callable::parse("greet"), None);
    }
}
