//! Tools made in numbers: of the operations of a document, of the tools of an MCP server.
//!
//! **Invariant:** all that a source offers and that was asked for comes back, as a tool or as a problem.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contracts::{
    Role,
    id::{TenantId, ToolId, UserId},
    tool::{
        Approval, ImportMcp, ImportOpenapi, ImportProblem, ImportedTools, Tool, ToolKind, ToolSpec,
        ToolSummary,
    },
};
use egress::Request;
use serde_json::{Value, json};

use crate::{
    State,
    domain::{
        arguments::MAX_BYTES,
        import::{Found, Refusal, candidate, description, tool_name},
        openapi::{self, Options},
        schemas, spec,
    },
    error::Error,
    failure::Failure,
    kinds::{self, McpPlace, headers},
    mcp::{Listed, Session},
};

/// Tools of one import.
const MAX_TOOLS: usize = 200;
/// Names that are tried for one tool.
const MAX_TRIES: u32 = 20;

/// In whose organization tools are made, by whom and when.
pub(crate) struct Maker {
    pub(crate) tenant: TenantId,
    pub(crate) by: UserId,
    pub(crate) now: DateTime<Utc>,
}

/// The operations of the document that a request holds or names.
///
/// # Errors
/// [`Error::InvalidDocument`]; what keeps it from being fetched.
pub(crate) async fn operations(
    state: &State,
    request: &ImportOpenapi,
) -> Result<Vec<Found>, Error> {
    let document = match (&request.document, &request.url) {
        (Some(Value::String(text)), None) => parse(text.as_bytes())?,
        (Some(document), None) => document.clone(),
        (None, Some(url)) => fetch(state, url).await?,
        (Some(_), Some(_)) | (None, None) => {
            let text = "either `document` or `url` must be given".to_owned();
            return Err(Error::InvalidDocument(text));
        }
    };
    let options = Options {
        source: request.url.as_deref(),
        base_url: request.base_url.as_deref(),
        operations: request.operations.as_deref(),
        headers: &request.headers,
    };
    openapi::operations(&document, &options).map_err(Error::InvalidDocument)
}

async fn fetch(state: &State, url: &str) -> Result<Value, Error> {
    let mut request = Request::new("GET", url);
    request.max_response_bytes = MAX_BYTES;
    let response = state.egress.request(request).await.map_err(Failure::from)?;
    if response.status != 200 {
        let text = format!("the server answered with status {}", response.status);
        return Err(Failure::lasting("http_status", text).into());
    }
    parse(&response.body)
}

/// JSON, or else YAML, whose parser bounds what its aliases may become.
fn parse(text: &[u8]) -> Result<Value, Error> {
    if text.len() > MAX_BYTES {
        let text = "a document has at most 1 MiB".to_owned();
        return Err(Error::InvalidDocument(text));
    }
    if let Ok(document) = serde_json::from_slice(text) {
        return Ok(document);
    }
    let invalid = || Error::InvalidDocument("the document is neither JSON nor YAML".to_owned());
    let text = std::str::from_utf8(text).map_err(|_| invalid())?;
    // As YAML 1.2 has it: `no` is a text.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|_| invalid())
}

/// The tools of an MCP server.
///
/// # Errors
/// `unknown_secret`, `secret_host`; what the server answers amiss.
pub(crate) async fn tools_of(
    state: &State,
    place: &McpPlace<'_>,
    request: &ImportMcp,
) -> Result<Vec<Found>, Error> {
    let (server, secrets) = kinds::mcp_server(state, place).await?;
    let mut session = Session::open(server).await?;
    let listed = session.tools().await;
    session.close().await;
    let wanted = request.tools.as_ref();
    let mut missing: BTreeSet<&str> = wanted.into_iter().flatten().map(String::as_str).collect();
    let mut found = Vec::new();
    for tool in listed? {
        let is_wanted = wanted.is_none_or(|wanted| wanted.contains(&tool.name));
        if is_wanted {
            missing.remove(tool.name.as_str());
            let item = tool.name.clone();
            let mut spec = spec_of(request, tool);
            if let Ok(spec) = &mut spec {
                redact(spec, &secrets);
            }
            found.push(Found { item, spec });
        }
    }
    found.extend(missing.into_iter().map(|name| Found {
        item: name.to_owned(),
        spec: Err(Refusal::new("unknown_tool", "the server has no such tool")),
    }));
    Ok(found)
}

