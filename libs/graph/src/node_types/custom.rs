//! A node whose work an integrator does.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["name"],
        &json!({
            "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "The integrator's service: the last token of `node.<organization>.<name>`. Taken as it is: no expressions."},
            "config": {"description": "What the service gets as its configuration."}
        }),
    );
    let description = "Asks a service of an integrator on NATS. The output is what it answers.";
    Kind {
        verbatim: &["name"],
        ..super::kind("custom", "Custom", description, schema)
    }
}
