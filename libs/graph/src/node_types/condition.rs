//! Goes on at the port of the first case that holds.

use contracts::flow::NodeConfig;
use serde_json::{Value, json};

use super::{Kind, object};

const DEFAULT_PORT: &str = "default_port";

pub(super) fn kind() -> Kind {
    let port = |description: &str| json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "not": {"const": "error"}, "description": description});
    let schema = object(
        &["cases", DEFAULT_PORT],
        &json!({
            "cases": {
                "type": "array", "minItems": 1, "maxItems": 50, "description": "Tried in order; the first that holds counts.",
                "items": {
                    "type": "object", "required": ["when", "port"], "additionalProperties": false,
                    "properties": {
                        "when": {"type": "string", "minLength": 1, "maxLength": 16_384, "description": "An expression, with or without braces."},
                        "port": port("Where the execution goes on when it holds. Several cases may name the same port.")
                    }
                }
            },
            DEFAULT_PORT: port("Where the execution goes on when no case holds.")
        }),
    );
    let description = "Goes on at the port of the first case that holds, else at `default_port`. The output is `{port}`.";
    let mut kind = super::kind("condition", "Condition", description, schema);
    // Its ports are those that its cases name.
    kind.about.ports = Vec::new();
    Kind {
        verbatim: &["cases", DEFAULT_PORT],
        conditions,
        ports,
        ..kind
    }
}

fn ports(config: &NodeConfig) -> Vec<&str> {
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

fn conditions(config: &NodeConfig) -> Vec<(String, &str)> {
    cases(config)
        .enumerate()
        .filter_map(|(position, case)| {
            let path = format!("/cases/{position}/when");
            Some((path, case["when"].as_str()?))
        })
        .collect()
}

fn cases(config: &NodeConfig) -> impl Iterator<Item = &Value> {
    let cases = config.get("cases").and_then(Value::as_array);
    cases.into_iter().flatten()
}
