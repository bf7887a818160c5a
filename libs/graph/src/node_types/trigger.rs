//! Where an execution begins: its output is the execution's input.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let description = "Where an execution begins. Its output is the input.";
    let mut kind = super::kind("trigger", "Trigger", description, object(&[], &json!({})));
    kind.about.takes_input = false;
    kind
}
