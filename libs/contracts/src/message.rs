//! The ways to talk. Pick by who must not lose what.
//!
//! | kind            | transport            | readers | lost if nobody listens |
//! |-----------------|----------------------|---------|------------------------|
//! | `Request`       | NATS request/reply   | one     | yes (the caller sees it) |
//! | `StreamRequest` | NATS request, numbered replies | one | yes (the caller sees it) |
//! | `Event`         | JetStream            | many    | no                     |
//!
//! Messages to a partition's owner are in [`crate::owner`], durable work items in [`crate::work`].

use serde::{Serialize, de::DeserializeOwned};

use crate::Permission;

/// What can be written to and read from a message body.
pub trait Wire: Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Wire for T {}

/// Who may send a request. The kernel of the answering service enforces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a token: on tenant `platform`, or where the request proves itself.
    Public,
    /// Any signed-in user (not a run), whatever the role.
    SignedIn,
    /// Whoever has this permission in the tenant of the subject.
    Permission(Permission),
    /// Other services only: NATS permissions keep everyone else from the subject.
    Internal,
}

/// A question with one answer.
pub trait Request: Wire {
    /// `<service token>.<method>`; the service serves it.
    const NAME: &'static str;
    const ACCESS: Access;
    /// The fields that hold the id of an object of the tenant: another tenant's id there is answered `not_found`.
    const OBJECTS: &'static [&'static str] = &[];
    type Reply: Wire;
    /// A valid request, for the documentation, the golden files and the generated tests.
    fn example() -> Self;
}

/// A question answered by numbered chunks and, at the end, by the reply.
pub trait StreamRequest: Request {
    type Chunk: Wire;
}

/// One message of the answer to a [`StreamRequest`]; a failure is a plain [`crate::Problem`] reply.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StreamMessage<C, R> {
    /// `n` counts from 1 without gaps.
    Chunk { n: u64, chunk: C },
    /// The last message; `n` is one more than the last chunk's.
    Done { n: u64, reply: R },
    /// Whoever answers is still at it; comes every three seconds, and has no number.
    Alive,
}

/// Something that happened and that many may want to read.
pub trait Event: Wire {
    /// `<service token>.<kind>`.
    const NAME: &'static str;
    /// The object it happened to; the last token of the subject.
    fn id(&self) -> String;
    /// JetStream drops a second event with the same key.
    fn dedup_key(&self) -> String;
}

macro_rules! request {
    ($name:ident => $reply:ty, $wire:literal, $access:expr $(, objects: $objects:expr)?, example: $example:expr) => {
        impl $crate::Request for $name {
            const NAME: &'static str = $wire;
            const ACCESS: $crate::Access = $access;
            $(const OBJECTS: &'static [&'static str] = $objects;)?
            type Reply = $reply;
            fn example() -> Self {
                $example
            }
        }
    };
}
pub(crate) use request;
