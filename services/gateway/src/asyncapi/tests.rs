//! The description holds together, and says of the messages what is so.

use std::collections::BTreeSet;

use super::*;

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(
                fields
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// What `reference` leads to; names of channels hold dots, and no slash.
fn at<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}

#[test]
fn what_is_written_reads_as_the_same() {
    let read: Value = serde_saphyr::from_str(&asyncapi_yaml()).unwrap();
    assert_eq!(read, document());
}

#[test]
fn references_lead_somewhere() {
    let (document, mut found) = (document(), BTreeSet::new());
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        assert!(at(&document, &reference).is_some(), "{reference}");
    }
}

#[test]
fn every_request_of_an_integrator_is_there_and_no_other() {
    let document = document();
    let received: BTreeSet<_> = document["operations"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, operation)| operation["action"] == "receive" && operation["reply"].is_object())
        .map(|(name, _)| name.as_str())
        .collect();
    let offered: BTreeSet<_> = OPERATIONS
        .iter()
        .filter(|operation| operation.is_for_tenants())
        .map(|operation| operation.name)
        .collect();
    assert_eq!(received, offered);
    for name in offered {
        let address = &document["channels"][name]["address"];
        assert_eq!(address, &json!(format!("req.{{tenant}}.{name}")));
        assert!(document["operations"][name]["x-permission"].is_string());
    }
}

#[test]
fn operations_use_messages_of_their_own_channels() {
    let document = document();
    for (name, operation) in document["operations"].as_object().unwrap() {
        assert!(["send", "receive"].contains(&operation["action"].as_str().unwrap()));
        for part in [operation, &operation["reply"]] {
            let Some(channel) = part["channel"]["$ref"].as_str() else {
                continue;
            };
            for message in part["messages"].as_array().unwrap() {
                let message = message["$ref"].as_str().unwrap();
                assert!(
                    message.starts_with(&format!("{channel}/messages/")),
                    "{name}: {message}"
                );
            }
        }
    }
}

#[test]
fn parameters_are_those_of_the_address() {
    for (name, channel) in document()["channels"].as_object().unwrap() {
        let address = channel["address"].as_str().unwrap_or_default();
        let in_address: BTreeSet<_> = address
            .split(['{', '}'])
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        let described = channel["parameters"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys);
        assert_eq!(
            described.cloned().collect::<BTreeSet<_>>(),
            in_address,
            "{name}"
        );
    }
}

/// Checks the parts of JSON Schema that the description writes for messages themselves.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(document, at(document, reference).unwrap(), value);
    }
    let any = |key: &str| {
        schema[key]
            .as_array()
            .map(|all| all.iter().any(|one| fits(document, one, value)))
    };
    if any("anyOf") == Some(false) || any("oneOf") == Some(false) {
        return false;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |wanted: &Value| wanted == kind || wanted == "number" && kind == "integer";
    let typed = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(is),
        wanted => is(wanted),
    };
    let needed = schema["required"].as_array().into_iter().flatten();
    let whole = value.is_object().then(|| {
        needed
            .clone()
            .all(|name| value.get(name.as_str().unwrap()).is_some())
    });
    let parts = value.as_object().into_iter().flatten().all(|(name, part)| {
        match schema["properties"].get(name) {
            Some(schema) => fits(document, schema, part),
            None => schema["additionalProperties"] != false,
        }
    });
    let items = value.as_array().into_iter().flatten();
    typed
        && whole != Some(false)
        && parts
        && items
            .clone()
            .all(|item| fits(document, &schema["items"], item))
}

#[test]
fn examples_fit_their_schemas() {
    let document = document();
    for (name, channel) in document["channels"].as_object().unwrap() {
        for message in channel["messages"].as_object().unwrap().values() {
            for example in message["examples"].as_array().into_iter().flatten() {
                assert!(
                    fits(&document, &message["payload"], &example["payload"]),
                    "{name}: {example}"
                );
            }
        }
    }
}

#[test]
fn a_schema_says_what_the_decoder_says() {
    let document = document();
    for operation in OPERATIONS.iter().filter(|it| it.is_for_tenants()) {
        let schema = &document["channels"][operation.name]["messages"]["request"]["payload"];
        let example = (operation.example)();
        let Some(fields) = example.as_object() else {
            continue;
        };
        let mut more = example.clone();
        more["unheard_of"] = 1.into();
        assert_eq!(
            fits(&document, schema, &more),
            (operation.reads)(more),
            "{}",
            operation.name
        );
        for name in fields.keys() {
            let mut less = example.clone();
            less.as_object_mut().unwrap().remove(name);
            let fits = fits(&document, schema, &less);
            assert_eq!(fits, (operation.reads)(less), "{}: {name}", operation.name);
        }
    }
}
