//! The kinds of tools: how they look, what a new one begins with, what their configuration asks for.

use contracts::{
    Permission, Role,
    tool::{Approval, Tool, ToolKind, ToolSpec},
};
use serde_json::{Value, json};

use crate::{pages::versioned::Versioned, params::Params, routes::Route, ui::icon::Glyph};

pub(crate) const fn look(kind: ToolKind) -> (Glyph, &'static str) {
    match kind {
        ToolKind::Builtin => (Glyph::Tool, "Builtin"),
        ToolKind::Http => (Glyph::Globe, "HTTP request"),
        ToolKind::Javascript => (Glyph::Code, "JavaScript"),
        ToolKind::Openapi => (Glyph::Document, "OpenAPI"),
        ToolKind::Python => (Glyph::Code, "Python"),
        ToolKind::Container => (Glyph::Container, "Container"),
        ToolKind::Nats => (Glyph::Branch, "NATS service"),
        ToolKind::Mcp => (Glyph::Provider, "MCP"),
        ToolKind::Flow => (Glyph::Flow, "Flow"),
    }
}

impl Versioned for Tool {
    type Spec = ToolSpec;
    const PATH: &'static str = "/tools";
    const KIND: &'static str = "tool";
    const TITLE: &'static str = "Tool";
    const NOTE: &'static str =
        "All its versions go, and calls of it are refused from then on. Its name becomes free.";
    const WRITE: Permission = Permission::ToolWrite;
    const TABS: &'static [(&'static str, &'static str)] = &[
        ("", "Definition"),
        ("calls", "Calls"),
        ("versions", "Versions"),
    ];

    fn list() -> Route {
        Route::tools()
    }
    fn route(id: String, params: Params) -> Route {
        Route::Tool { id, params }
    }
    fn name(&self) -> String {
        self.name.clone()
    }
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: self.name.clone(),
            kind: self.kind,
            description: self.description.clone(),
            input_schema: self.input_schema.clone(),
            output_schema: self.output_schema.clone(),
            config: self.config.clone(),
            approval: self.approval,
            timeout_ms: Some(self.timeout_ms),
            least_role: self.least_role,
        }
    }
}

pub(crate) fn blank(kind: ToolKind) -> ToolSpec {
    let config = match kind {
        ToolKind::Javascript => {
            json!({"source": "export default ({ text }) => {\n  return text.length;\n};\n"})
        }
        ToolKind::Python => json!({"source": "def run(text):\n    return len(text)\n"}),
        ToolKind::Http => json!({"method": "GET", "url": ""}),
        ToolKind::Builtin => json!({"name": "calculator"}),
        ToolKind::Container => json!({"image": ""}),
        ToolKind::Nats => json!({"name": ""}),
        ToolKind::Mcp => json!({"url": "", "tool": ""}),
        ToolKind::Flow => json!({"flow_id": ""}),
        ToolKind::Openapi => json!({}),
    };
    let (name, least_role) = (String::new(), Role::Operator);
    let field = match kind {
        ToolKind::Builtin => "expression",
        _ => "text",
    };
    ToolSpec {
        name,
        kind,
        description: String::new(),
        input_schema: json!({
            "type": "object",
            "properties": {field: {"type": "string"}},
            "required": [field],
            "additionalProperties": false
        }),
        output_schema: None,
        config,
        approval: Approval::None,
        timeout_ms: Some(ToolSpec::DEFAULT_TIMEOUT_MS),
        least_role,
    }
}

/// The schema of the configuration, where a form serves it best.
pub(crate) fn config_schema(kind: ToolKind) -> Option<Value> {
    let text =
        |title: &str, hint: &str| json!({"title": title, "type": "string", "description": hint});
    let any = |title: &str, hint: &str| json!({"title": title, "description": hint});
    let command = json!({"title": "Command", "type": "array", "items": {"type": "string"}});
    let (required, properties) = match kind {
        ToolKind::Builtin => (
            json!(["name"]),
            json!({"name": {"title": "Builtin", "enum": ["calculator", "time", "json_query", "http"]}}),
        ),
        ToolKind::Http => (
            json!(["method", "url"]),
            json!({
                "method": {"title": "Method", "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]},
                "url": {"title": "URL", "type": "string", "description": "{{ arguments.city }} stands for an argument"},
                "query": any("Query", "JSON, for example {\"q\": \"{{ arguments.text }}\"}"),
                "headers": any("Headers", "JSON; {\"$secret\": \"name\"} stands for a secret"),
                "body": any("Body", "JSON, sent as such; a string as plain text"),
            }),
        ),
        ToolKind::Container => (
            json!(["image"]),
            json!({
                "image": {"title": "Image", "type": "string", "description": "With a tag or a digest, present on the engine"},
                "command": command,
                "memory_mb": {"title": "Memory in MiB", "type": "integer", "minimum": 16, "maximum": 512},
                "cpus": {"title": "CPUs", "type": "number", "minimum": 0.1, "maximum": 2},
            }),
        ),
        ToolKind::Nats => (
            json!(["name"]),
            json!({"name": {"title": "Service", "type": "string", "description": "The last token of its subject"}}),
        ),
        ToolKind::Mcp => (
            json!(["tool"]),
            json!({
                "tool": {"title": "Tool", "type": "string", "description": "Its name on the server"},
                "url": text("URL", "Of a server over streamable HTTP"),
                "headers": any("Headers", "JSON; {\"$secret\": \"name\"} stands for a secret"),
                "image": text("Image", "Of a server over standard streams, in a container"),
                "command": command,
            }),
        ),
        ToolKind::Javascript | ToolKind::Python | ToolKind::Openapi | ToolKind::Flow => {
            return None;
        }
    };
    Some(json!({"type": "object", "required": required, "properties": properties}))
}
