//! The operations of an OpenAPI 3.0 or 3.1 document as tools.
//!
//! **Invariant:** each operation that was asked for becomes a tool or a problem; none is dropped.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    Role,
    tool::{Approval, ToolKind, ToolSpec},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::domain::{
    import::{Found, Refusal, description, tool_name},
    schemas,
};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "patch", "head", "options", "trace",
];
/// Headers that a document cannot make arguments of (OpenAPI 3.1, Parameter Object).
const IGNORED_HEADERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// What a tool of the kind `openapi` keeps of its operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) method: String,
    /// With `{name}` where a path parameter stands.
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) parameters: Vec<Parameter>,
    /// The argument that is the JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameter {
    pub(crate) argument: String,
    pub(crate) name: String,
    #[serde(rename = "in")]
    pub(crate) place: Place,
    /// Whether a list repeats the name, or stands under it with commas.
    #[serde(default = "repeated")]
    pub(crate) explode: bool,
}

const fn repeated() -> bool {
    true
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// What an import says beside the document.
pub(crate) struct Options<'a> {
    /// Where the document came from; servers may be relative to it.
    pub(crate) source: Option<&'a str>,
    pub(crate) base_url: Option<&'a str>,
    pub(crate) operations: Option<&'a [String]>,
    pub(crate) headers: &'a BTreeMap<String, Value>,
}

/// All operations that are asked for.
///
/// # Errors
/// Why this is no document of a known version.
pub(crate) fn operations(document: &Value, options: &Options<'_>) -> Result<Vec<Found>, String> {
    let version = document.get("openapi").and_then(Value::as_str);
    if !version.is_some_and(|version| version.starts_with("3.0") || version.starts_with("3.1")) {
        return Err("the document does not say `openapi: 3.0` or `3.1`".to_owned());
    }
    let wanted: Option<BTreeSet<&str>> = options
        .operations
        .map(|names| names.iter().map(String::as_str).collect());
    let mut missing = wanted.clone().unwrap_or_default();
    let mut found = Vec::new();
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        let item = schemas::target(document, item).unwrap_or(&Value::Null);
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let id = operation.get("operationId").and_then(Value::as_str);
            if let Some(wanted) = &wanted
                && !id.is_some_and(|id| wanted.contains(id))
            {
                continue;
            }
            if let Some(id) = id {
                missing.remove(id);
            }
            let place = Placed {
                document,
                item,
                operation,
                method,
                path,
            };
            let fallback = format!("{} {path}", method.to_uppercase());
            found.push(Found {
                item: id.map_or(fallback, str::to_owned),
                spec: place.spec(options),
            });
        }
    }
    found.extend(missing.into_iter().map(|name| Found {
        item: name.to_owned(),
        spec: Err(Refusal::new(
            "unknown_operation",
            "the document has no such operation",
        )),
    }));
    Ok(found)
}

/// An operation and where it stands.
struct Placed<'a> {
    document: &'a Value,
    /// The path's own object.
    item: &'a Value,
    operation: &'a Value,
    method: &'a str,
    path: &'a str,
}

