//! Storing messages in streams, and which streams take none: after a full disk JetStream may go on refusing in one stream
//! while others take what they are given.
//!
//! **Invariant:** a stream that is written to and has taken nothing for ten seconds is named in the log and by
//! [`Bus::unwritable`] until it takes something again.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::jetstream::{
    context::{PublishError, PublishErrorKind},
    message::PublishMessage,
    publish::PublishAck,
};

use crate::Bus;

/// A stream that refuses for less long is not worth waking anybody.
const PATIENCE: Duration = Duration::from_secs(10);
/// Whether a stream takes anything is known for so long after it was last tried.
const KNOWN: Duration = Duration::from_secs(15);
/// Time between two lines of the log about the same stream.
const REMIND: Duration = Duration::from_secs(60);

/// The streams that refuse what this connection gives them.
#[derive(Clone, Default)]
pub(crate) struct Writes(Arc<Known>);

#[derive(Default)]
struct Known {
    /// Whether there are any: nearly always not.
    any: AtomicBool,
    refusing: Mutex<BTreeMap<String, Refusing>>,
}

struct Refusing {
    since: Instant,
    last: Instant,
    told: Option<Instant>,
    cause: String,
}

impl Bus {
    /// Stores a message in `stream`; returns once it is on disk.
    pub(crate) async fn store(
        &self,
        stream: &str,
        subject: impl Display,
        message: PublishMessage,
    ) -> Result<PublishAck, PublishError> {
        let sent = self.jetstream.send_publish(subject.to_string(), message);
        let stored = match sent.await {
            Ok(stored) => stored.await,
            Err(error) => Err(error),
        };
        match &stored {
            Err(error) if blames_stream(error) => self.writes.refused(stream, error),
            Ok(_) | Err(_) => self.writes.taken(stream),
        }
        stored
    }

    /// The streams that take nothing that this connection gives them, each with the reason.
    pub fn unwritable(&self) -> Vec<String> {
        self.writes.list(Instant::now())
    }
}

impl Writes {
    /// The stream has answered: it takes what it should.
    pub(crate) fn taken(&self, stream: &str) {
        if !self.0.any.load(Ordering::Relaxed) {
            return;
        }
        let mut refusing = self.refusing();
        if let Some(before) = refusing.remove(stream)
            && before.told.is_some()
        {
            tracing::info!(stream, "the stream takes messages again");
        }
        self.0.any.store(!refusing.is_empty(), Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, stream: &str, cause: &dyn std::error::Error) {
        self.note(stream, whole(cause), Instant::now());
    }

    fn note(&self, stream: &str, cause: String, now: Instant) {
        let mut refusing = self.refusing();
        self.0.any.store(true, Ordering::Relaxed);
        let new = || Refusing {
            since: now,
            last: now,
            told: None,
            cause: String::new(),
        };
        let known = refusing.entry(stream.to_owned()).or_insert_with(new);
        known.last = now;
        known.cause = cause;
        let is_due = known.told.is_none_or(|told| now >= told + REMIND);
        if known.is_lasting() && is_due {
            known.told = Some(now);
            tracing::error!(
                stream,
                alarm = "unwritable_stream",
                cause = known.cause,
                "the stream takes nothing: make room on the disk of the NATS server, then start it again"
            );
        }
    }

    fn list(&self, now: Instant) -> Vec<String> {
        let refusing = self.refusing();
        let lasting = refusing
            .iter()
            .filter(|(_, known)| known.is_lasting() && now < known.last + KNOWN);
        lasting
            .map(|(stream, known)| format!("{stream} takes nothing: {}", known.cause))
            .collect()
    }

    fn refusing(&self) -> MutexGuard<'_, BTreeMap<String, Refusing>> {
        self.0
            .refusing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusing {
    fn is_lasting(&self) -> bool {
        self.last >= self.since + PATIENCE
    }
}

/// Whether the stream did not do what it should; what is wrong with the message says nothing about it.
fn blames_stream(error: &PublishError) -> bool {
    match error.kind() {
        PublishErrorKind::TimedOut | PublishErrorKind::StreamNotFound => true,
        // JetStream answers 10077 "maximum messages per subject exceeded", which the client files under `Other`.
        PublishErrorKind::Other => !is_queued(error),
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::MaxPayloadExceeded => false,
    }
}

/// Whether a message was refused because its subject has one already.
pub(crate) fn is_queued(error: &PublishError) -> bool {
    whole(error).contains("maximum messages per subject exceeded")
}

/// What an error says, with its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_while_it_takes_nothing_for_long() {
        let (writes, start) = (Writes::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        writes.taken("A");
        writes.note("A", "full".to_owned(), at(0));
        writes.note("A", "full".to_owned(), at(9));
        assert!(writes.list(at(9)).is_empty(), "not for long");
        writes.note("A", "no space".to_owned(), at(10));
        writes.note("B", "full".to_owned(), at(10));
        assert_eq!(writes.list(at(11)), ["A takes nothing: no space"]);
        assert!(
            writes.list(at(25)).is_empty(),
            "nobody has tried for a while"
        );
        writes.note("A", "no space".to_owned(), at(30));
        assert_eq!(writes.list(at(31)).len(), 1);
        writes.taken("A");
        assert!(writes.list(at(31)).is_empty());
        writes.note("A", "full".to_owned(), at(32));
        assert!(writes.list(at(32)).is_empty(), "it begins anew");
    }
}
