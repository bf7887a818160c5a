//! Typed ids. `flow_01890…` can never be passed where an execution id is expected.
//!
//! **Invariant:** the text form of an id matches `[a-z]+(_[0-9a-f]{32})?`, so it is a valid subject token as it stands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a valid id: expected `{prefix}_` and 32 hexadecimal digits")]
pub struct ParseIdError {
    prefix: &'static str,
    text: String,
}

impl ParseIdError {
    fn new(prefix: &'static str, text: &str) -> Self {
        // A hostile id may be megabytes long; the message keeps what a person can read.
        let text = text.chars().take(64).collect();
        Self { prefix, text }
    }
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;
            /// The id used in documentation and examples.
            pub const EXAMPLE: Self = Self(Uuid::from_u128(0x0198_5d1c_7c3a_7f00_8000_0000_0000_0001));

            /// A new, time-ordered id (UUIDv7).
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        #[cfg(feature = "openapi")]
        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;
            fn name() -> std::borrow::Cow<'static, str> {
                concat!("string(", $prefix, "_id)").into()
            }
            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                let mut schema = poem_openapi::registry::MetaSchema::new_with_format("string", concat!($prefix, "_id"));
                schema.example = Some(Self::EXAMPLE.to_string().into());
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new(schema))
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
        #[cfg(feature = "openapi")]
        impl poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                Some(self.to_string().into())
            }
        }
        #[cfg(feature = "openapi")]
        impl poem_openapi::types::ParseFromParameter for $name {
            fn parse_from_parameter(value: &str) -> poem_openapi::types::ParseResult<Self> {
                value.parse().map_err(poem_openapi::types::ParseError::custom)
            }
        }
        #[cfg(feature = "openapi")]
        impl poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
                serde_json::from_value(value.unwrap_or_default()).map_err(poem_openapi::types::ParseError::custom)
            }
        }
    )*};
}

macro_rules! id_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.0.simple())
            }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse(Self::PREFIX, text).map(Self)
            }
        }
    )*};
}

typed_ids! {
    /// An organization: the tenant, the wall that nothing crosses.
    TenantId = "org";
    /// A person or robot that signs in.
    UserId = "user";
    /// One signed-in device: the family of its refresh tokens.
    SessionId = "sess";
    FlowId = "flow";
    /// What begins executions of a flow by itself.
    TriggerId = "trig";
    /// One time that a trigger fired.
    FireId = "fire";
    /// An event of an integrator who gave it no name of its own.
    EventId = "event";
    ExecutionId = "exec";
    /// Past executions, run once more against another state of their flow.
    RegressionId = "regr";
    /// A work item that nobody could do.
    DeadLetterId = "dead";
    /// A configured LLM provider of a tenant.
    ProviderId = "prov";
    /// A name for several models.
    RouteId = "route";
    /// A limit of what calls to LLMs may cost.
    BudgetId = "budget";
    /// One call to an LLM.
    CallId = "call";
    ToolId = "tool";
    AgentId = "agent";
    CrewId = "crew";
    /// A knowledge base.
    BaseId = "base";
    DocumentId = "doc";
    MemoryId = "mem";
    /// A chat session.
    ChatId = "chat";
    MessageId = "msg";
    AttachmentId = "att";
    /// A file on its way in, kept for an hour.
    UploadId = "upload";
}
id_text!(
    UserId,
    SessionId,
    FlowId,
    TriggerId,
    FireId,
    EventId,
    ExecutionId,
    RegressionId,
    DeadLetterId,
    ProviderId,
    RouteId,
    BudgetId,
    CallId,
    ToolId,
    AgentId,
    CrewId,
    BaseId,
    DocumentId,
    MemoryId,
    ChatId,
    MessageId,
    AttachmentId,
    UploadId
);

impl ExecutionId {
    /// The id of something that has a time and a hash: whoever makes it makes the same one.
    pub fn of(at: chrono::DateTime<chrono::Utc>, hash: [u8; 10]) -> Self {
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &hash).into_uuid())
    }
}

impl TenantId {
    /// The tenant of what no organization owns: registration, login, internal requests. Written `platform`.
    pub const PLATFORM: Self = Self(Uuid::nil());
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::PLATFORM {
            return f.write_str("platform");
        }
        write!(f, "{}_{}", Self::PREFIX, self.0.simple())
    }
}

impl FromStr for TenantId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text == "platform" {
            return Ok(Self::PLATFORM);
        }
        let uuid = parse(Self::PREFIX, text)?;
        // `org_000…` would be a second spelling of `platform`.
        if uuid.is_nil() {
            return Err(ParseIdError::new(Self::PREFIX, text));
        }
        Ok(Self(uuid))
    }
}

/// Accepts exactly the canonical form: one spelling per id, so ids can be compared as texts.
fn parse(prefix: &'static str, text: &str) -> Result<Uuid, ParseIdError> {
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'));
    let digits = digits
        .filter(|d| d.len() == 32 && d.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    digits
        .and_then(|d| Uuid::try_parse(d).ok())
        .ok_or_else(|| ParseIdError::new(prefix, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let id = FlowId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("platform".parse(), Ok(TenantId::PLATFORM));
        assert_eq!(TenantId::PLATFORM.to_string(), "platform");
    }

    #[test]
    fn other_spellings_are_refused() {
        let digits = "0".repeat(32);
        for text in [
            String::new(),
            "flow_".into(),
            format!("exec_{digits}"),
            format!("flow_{}", "A".repeat(32)),
            format!("flow_{digits}0"),
            "flow_00000000-0000-0000-0000-000000000000".into(),
        ] {
            assert!(text.parse::<FlowId>().is_err(), "{text}");
        }
        assert!(format!("org_{digits}").parse::<TenantId>().is_err());
        assert!(
            "flow_x"
                .repeat(100_000)
                .parse::<FlowId>()
                .unwrap_err()
                .to_string()
                .len()
                < 200
        );
    }
}
