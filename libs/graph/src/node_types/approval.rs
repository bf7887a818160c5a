//! A person decides how the flow goes on.

use contracts::{execution::PendingAnswer, flow::NodeConfig};
use serde_json::{Value, json};

use super::{Kind, object};

const DEADLINE: &str = "deadline_seconds";
/// The longest time that a person has: a year.
const MAX_SECONDS: u32 = 365 * 24 * 60 * 60;

pub(super) fn kind() -> Kind {
    let mut schema = object(
        &["title"],
        &json!({
            "title": {"type": "string", "minLength": 1, "maxLength": 200, "description": "What is to be decided, in a line."},
            "text": {"type": "string", "maxLength": 20_000, "description": "What the person must know to decide: Markdown."},
            "form": {"type": "object", "description": "JSON Schema of what the person fills in. Taken as it is: no expressions."},
            "buttons": {
                "type": "array", "minItems": 1, "maxItems": 10,
                "description": "The ways to go on, each by its port: `approve` and `reject` when absent. Taken as they are: no expressions.",
                "items": {
                    "type": "object", "required": ["port", "label"], "additionalProperties": false,
                    "properties": {
                        "port": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "not": {"enum": ["error", PendingAnswer::DEADLINE_PORT]}, "description": "Where the execution goes on."},
                        "label": {"type": "string", "minLength": 1, "maxLength": 60, "description": "What stands on the button."}
                    }
                }
            },
            "least_role": {"type": "string", "enum": ["operator", "editor", "admin", "owner"], "description": "Who has this role, or one above it, may answer."},
            "users": {
                "type": "array", "maxItems": 50, "items": {"type": "string", "pattern": "^user_[0-9a-f]{32}$"},
                "description": "These may answer. Where neither they nor a role is set, everyone may who may approve."
            },
            "escalate_after_seconds": {"type": "number", "minimum": 1, "maximum": MAX_SECONDS, "description": "When nobody has answered for so long, others may answer too."},
            "escalate_role": {"type": "string", "enum": ["operator", "editor", "admin", "owner"], "description": "Who has this role, or one above it, may answer from then on."},
            "escalate_users": {
                "type": "array", "maxItems": 50, "items": {"type": "string", "pattern": "^user_[0-9a-f]{32}$"},
                "description": "These may answer from then on."
            },
            "remind_every_seconds": {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS, "description": "How often the event `answer_reminded` says that nobody has answered: at most 100 times."},
            DEADLINE: {"type": "number", "minimum": 1, "maximum": MAX_SECONDS, "description": "How long it waits: at most a year, without end when absent. Then it goes on at the port `deadline`."}
        }),
    );
    schema["dependentRequired"] = json!({
        "escalate_role": ["escalate_after_seconds"],
        "escalate_users": ["escalate_after_seconds"]
    });
    let description = "Waits for a person's decision, and goes on at the port of the chosen button. The output is `{port, values, comment, by}`.";
    let mut kind = super::kind("approval", "Human approval", description, schema);
    // Its ports are those that its buttons name.
    kind.about.ports = Vec::new();
    Kind {
        verbatim: &[
            "form",
            "buttons",
            "least_role",
            "users",
            "escalate_role",
            "escalate_users",
            "remind_every_seconds",
        ],
        schemas: &["form"],
        ports,
        ..kind
    }
}

fn ports(config: &NodeConfig) -> Vec<&str> {
    let mut ports = Vec::new();
    match config.get("buttons").and_then(Value::as_array) {
        Some(buttons) => {
            for port in buttons.iter().filter_map(|button| button["port"].as_str()) {
                if !ports.contains(&port) {
                    ports.push(port);
                }
            }
        }
        None => ports.extend(["approve", "reject"]),
    }
    if config.contains_key(DEADLINE) {
        ports.push(PendingAnswer::DEADLINE_PORT);
    }
    ports
}
