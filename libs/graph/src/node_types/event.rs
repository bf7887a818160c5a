//! Waits for an event of an integrator.

use contracts::{execution::PendingAnswer, flow::NodeConfig};
use serde_json::json;

use super::{Kind, object};

const DEADLINE: &str = "deadline_seconds";
/// The longest wait: a year.
const MAX_SECONDS: u32 = 365 * 24 * 60 * 60;

pub(super) fn kind() -> Kind {
    let mut schema = object(
        &["name"],
        &json!({
            "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "The name of the event: it is published on `in.<organization>.event.<name>`. Taken as it is: no expressions."},
            "pointer": {"type": "string", "pattern": "^(/[^/]*)+$", "maxLength": 200, "description": "JSON pointer into the event's data, for example `/order/id`. Taken as it is: no expressions."},
            "key": {"type": "string", "maxLength": 512, "description": "What must stand there, as text. Any event of the name will do where neither is set."},
            DEADLINE: {"type": "number", "minimum": 1, "maximum": MAX_SECONDS, "description": "How long it waits: at most a year, without end when absent. Then it goes on at the port `deadline`."}
        }),
    );
    schema["dependentRequired"] = json!({"pointer": ["key"], "key": ["pointer"]});
    let description = "Waits for an event, and goes on with it: each event ends one wait, the oldest that it matches. One that came up to an hour before the wait counts too. The output is `{event, id, data, at}`.";
    let kind = super::kind("event", "Wait for event", description, schema);
    Kind {
        verbatim: &["name", "pointer"],
        ports,
        ..kind
    }
}

fn ports(config: &NodeConfig) -> Vec<&str> {
    let mut ports = vec![super::Edge::DEFAULT_PORT];
    if config.contains_key(DEADLINE) {
        ports.push(PendingAnswer::DEADLINE_PORT);
    }
    ports
}
