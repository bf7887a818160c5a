//! Its body again and again, while a condition holds.

use contracts::flow::NodeConfig;
use serde_json::json;

use super::{Kind, object};

const CONDITIONS: [&str; 2] = ["while", "until"];

pub(super) fn kind() -> Kind {
    let condition = |description: &str| json!({"type": "string", "minLength": 1, "maxLength": 16_384, "description": description});
    let mut schema = object(
        &[],
        &json!({
            "while": condition("An expression, with or without braces: before each round, whether there is one more."),
            "until": condition("An expression, with or without braces: after each round, whether it was the last."),
            "max_rounds": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100, "description": "The most rounds."},
            "on_limit": {"type": "string", "enum": ["fail", "stop"], "default": "fail", "description": "What the end of `max_rounds` is: an error (`limit_reached`), or an end like another."}
        }),
    );
    schema["anyOf"] = json!([{"required": ["while"]}, {"required": ["until"]}]);
    let description = "Runs its body again and again: `while` a condition holds, `until` one does, or both. Conditions and body read the rounds done so far as `index`, and the result of the last one as `previous`: null at first. The output is `{rounds, result}`.";
    Kind {
        verbatim: &["while", "until", "max_rounds", "on_limit"],
        conditions,
        ..super::with_body(super::LOOP, "Loop", description, schema)
    }
}

fn conditions(config: &NodeConfig) -> Vec<(String, &str)> {
    let named = CONDITIONS.iter().filter_map(|key| {
        let condition = config.get(*key)?.as_str()?;
        Some((format!("/{key}"), condition))
    });
    named.collect()
}
