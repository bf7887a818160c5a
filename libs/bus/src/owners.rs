//! Questions to an owner that lives in this process: they need no way over the wire.
//!
//! **Invariant:** an owner hears the same questions and gives the same answers by either way; one that leaves lets go of
//! what it was asked, and the asker takes the wire.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::serve::Incoming;

/// Questions that wait for an owner to take them; whoever asks beyond waits.
const WAITING: usize = 1024;

/// The owners that receive over this connection, by partition.
#[derive(Clone, Default)]
pub(crate) struct Owners(Arc<Mutex<HashMap<u16, mpsc::Sender<Incoming>>>>);

/// Who waits for an answer in this process.
#[derive(Clone, Debug)]
pub(crate) struct Asker(Arc<Mutex<Option<oneshot::Sender<Message>>>>);

impl Owners {
    /// From now on the questions of this process go here.
    pub(crate) fn enter(&self, partition: u16) -> mpsc::Receiver<Incoming> {
        let (questions, owner) = mpsc::channel(WAITING);
        self.lock().insert(partition, questions);
        owner
    }

    /// The owner's answer; none where no owner of this process gives one.
    pub(crate) async fn ask(&self, partition: u16, subject: &str, body: Bytes) -> Option<Message> {
        let owner = self.lock().get(&partition).cloned()?;
        let (sender, answer) = oneshot::channel();
        let asker = Asker(Arc::new(Mutex::new(Some(sender))));
        let question = message(subject.into(), HeaderMap::new(), body);
        owner.send(Incoming::here(question, asker)).await.ok()?;
        answer.await.ok()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u16, mpsc::Sender<Incoming>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asker {
    /// Gives the answer; a second one, or one that nobody waits for any more, is dropped as on the wire.
    pub(crate) fn answer(&self, headers: HeaderMap, body: Bytes) {
        let asker = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(asker) = asker {
            asker.send(message("_here".into(), headers, body)).ok();
        }
    }
}

fn message(subject: async_nats::Subject, headers: HeaderMap, payload: Bytes) -> Message {
    Message {
        subject,
        reply: None,
        length: payload.len(),
        payload,
        headers: Some(headers),
        status: None,
        description: None,
    }
}
