//! What streams hold, for the description of the API: the items are described as the events in them.

use std::borrow::Cow;

use contracts::{chat::ChatEvent, live::Frame};
use poem_openapi::{
    registry::MetaSchemaRef,
    types::{ToJSON, Type},
};
use serde_json::Value;

use super::{Item, Said};

macro_rules! described_as {
    ($item:ident, $event:ident) => {
        impl Type for $item {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;
            fn name() -> Cow<'static, str> {
                $event::name()
            }
            fn schema_ref() -> MetaSchemaRef {
                $event::schema_ref()
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ToJSON for $item {
            fn to_json(&self) -> Option<Value> {
                match self {
                    Self::Event(event) => serde_json::to_value(event).ok(),
                    Self::Problem(problem) => serde_json::to_value(problem).ok(),
                }
            }
        }
    };
}

described_as!(Item, Frame);
described_as!(Said, ChatEvent);
