//! Asks a large language model.

use serde_json::json;

use super::{Kind, object};

pub(super) fn kind() -> Kind {
    let schema = object(
        &["prompt"],
        &json!({
            "prompt": {"type": "string", "minLength": 1, "maxLength": 1_048_576, "description": "What the model is asked."},
            "system": {"type": "string", "maxLength": 1_048_576, "description": "How the model shall behave."},
            "model": {"type": "string", "minLength": 1, "maxLength": 200, "description": "`<provider>/<model>`; the organization's default when absent."},
            "route": {"type": "string", "minLength": 1, "maxLength": 64, "description": "A named route, instead of a model."},
            "output_schema": {"type": "object", "description": "JSON Schema of the answer; the output is then the object. Taken as it is: no expressions."},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2, "description": "How freely the model chooses its words."},
            "max_tokens": {"type": "integer", "minimum": 1, "maximum": 1_000_000, "description": "The most tokens the answer may have."}
        }),
    );
    let description = "Asks a model. The output is its text, or the object of `output_schema`.";
    Kind {
        verbatim: &["output_schema"],
        schemas: &["output_schema"],
        ..super::kind("llm", "LLM", description, schema)
    }
}
