//! Which control each key of a configuration gets, read off the JSON Schema of the node type.
//!
//! **Invariant:** a schema this does not understand becomes a JSON field; nothing is left out.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Control {
    /// An expression may stand in it; `lines` is how high it begins.
    Text {
        lines: u32,
    },
    /// Taken as it is.
    Plain,
    Number {
        whole: bool,
        least: Option<f64>,
        most: Option<f64>,
    },
    Choice(Vec<String>),
    Yes,
    /// A text per name.
    Names,
    Json,
    Code,
    /// The cases of a condition.
    Cases,
    Buttons,
    Agent,
    Crew,
    Tool,
    Knowledge,
    Flow,
    /// An expression without braces.
    Condition,
    Model,
    /// What a tool is called with, by its own schema.
    Arguments,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) key: String,
    pub(crate) label: String,
    pub(crate) about: String,
    pub(crate) required: bool,
    pub(crate) control: Control,
}

/// The fields of a node type: the required ones first, the others in the order of the alphabet.
pub(crate) fn of(kind: &str, schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let field = |(key, property): (&String, &Value)| Field {
        key: key.clone(),
        label: label(key),
        about: property
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        required: required.contains(&key.as_str()),
        control: control(kind, key, property),
    };
    let mut fields: Vec<Field> = properties.into_iter().flatten().map(field).collect();
    let rank = |field: &Field| {
        required
            .iter()
            .position(|key| *key == field.key)
            .unwrap_or(usize::MAX)
    };
    fields.sort_by_key(rank);
    fields
}

fn control(kind: &str, key: &str, property: &Value) -> Control {
    match (kind, key) {
        (_, "agent_id") => return Control::Agent,
        (_, "crew_id") => return Control::Crew,
        (_, "tool_id") => return Control::Tool,
        (_, "base_id") => return Control::Knowledge,
        ("flow", "flow_id") => return Control::Flow,
        ("loop", "while" | "until") => return Control::Condition,
        ("llm", "model") => return Control::Model,
        ("tool", "arguments") => return Control::Arguments,
        ("condition", "cases") => return Control::Cases,
        ("approval", "buttons") => return Control::Buttons,
        ("approval", "text") => return Control::Text { lines: 5 },
        ("condition", "default_port")
        | ("custom" | "event", "name")
        | ("event", "pointer")
        | ("llm", "route") => {
            return Control::Plain;
        }
        ("code", "source") => return Control::Code,
        (_, "prompt") => return Control::Text { lines: 5 },
        (_, "system") => return Control::Text { lines: 3 },
        _ => {}
    }
    if let Some(words) = property.get("enum").and_then(Value::as_array) {
        let words = words.iter().filter_map(Value::as_str).map(str::to_owned);
        return Control::Choice(words.collect());
    }
    match property.get("type").and_then(Value::as_str) {
        Some("string") => Control::Text { lines: 1 },
        Some(kind @ ("integer" | "number")) => Control::Number {
            whole: kind == "integer",
            least: property.get("minimum").and_then(Value::as_f64),
            most: property.get("maximum").and_then(Value::as_f64),
        },
        Some("boolean") => Control::Yes,
        Some("object") if has_texts(property) => Control::Names,
        _ => Control::Json,
    }
}

fn has_texts(property: &Value) -> bool {
    let of_values = property.get("additionalProperties");
    of_values.and_then(|schema| schema.get("type")) == Some(&Value::from("string"))
}

/// `output_schema` reads "Output schema", `agent_id` "Agent".
pub(crate) fn label(key: &str) -> String {
    let words = match key {
        "base_id" => "knowledge base".to_owned(),
        "url" => return "URL".to_owned(),
        _ => key.trim_end_matches("_id").replace('_', " "),
    };
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The text of a JSON field that stands for a value: texts as they are where they hold an expression.
pub(crate) fn json_text(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) if text.contains("{{") => text.clone(),
        Some(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}

/// The value a JSON field's text stands for: a single expression needs no quotes.
pub(crate) fn json_value(text: &str) -> Result<Option<Value>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let is_expression = text.starts_with("{{") && text.ends_with("}}");
    match serde_json::from_str(text) {
        Ok(value) => Ok(Some(value)),
        Err(_) if is_expression || (text.contains("{{") && !text.starts_with(['{', '[', '"'])) => {
            Ok(Some(Value::String(text.to_owned())))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_follow_the_schema() {
        let schema = json!({"required": ["method", "url"], "properties": {
            "body": {"description": "b"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "method": {"enum": ["GET", "POST"], "type": "string"},
            "url": {"type": "string"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 50}
        }});
        let fields = of("http", &schema);
        let shape: Vec<_> = fields
            .iter()
            .map(|field| (field.label.as_str(), &field.control))
            .collect();
        assert_eq!(
            shape,
            [
                (
                    "Method",
                    &Control::Choice(vec!["GET".into(), "POST".into()])
                ),
                ("URL", &Control::Text { lines: 1 }),
                ("Body", &Control::Json),
                ("Headers", &Control::Names),
                (
                    "Limit",
                    &Control::Number {
                        whole: true,
                        least: Some(1.0),
                        most: Some(50.0)
                    }
                ),
            ]
        );
    }

    #[test]
    fn json_fields_take_an_expression_without_quotes() {
        assert_eq!(
            json_value("{{ input.x }}"),
            Ok(Some(json!("{{ input.x }}")))
        );
        assert_eq!(json_value("{\"a\": 1}"), Ok(Some(json!({"a": 1}))));
        assert_eq!(
            json_value("Hello {{ input }}"),
            Ok(Some(json!("Hello {{ input }}")))
        );
        assert_eq!(json_value(" "), Ok(None));
        assert!(json_value("{\"a\"").is_err());
    }
}
