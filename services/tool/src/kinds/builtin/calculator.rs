//! `calculator`: the number that an arithmetic expression gives, within the bounds of `graph::expression`.

use graph::expression::{Scope, evaluate};
use serde_json::{Value, json};

use crate::failure::Failure;

const MAX_EXPRESSION: usize = 1000;

pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "expression": {
                "type": "string",
                "description": "Numbers with `+`, `-`, `*`, `/`, `//`, `%`, `**` and brackets.",
                "minLength": 1,
                "maxLength": MAX_EXPRESSION
            }
        },
        "required": ["expression"],
        "additionalProperties": false
    })
}

/// # Errors
/// `calculation` for what has no number as its value.
pub(super) fn run(arguments: &Value) -> Result<Value, Failure> {
    let expression = arguments["expression"].as_str().unwrap_or_default();
    let value = evaluate(expression, &Scope::empty())
        .map_err(|error| Failure::lasting("calculation", error.to_string()))?;
    if value.is_number() {
        Ok(value)
    } else {
        let text = "the value of the expression is not a number";
        Err(Failure::lasting("calculation", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_calculated_and_nothing_else() {
        let run = |expression: &str| run(&json!({"expression": expression}));
        let check = |expression, expect: Value| assert_eq!(run(expression), Ok(expect));
        check("2 * (3 + 4)", json!(14));
        check("10 / 4", json!(2.5));
        check("10 // 4 - 7 % 4", json!(-1));
        check("2 ** 10", json!(1024));
        check("0.5 + 1", json!(1.5));
        for wrong in [
            "1 / 0",
            "9 ** 9 ** 9 ** 9",
            "'a' * 1000000",
            "'a' ~ 'b'",
            "[1]",
            "1 == 1",
            "arguments",
            "1 +",
            "range(1000000000)",
            "none",
        ] {
            assert!(run(wrong).is_err(), "{wrong}: {:?}", run(wrong));
        }
    }
}
