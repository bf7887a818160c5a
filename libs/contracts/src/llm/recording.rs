//! Whether the words of questions and answers are kept with their calls.

use serde::{Deserialize, Serialize};

use super::Redaction;
use crate::{Access, Permission, id::CallId, message::request};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum RecordBodies {
    #[default]
    Off,
    /// Of calls that failed alone.
    Failed,
    All,
}

/// What of the words of questions and answers is kept. Nothing, unless an organization says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Recording {
    pub bodies: RecordBodies,
    /// Struck out before they are kept; everything that can be found when absent.
    #[serde(default = "Recording::all")]
    #[cfg_attr(feature = "openapi", oai(default = "Recording::all"))]
    pub redact: Vec<Redaction>,
}

impl Recording {
    fn all() -> Vec<Redaction> {
        vec![
            Redaction::Email,
            Redaction::Phone,
            Redaction::Card,
            Redaction::Iban,
        ]
    }
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            bodies: RecordBodies::Off,
            redact: Self::all(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetRecording {}
request!(GetRecording => Recording, "llm.recording", Access::Permission(Permission::ProviderRead), example: GetRecording {});

/// Counts for calls from now on; what was kept before stays as long as the archive keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRecording {
    pub recording: Recording,
}
request!(SetRecording => Recording, "llm.set_recording", Access::Permission(Permission::ProviderWrite),
    example: SetRecording { recording: Recording { bodies: RecordBodies::Failed, ..Recording::default() } });

/// The words of one call, as far as they were kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct CallBodies {
    pub call_id: CallId,
    /// The question as it was put, as JSON; images, files and sound are left out.
    pub request: String,
    /// `message` and `finish_reason` of the answer, as JSON, as far as it came; none for vectors and where nobody answered.
    #[serde(default)]
    pub response: Option<String>,
    /// One of them was longer than 262,144 bytes, and ends there.
    #[serde(default)]
    pub cut: bool,
}

/// Whoever may change providers may read the words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetCallBodies {
    pub call_id: CallId,
}
request!(GetCallBodies => CallBodies, "llm.call_bodies", Access::Permission(Permission::ProviderWrite), objects: &["call_id"],
    example: GetCallBodies { call_id: CallId::EXAMPLE });
