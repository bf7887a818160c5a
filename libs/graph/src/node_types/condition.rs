//! Goes on at the port of the first case that holds.

use contracts::flow::NodeConfig;
use serde_json::{Value, json};

use super::{Kind, object};

pub(super) const KIND: &str = "condition";
const DEFAULT_PORT: &str = "default_port";

pub(super) fn kind() -> Kind {
    let port =
        json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "not": {"const": "error"}});
    let schema = object(
        &["cases", "default_port"],
        json!({
            "cases": {
                "type": "array", "minItems": 1, "maxItems": 50,
                "items": {
                    "type": "object", "required": ["when", "port"], "additionalProperties": false,
                    "properties": {
                        "when": {"type": "string", "minLength": 1, "maxLength": 16_384, "description": "An expression, with or without braces."},
                        "port": port
                    }
                }
            },
            DEFAULT_PORT: port
        }),
    );
    let description = "Goes on at the port of the first case that holds, else at `default_port`. The output is `{port}`.";
    let mut kind = super::kind(KIND, "Condition", description, schema);
    // Its ports are those that its cases name.
    kind.about.ports = Vec::new();
    Kind {
        verbatim: &["cases", DEFAULT_PORT],
        ..kind
    }
}

pub(super) fn ports(config: &NodeConfig) -> Vec<&str> {
    let named = cases(config).filter_map(|case| case["port"].as_str());
    let default = config.get(DEFAULT_PORT).and_then(Value::as_str);
    let mut ports = Vec::new();
    for port in named.chain(default) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

pub(super) fn conditions(config: &NodeConfig) -> Vec<(String, &str)> {
    cases(config)
        .enumerate()
        .filter_map(|(position, case)| {
            Some((format!("/cases/{position}/when"), case["when"].as_str()?))
        })
        .collect()
}

fn cases(config: &NodeConfig) -> impl Iterator<Item = &Value> {
    config
        .get("cases")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
