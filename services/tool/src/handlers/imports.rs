//! Tools from elsewhere: documents, MCP servers, micro services on NATS.

use std::{collections::BTreeMap, time::Duration};

use bus::MicroEndpoint;
use contracts::{
    subject::tool_of,
    tool::{
        DiscoverTools, DiscoveredTool, DiscoveredTools, ImportMcp, ImportOpenapi, ImportedTools,
    },
};
use serde_json::{Value, json};

use crate::{
    domain::{import::description, spec},
    error::Error,
    failure::Failure,
    handlers::{Ctx, now},
    imports::{self, Maker},
    kinds::McpPlace,
    pulse::Pulse,
};

/// How long micro services may take to say what they are.
const DISCOVERY: Duration = Duration::from_secs(2);
/// Tools that one discovery lists.
const MAX_DISCOVERED: usize = 500;

pub(crate) async fn openapi(ctx: Ctx, request: ImportOpenapi) -> Result<ImportedTools, Error> {
    let found = imports::operations(&ctx.state, &request).await?;
    imports::make(&ctx.state, &maker(&ctx), found).await
}

pub(crate) async fn mcp(ctx: Ctx, request: ImportMcp) -> Result<ImportedTools, Error> {
    let patience = ctx.remaining().mul_f32(0.9);
    let pulse = Pulse::default();
    let place = McpPlace {
        tenant: ctx.tenant,
        url: &request.url,
        headers: &request.headers,
        timeout: patience,
        pulse: &pulse,
    };
    let listed = imports::tools_of(&ctx.state, &place, &request);
    let found = tokio::time::timeout(patience, listed)
        .await
        .map_err(|_| Failure::timeout("the server did not list its tools in time"))??;
    imports::make(&ctx.state, &maker(&ctx), found).await
}

pub(crate) async fn discover(ctx: Ctx, _: DiscoverTools) -> Result<DiscoveredTools, Error> {
    let wait = DISCOVERY.min(ctx.remaining().mul_f32(0.8));
    let endpoints = ctx.bus.micro_endpoints(ctx.tenant, wait).await;
    let endpoints = endpoints.map_err(|error| {
        tracing::warn!(%error, "micro services cannot be asked");
        Failure::passing("bus", "micro services cannot be asked at present")
    })?;
    let mut tools = BTreeMap::new();
    for endpoint in endpoints {
        // Another organization's subject is none that we would ever call.
        if let Some(name) = tool_of(ctx.tenant, &endpoint.subject) {
            let name = String::from(name);
            tools
                .entry(name.clone())
                .or_insert_with(|| discovered(name, &endpoint));
        }
    }
    let items = tools.into_values().take(MAX_DISCOVERED).collect();
    Ok(DiscoveredTools { items })
}

fn discovered(name: String, endpoint: &MicroEndpoint) -> DiscoveredTool {
    let says = |key: &str| {
        let metadata = endpoint.metadata.as_ref();
        metadata
            .and_then(|metadata| metadata.get(key))
            .map(String::as_str)
    };
    let about = says("description").filter(|text| !text.trim().is_empty());
    let (input_schema, problem) = match says("input_schema").map(schema) {
        Some(Ok(schema)) => (schema, None),
        Some(Err(reason)) => (json!({"type": "object"}), Some(reason)),
        None => (json!({"type": "object"}), None),
    };
    DiscoveredTool {
        description: description(&[about.or(Some(&endpoint.description))], &name),
        name,
        input_schema,
        problem,
    }
}

fn schema(text: &str) -> Result<Value, String> {
    let schema = serde_json::from_str(text)
        .map_err(|_| "`input_schema` in the metadata is not JSON".to_owned())?;
    spec::object_schema(&schema)?;
    Ok(schema)
}

fn maker(ctx: &Ctx) -> Maker {
    Maker {
        tenant: ctx.tenant,
        by: ctx.principal().user_id,
        now: now(),
    }
}
