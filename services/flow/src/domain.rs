//! The rules of flows that need no database: names, input, identity of a definition and of a request.

use std::collections::BTreeMap;

use contracts::{
    FieldProblem,
    flow::{Definition, Executable, RunTurn},
    payload::PayloadRef,
};
use serde_json::Value;

use crate::error::Error;

pub(crate) mod concurrency;
pub(crate) mod cron;
pub(crate) mod pins;
pub(crate) mod regression;
pub(crate) mod signature;
pub(crate) mod trigger;

const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 10_000;
const MAX_KEY: usize = 255;
const MAX_VARIABLES: usize = 500;
const MAX_VARIABLES_BYTES: usize = 64 * 1024;
/// A draft may be invalid, but not endless.
const MAX_DEFINITION_BYTES: usize = 512 * 1024;
const MAX_EXECUTABLE_BYTES: usize = 4 * 1024 * 1024;

pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let length = name.chars().count();
    let valid = (1..=MAX_NAME).contains(&length)
        && !name.trim().is_empty()
        && !name.contains(char::is_control);
    let rule = "must have 1 to 200 characters, none of them a control character";
    if valid {
        Ok(())
    } else {
        Err(Error::InvalidField {
            field: "name",
            rule,
        })
    }
}

pub(crate) fn check_description(description: &str) -> Result<(), Error> {
    check_text("description", description)
}

pub(crate) fn check_notes(notes: &str) -> Result<(), Error> {
    check_text("notes", notes)
}

fn check_text(field: &'static str, text: &str) -> Result<(), Error> {
    let valid = text.chars().count() <= MAX_DESCRIPTION && !text.contains('\0');
    if valid {
        Ok(())
    } else {
        Err(Error::InvalidField {
            field,
            rule: "must have at most 10,000 characters",
        })
    }
}

pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    let valid =
        (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b));
    let rule = "must have 1 to 255 printable ASCII characters";
    if valid {
        Ok(())
    } else {
        Err(Error::InvalidField {
            field: "idempotency_key",
            rule,
        })
    }
}