impl Placed<'_> {
    fn spec(&self, options: &Options<'_>) -> Result<ToolSpec, Refusal> {
        if matches!(self.method, "options" | "trace") {
            let text = format!("a tool cannot send `{}`", self.method.to_uppercase());
            return Err(Refusal::new("method", text));
        }
        let mut arguments = Arguments::default();
        let mut parameters = Vec::new();
        for parameter in self.parameters()? {
            if let Some(parameter) = arguments.take(self.document, parameter)? {
                parameters.push(parameter);
            }
        }
        let body = self.body(&mut arguments)?;
        let operation = Operation {
            method: self.method.to_uppercase(),
            url: format!("{}{}", self.server(options)?, self.path),
            parameters,
            body,
            headers: options.headers.clone(),
        };
        let says = |field: &str| self.operation.get(field).and_then(Value::as_str);
        let fallback = format!("{} {}", operation.method, self.path);
        let id = says("operationId").unwrap_or(&fallback);
        Ok(ToolSpec {
            name: tool_name(id),
            kind: ToolKind::Openapi,
            description: description(&[says("summary"), says("description")], &fallback),
            input_schema: arguments.schema(),
            output_schema: None,
            config: json!(operation),
            approval: Approval::None,
            timeout_ms: None,
            least_role: Role::Operator,
        })
    }

    /// The path's parameters, and the operation's own in place of those of the same name and place.
    fn parameters(&self) -> Result<Vec<&Value>, Refusal> {
        let mut known: Vec<(&Value, &Value, &Value)> = Vec::new();
        for holder in [self.item, self.operation] {
            let listed = holder.get("parameters").and_then(Value::as_array);
            for parameter in listed.into_iter().flatten() {
                let parameter = resolved(self.document, parameter)?;
                let (name, place) = (&parameter["name"], &parameter["in"]);
                known.retain(|(other, there, _)| (*other, *there) != (name, place));
                known.push((name, place, parameter));
            }
        }
        Ok(known
            .into_iter()
            .map(|(_, _, parameter)| parameter)
            .collect())
    }

    /// The name of the argument that is the body.
    fn body(&self, arguments: &mut Arguments) -> Result<Option<String>, Refusal> {
        let Some(body) = self.operation.get("requestBody") else {
            return Ok(None);
        };
        let body = resolved(self.document, body)?;
        let content = body.get("content").and_then(Value::as_object);
        let json = content.into_iter().flatten().find(|(kind, _)| {
            let essence = kind.split(';').next().unwrap_or_default().trim();
            essence == "application/json" || essence == "*/*"
        });
        let Some((_, media)) = json else {
            return Err(Refusal::new(
                "body_type",
                "the body has no form in `application/json`",
            ));
        };
        let mut schema = expanded(self.document, media.get("schema"))?;
        describe(&mut schema, body);
        let required = body.get("required") == Some(&Value::Bool(true));
        Ok(Some(arguments.add("body", "request", schema, required)))
    }

    fn server(&self, options: &Options<'_>) -> Result<String, Refusal> {
        let base = match options.base_url {
            Some(base) => base.to_owned(),
            None => self.own_server(options.source)?,
        };
        Ok(base.trim_end_matches('/').to_owned())
    }

    fn own_server(&self, source: Option<&str>) -> Result<String, Refusal> {
        let holders = [self.operation, self.item, self.document];
        let server = holders
            .iter()
            .find_map(|holder| holder.get("servers")?.get(0));
        let mut url = server
            .and_then(|server| server.get("url"))
            .and_then(Value::as_str)
            .unwrap_or("/")
            .to_owned();
        let variables = server.and_then(|server| server.get("variables"));
        for (name, variable) in variables.and_then(Value::as_object).into_iter().flatten() {
            let default = variable.get("default").and_then(Value::as_str);
            url = url.replace(&format!("{{{name}}}"), default.unwrap_or_default());
        }
        if url.contains("://") {
            return Ok(url);
        }
        let origin = source.map(|source| source.split('/').take(3).collect::<Vec<_>>().join("/"));
        match origin {
            Some(origin) if url.starts_with('/') => Ok(origin + &url),
            Some(_) | None => {
                let text = format!("the server `{url}` has no host: give a `base_url`");
                Err(Refusal::new("server", text))
            }
        }
    }
}

/// The arguments of a tool as they are gathered.
#[derive(Default)]
struct Arguments {
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl Arguments {
    /// Makes an argument of a parameter; none of a header that a document cannot set.
    fn take(&mut self, document: &Value, parameter: &Value) -> Result<Option<Parameter>, Refusal> {
        let says = |field: &str| parameter.get(field).and_then(Value::as_str);
        let name = says("name").unwrap_or_default();
        let unfit = |code, text: &str| {
            let text = format!(
                "parameter `{}` {text}",
                name.chars().take(64).collect::<String>()
            );
            Err(Refusal::new(code, text))
        };
        let place = match says("in") {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") if IGNORED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) => {
                return Ok(None);
            }
            Some("header") => Place::Header,
            _ => return unfit("parameter_place", "is not in path, query or header"),
        };
        let (style, explodes) = match place {
            Place::Query => ("form", true),
            Place::Path | Place::Header => ("simple", false),
        };
        if name.is_empty() || says("style").is_some_and(|given| given != style) {
            return unfit("parameter_style", "has a style that tools cannot write");
        }
        let Some(schema) = parameter.get("schema") else {
            return unfit("parameter_style", "has no schema");
        };
        let mut schema = expanded(document, Some(schema))?;
        if schema.get("type") == Some(&json!("object")) {
            return unfit("parameter_style", "is an object");
        }
        describe(&mut schema, parameter);
        let explode = parameter.get("explode").and_then(Value::as_bool);
        let required = place == Place::Path || parameter.get("required") == Some(&json!(true));
        let place_name = says("in").unwrap_or_default();
        Ok(Some(Parameter {
            argument: self.add(name, place_name, schema, required),
            name: name.to_owned(),
            place,
            explode: explode.unwrap_or(explodes),
        }))
    }

    /// Gives the argument's name: another where that is taken.
    fn add(&mut self, name: &str, place: &str, schema: Value, required: bool) -> String {
        let mut argument = name.to_owned();
        while self.properties.contains_key(&argument) {
            argument = format!("{place}_{argument}");
        }
        self.properties.insert(argument.clone(), schema);
        if required {
            self.required.push(argument.clone());
        }
        argument
    }

    fn schema(self) -> Value {
        json!({
            "type": "object",
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false
        })
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> Result<&'a Value, Refusal> {
    schemas::target(document, value)
        .ok_or_else(|| Refusal::new("reference", "a `$ref` leads nowhere inside the document"))
}

fn expanded(document: &Value, schema: Option<&Value>) -> Result<Value, Refusal> {
    let schema = schema.cloned().unwrap_or_else(|| json!({}));
    schemas::expanded(document, &schema).map_err(|reason| Refusal::new("schema", reason))
}

/// The description of a parameter or a body, where its schema has none.
fn describe(schema: &mut Value, holder: &Value) {
    if let (Some(schema), Some(text)) = (schema.as_object_mut(), holder.get("description")) {
        schema.entry("description").or_insert_with(|| text.clone());
    }
}

#[cfg(test)]
mod tests;