/// A server that says a secret back does not get it stored in the clear.
fn redact(spec: &mut ToolSpec, secrets: &headers::Secrets) {
    let mut description = Value::String(std::mem::take(&mut spec.description));
    headers::redact(&mut description, secrets);
    spec.description = description.as_str().unwrap_or_default().to_owned();
    headers::redact(&mut spec.input_schema, secrets);
}

fn spec_of(request: &ImportMcp, tool: Listed) -> Result<ToolSpec, Refusal> {
    let schema = tool.input_schema.unwrap_or_else(|| json!({}));
    let expanded = schemas::expanded(&schema, &schema);
    let mut input_schema = expanded.map_err(|reason| Refusal::new("schema", reason))?;
    if let Some(object) = input_schema.as_object_mut() {
        object.entry("type").or_insert_with(|| json!("object"));
    }
    let texts = [tool.description.as_deref(), tool.title.as_deref()];
    let said = texts.iter().flatten().find(|text| !text.trim().is_empty());
    Ok(ToolSpec {
        name: tool_name(&tool.name),
        kind: ToolKind::Mcp,
        description: description(&[said.copied()], &tool.name),
        input_schema,
        output_schema: None,
        config: json!({"url": request.url, "tool": tool.name, "headers": request.headers}),
        approval: Approval::None,
        timeout_ms: None,
        least_role: Role::Operator,
    })
}

/// Makes what can be made.
///
/// # Errors
/// When the store fails; what was made until then stays.
pub(crate) async fn make(
    state: &State,
    maker: &Maker,
    found: Vec<Found>,
) -> Result<ImportedTools, Error> {
    let mut imported = ImportedTools::default();
    for Found { item, spec } in found {
        let outcome = match spec {
            Ok(_) if imported.items.len() >= MAX_TOOLS => {
                let text = "one import makes at most 200 tools: name those you want";
                Err(Refusal::new("too_many", text))
            }
            Ok(spec) => make_one(state, maker, spec).await?,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(tool) => imported.items.push(summary(tool)),
            Err(Refusal { code, message }) => {
                let item = item.chars().take(200).collect();
                imported.problems.push(ImportProblem {
                    item,
                    code,
                    message,
                });
            }
        }
    }
    Ok(imported)
}

async fn make_one(
    state: &State,
    maker: &Maker,
    spec: ToolSpec,
) -> Result<Result<Tool, Refusal>, Error> {
    if let Some(problem) = spec::problems(&spec).into_iter().next() {
        return Ok(Err(Refusal::new(&problem.code, problem.message)));
    }
    for n in 1..=MAX_TRIES {
        let mut spec = spec.clone();
        spec.name = candidate(&spec.name, n);
        let (id, tenant) = (ToolId::generate(), maker.tenant);
        match state
            .store
            .insert(tenant, id, spec, maker.by, maker.now)
            .await
        {
            Err(Error::NameTaken(_)) => {}
            outcome => return outcome.map(Ok),
        }
    }
    let text = format!(
        "a tool called `{}` exists already, and more with a number",
        spec.name
    );
    Ok(Err(Refusal::new("tool_exists", text)))
}

fn summary(tool: Tool) -> ToolSummary {
    ToolSummary {
        id: tool.id,
        version: tool.version,
        name: tool.name,
        kind: tool.kind,
        description: tool.description,
        approval: tool.approval,
        updated_at: tool.updated_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_json_or_yaml() {
        let yaml = "openapi: 3.0.3\npaths:\n  /x:\n    get:\n      responses:\n        200: {description: ok}\n        '404': {description: no}\n";
        let expect = json!({"openapi": "3.0.3", "paths": {"/x": {"get": {"responses": {
            "200": {"description": "ok"}, "404": {"description": "no"}}}}}});
        assert_eq!(parse(yaml.as_bytes()).unwrap(), expect);
        assert_eq!(parse(expect.to_string().as_bytes()).unwrap(), expect);
        let bomb: String = (1..30)
            .map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1))
            .collect();
        for text in [
            "{",
            "a: [",
            &format!("a0: &a0 [x]\n{bomb}"),
            &"x".repeat(MAX_BYTES + 1),
        ] {
            assert!(parse(text.as_bytes()).is_err());
        }
    }
}