pub(crate) fn check_variables(variables: &BTreeMap<String, Value>) -> Result<(), Error> {
    let invalid = |rule| {
        Err(Error::InvalidField {
            field: "variables",
            rule,
        })
    };
    let named = |name: &String| {
        let valid = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        valid && (1..=64).contains(&name.len()) && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    if !variables.keys().all(named) {
        return invalid(
            "must be named with 1 to 64 letters, digits or `_`, not beginning with a digit",
        );
    }
    let bytes: usize = variables
        .iter()
        .map(|(name, value)| name.len() + value.to_string().len())
        .sum();
    if variables.len() > MAX_VARIABLES || bytes > MAX_VARIABLES_BYTES {
        return invalid("must be at most 500 and together at most 64 KiB");
    }
    Ok(())
}

/// The definition as it is stored, hashed and handed to the engine.
pub(crate) fn write(definition: &Definition) -> Result<String, Error> {
    let text = serde_json::to_string(definition).map_err(Error::Stored)?;
    if text.len() > MAX_DEFINITION_BYTES {
        return Err(Error::InvalidField {
            field: "definition",
            rule: "must have at most 512 KiB as JSON",
        });
    }
    Ok(text)
}

/// A definition as it was stored; its nodes say of which version they are.
pub(crate) fn read(text: &str) -> Result<Definition, Error> {
    let mut definition: Definition = serde_json::from_str(text).map_err(Error::Stored)?;
    for node in &mut definition.nodes {
        node.type_version = Some(node.version());
    }
    Ok(definition)
}

pub(crate) fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// An executable as it is stored, hashed and handed to the engine.
pub(crate) fn write_executable(executable: &Executable) -> Result<String, Error> {
    let text = serde_json::to_string(executable).map_err(Error::Stored)?;
    if text.len() > MAX_EXECUTABLE_BYTES {
        return Err(Error::InvalidField {
            field: "definition",
            rule: "must have at most 4 MiB with all the agents and tools it names",
        });
    }
    Ok(text)
}

/// What must be equal for a repeated request to be the same request. The key itself is not part of it.
pub(crate) fn body_hash(body: &Value) -> String {
    hash(&body.to_string())
}

/// What answers a message of a conversation sees as its input.
pub(crate) fn turn_input(request: &RunTurn) -> Value {
    let mut prompt = request.message.clone();
    for attachment in &request.attachments {
        let text = |key: &str| attachment[key].as_str().unwrap_or_default();
        prompt.push_str(&format!("\n\nAttached file `{}`", text("name")));
        match text("text") {
            "" => prompt.push_str(&format!(
                " ({}), which cannot be read as text.",
                text("content_type")
            )),
            words => prompt.push_str(&format!(":\n{words}")),
        }
    }
    serde_json::json!({
        "message": request.message,
        "prompt": prompt,
        "messages": request.messages,
        "attachments": request.attachments,
        "session_id": request.session_id,
    })
}

/// Checks an input that the engine has given of another execution: where that is a reference, nothing but the engine knows it,
/// and it was checked when it first came.
pub(crate) fn check_input_again(definition: &Definition, input: &Value) -> Result<(), Error> {
    match PayloadRef::of(input) {
        Some(_) => Ok(()),
        None => check_input(definition, input),
    }
}

/// Checks an input against the flow's schema; all inputs are fine where there is none.
pub(crate) fn check_input(definition: &Definition, input: &Value) -> Result<(), Error> {
    let Some(schema) = &definition.input_schema else {
        return Ok(());
    };
    let schema = graph::schema::Schema::new(schema).map_err(|reason| {
        let message = format!("the flow's `input_schema` is not valid: {reason}");
        let path = "/input".to_owned();
        Error::InvalidInput(vec![FieldProblem { path, message }])
    })?;
    let problem = |misfit: graph::schema::Misfit| FieldProblem {
        path: format!("/input{}", misfit.path),
        message: misfit.message,
    };
    let problems: Vec<_> = schema.misfits(input).into_iter().map(problem).collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::InvalidInput(problems))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_have_bounds() {
        for (name, valid) in [
            ("a", true),
            (&"ä".repeat(200), true),
            ("", false),
            ("  ", false),
            (&"x".repeat(201), false),
            ("a\0", false),
        ] {
            assert_eq!(check_name(name).is_ok(), valid, "{name:?}");
        }
    }

    #[test]
    fn a_turn_shows_its_attachments_to_agents() {
        let mut request = <RunTurn as contracts::Request>::example();
        request.attachments = vec![
            json!({"name": "a.md", "content_type": "text/markdown", "text": "# A"}),
            json!({"name": "b.png", "content_type": "image/png", "text": ""}),
        ];
        let input = turn_input(&request);
        assert_eq!(input["message"], json!("Hello"));
        let prompt = input["prompt"].as_str().unwrap();
        assert!(
            prompt.starts_with("Hello\n\nAttached file `a.md`:\n# A"),
            "{prompt}"
        );
        assert!(
            prompt.ends_with("`b.png` (image/png), which cannot be read as text."),
            "{prompt}"
        );
    }

    #[test]
    fn input_is_checked_with_paths() {
        let definition = Definition {
            input_schema: Some(
                json!({"type": "object", "required": ["name"], "properties": {"n": {"type": "integer"}}}),
            ),
            ..Definition::default()
        };
        assert!(check_input(&definition, &json!({"name": "Ada"})).is_ok());
        let Err(Error::InvalidInput(errors)) = check_input(&definition, &json!({"n": "x"})) else {
            panic!("accepted")
        };
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert!(
            paths.contains(&"/input/n") && paths.contains(&"/input"),
            "{paths:?}"
        );
        assert!(check_input(&Definition::default(), &json!(null)).is_ok());
    }

    #[test]
    fn variables_are_names_and_bounded() {
        let check =
            |name: &str| check_variables(&BTreeMap::from([(name.to_owned(), json!(1))])).is_ok();
        assert!(check("region") && check("_x1"));
        assert!(!check("") && !check("1x") && !check("a-b") && !check("a b"));
        assert!(
            check_variables(&BTreeMap::from([("a".into(), json!("x".repeat(70_000)))])).is_err()
        );
    }

    #[test]
    fn a_definition_survives_storage_exactly() {
        let text = r#"{"nodes":[{"id":"a","type":"transform","config":{"value":[1e-7,12345678901234567890,"\u0000"]},"on_error":"fail"}],"edges":[]}"#;
        let stored = write(&read(text).unwrap()).unwrap();
        assert_eq!(read(&stored).unwrap(), read(text).unwrap());
        assert!(stored.contains("12345678901234567890"), "{stored}");
    }
}
