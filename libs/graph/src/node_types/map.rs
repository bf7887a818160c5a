//! Its body once for each item of a list, several at a time.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["items"],
        &json!({
            "items": {"type": "array", "maxItems": 10_000, "description": "The list, as an expression: at most 10,000 items. In the body each is `item`, and its position, from 0, is `index`."},
            "parallel": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10, "description": "How many items are worked on at a time."},
            "on_item_error": {"type": "string", "enum": ["fail", "keep", "skip"], "default": "fail", "description": "When an item fails: `fail` fails the map, `keep` puts `{error}` in its place, `skip` leaves it out."}
        }),
    );
    let description = "Runs its body once for each item of a list. The output is the list of their results, in the order of the items: of each the value of the body's `output` node, or of its last node where there is none.";
    Kind {
        verbatim: &["parallel", "on_item_error"],
        ..super::with_body(super::MAP, "Map", description, schema)
    }
}
