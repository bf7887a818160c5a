//! OpenAPI schemas of the few types whose JSON form no derive can describe.

use std::borrow::Cow;

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use crate::flow::{OnError, RevisionChoice};

macro_rules! serde_type {
    ($name:ident, $label:literal, $required:literal, $schema:expr) => {
        impl Type for $name {
            const IS_REQUIRED: bool = $required;
            type RawValueType = Self;
            type RawElementValueType = Self;
            fn name() -> Cow<'static, str> {
                $label.into()
            }
            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
        impl ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                serde_json::to_value(self).ok()
            }
        }
        impl ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
            }
        }
    };
}

serde_type!(
    OnError,
    "on_error",
    false,
    MetaSchema {
        description: Some("`\"fail\"`, `\"branch\"` or `{\"default\": value}`"),
        one_of: vec![
            words("string", &["fail", "branch"]),
            MetaSchemaRef::Inline(Box::new(MetaSchema::new("object")))
        ],
        ..MetaSchema::ANY
    }
);
serde_type!(
    RevisionChoice,
    "revision",
    true,
    MetaSchema {
        description: Some("the number of a revision, or `\"draft\"`"),
        one_of: vec![
            MetaSchemaRef::Inline(Box::new(MetaSchema::new("integer"))),
            words("string", &["draft"])
        ],
        ..MetaSchema::ANY
    }
);

fn words(kind: &'static str, words: &[&str]) -> MetaSchemaRef {
    let mut schema = MetaSchema::new(kind);
    schema.enum_items = words.iter().map(|word| Value::from(*word)).collect();
    MetaSchemaRef::Inline(Box::new(schema))
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, de::DeserializeOwned};
    use serde_json::json;

    use super::*;
    use crate::{flow, llm, problem::Problem};

    /// Both JSON codecs must say the same.
    fn check<T: Serialize + DeserializeOwned + ToJSON + ParseFromJSON>(value: Value) {
        let by_serde: T = serde_json::from_value(value.clone()).unwrap();
        let by_poem = T::parse_from_json(Some(value))
            .map_err(ParseError::into_message)
            .unwrap();
        let expected = serde_json::to_value(&by_serde).unwrap();
        assert_eq!(by_serde.to_json().unwrap(), expected);
        assert_eq!(serde_json::to_value(&by_poem).unwrap(), expected);
    }

    #[test]
    fn codecs_agree() {
        check::<flow::Definition>(serde_json::to_value(flow::Definition::example()).unwrap());
        check::<flow::Node>(
            json!({"id": "a", "type": "llm", "config": {"prompt": "x"}, "retry": {"max_attempts": 2}, "on_error": {"default": 1}}),
        );
        check::<flow::Node>(
            json!({"id": "a", "type": "llm", "on_error": "branch", "position": {"x": 1.5, "y": 2.0}}),
        );
        check::<Problem>(serde_json::to_value(Problem::malformed("no")).unwrap());
        check::<llm::ProviderModel>(
            json!({"name": "m", "price": {"prompt": "0.15", "completion": "0.6"}}),
        );
        check::<crate::execution::Usage>(
            json!({"prompt_tokens": 1, "completion_tokens": 2, "cost": "0.000125"}),
        );
        check::<crate::execution::Usage>(
            json!({"prompt_tokens": 1, "completion_tokens": 2, "cost": null}),
        );
    }

    #[test]
    fn unknown_fields_are_refused_by_both() {
        let value = json!({"nodes": [], "edges": [], "tenant_id": "x"});
        assert!(serde_json::from_value::<flow::Definition>(value.clone()).is_err());
        assert!(flow::Definition::parse_from_json(Some(value)).is_err());
    }
}
