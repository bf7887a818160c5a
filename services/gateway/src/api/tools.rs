//! `/tools`: the registry of tools with their versions, and calls of them.

use contracts::{
    id::ToolId,
    page::Page,
    tool::{
        CreateTool, DeleteTool, DiscoverTools, DiscoveredTools, GetTool, ImportMcp, ImportOpenapi,
        ImportedTools, InvokeTool, ListToolCalls, ListToolVersions, ListTools, Tool,
        ToolCallRecord, ToolKind, ToolResult, ToolSpec, ToolSummary, ToolValidation, ToolVersion,
        UpdateTool, ValidateTool,
    },
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    PREFIX, Tag, etag,
    form::{Deleted, in_flat_body, paging},
};
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct InvokeBody {
    /// Checked against the tool's `input_schema`.
    arguments: Value,
    /// The newest when absent.
    #[serde(default)]
    version: Option<u32>,
}

#[derive(ApiResponse)]
enum OneTool {
    #[oai(status = 200)]
    Ok(
        Json<Tool>,
        /// The tool's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(
        Json<Tool>,
        #[oai(header = "Location")] String,
        /// The tool's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[OpenApi(prefix_path = "/tools", tag = "Tag::Tools")]
impl Api {
    /// The organization's tools
    #[oai(path = "/", method = "get", operation_id = "tool.list")]
    async fn list(
        &self,
        caller: Bearer,
        /// Only tools whose name or description contains this text, whatever the case.
        search: Query<Option<String>>,
        /// Only tools of this kind.
        kind: Query<Option<ToolKind>>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<ToolSummary>>> {
        let request = ListTools {
            search: search.0,
            kind: kind.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Register a tool
    #[oai(path = "/", method = "post", operation_id = "tool.create")]
    async fn create(&self, caller: Bearer, body: Json<ToolSpec>) -> poem::Result<Created> {
        let request = CreateTool { spec: body.0 };
        let tool = caller.ask(&request).await.map_err(in_flat_body)?;
        let location = format!("{PREFIX}/tools/{}", tool.id);
        let tag = etag::of(tool.version.into());
        Ok(Created::Created(Json(tool), location, tag))
    }

    /// Make tools of the operations of an OpenAPI document
    ///
    /// Operations that cannot be a tool are among the `problems`.
    #[oai(
        path = "/import/openapi",
        method = "post",
        operation_id = "tool.import_openapi"
    )]
    async fn import_openapi(
        &self,
        caller: Bearer,
        body: Json<ImportOpenapi>,
    ) -> poem::Result<Json<ImportedTools>> {
        Ok(Json(caller.ask(&body.0).await?))
    }

    /// Make tools of the tools of an MCP server
    #[oai(
        path = "/import/mcp",
        method = "post",
        operation_id = "tool.import_mcp"
    )]
    async fn import_mcp(
        &self,
        caller: Bearer,
        body: Json<ImportMcp>,
    ) -> poem::Result<Json<ImportedTools>> {
        Ok(Json(caller.ask(&body.0).await?))
    }

    /// The organization's micro services on NATS that can be tools, as they run at this moment
    #[oai(path = "/discover", method = "get", operation_id = "tool.discover")]
    async fn discover(&self, caller: Bearer) -> poem::Result<Json<DiscoveredTools>> {
        Ok(Json(caller.ask(&DiscoverTools::default()).await?))
    }

    /// One tool
    #[oai(path = "/:tool_id", method = "get", operation_id = "tool.get")]
    async fn get(
        &self,
        caller: Bearer,
        tool_id: Path<ToolId>,
        /// The newest when absent.
        version: Query<Option<u32>>,
    ) -> poem::Result<OneTool> {
        let request = GetTool {
            tool_id: tool_id.0,
            version: version.0,
        };
        Ok(tagged(caller.ask(&request).await?))
    }

    /// Make the next version of a tool
    ///
    /// Name and kind stay. With `If-Match`, only while the newest version is that one: 412 otherwise.
    #[oai(path = "/:tool_id", method = "put", operation_id = "tool.update")]
    async fn update(
        &self,
        caller: Bearer,
        tool_id: Path<ToolId>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Json<ToolSpec>,
    ) -> poem::Result<OneTool> {
        let request = UpdateTool {
            tool_id: tool_id.0,
            spec: body.0,
            if_version: etag::parse_small(if_match.0.as_deref())?,
        };
        let tool = caller.ask(&request).await.map_err(in_flat_body)?;
        Ok(tagged(tool))
    }

    /// Hide a tool and free its name
    #[oai(path = "/:tool_id", method = "delete", operation_id = "tool.delete")]
    async fn delete(&self, caller: Bearer, tool_id: Path<ToolId>) -> poem::Result<Deleted> {
        let tool_id = tool_id.0;
        caller.ask(&DeleteTool { tool_id }).await?;
        Ok(Deleted::Done)
    }

    /// The versions of a tool, the newest first
    #[oai(
        path = "/:tool_id/versions",
        method = "get",
        operation_id = "tool.versions"
    )]
    async fn versions(
        &self,
        caller: Bearer,
        tool_id: Path<ToolId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<ToolVersion>>> {
        let request = ListToolVersions {
            tool_id: tool_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Check a tool as it is now: schemas, configuration, and the secrets it names
    #[oai(
        path = "/:tool_id/validate",
        method = "post",
        operation_id = "tool.validate"
    )]
    async fn validate(
        &self,
        caller: Bearer,
        tool_id: Path<ToolId>,
    ) -> poem::Result<Json<ToolValidation>> {
        let tool_id = tool_id.0;
        Ok(Json(caller.ask(&ValidateTool { tool_id }).await?))
    }

    /// Call a tool once and wait for its result
    ///
    /// The call ends after the tool's `timeout_ms`, at most 600,000; the request waits that long, whatever the limit of
    /// other requests. A call that fails is a problem whose `reason` is the failure's stable word.
    #[oai(
        path = "/:tool_id/invoke",
        method = "post",
        operation_id = "tool.invoke"
    )]
    async fn invoke(
        &self,
        caller: Bearer,
        tool_id: Path<ToolId>,
        /// Passed on to the server that the tool calls, as its `Idempotency-Key`.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: Json<InvokeBody>,
    ) -> poem::Result<Json<ToolResult>> {
        let request = InvokeTool {
            tool_id: tool_id.0,
            version: body.0.version,
            arguments: body.0.arguments,
            idempotency_key: idempotency_key.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// The last calls of a tool, the newest first
    #[oai(path = "/:tool_id/calls", method = "get", operation_id = "tool.calls")]
    async fn calls(
        &self,
        caller: Bearer,
        tool_id: Path<ToolId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<ToolCallRecord>>> {
        let request = ListToolCalls {
            tool_id: tool_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }
}

fn tagged(tool: Tool) -> OneTool {
    let tag = etag::of(tool.version.into());
    OneTool::Ok(Json(tool), tag)
}
