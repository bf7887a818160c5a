//! Where an execution begins: its output is the execution's input.

use serde_json::json;

use super::{Kind, object};

pub(crate) const KIND: &str = "trigger";

pub(super) fn kind() -> Kind {
    let mut kind = super::kind(
        KIND,
        "Trigger",
        "Where an execution begins. Its output is the input.",
        object(&[], json!({})),
    );
    kind.about.takes_input = false;
    kind
}
