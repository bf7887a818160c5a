//! Storing the index of parked executions, beside the owner's loop.

use std::time::Duration;

use tokio::time::Instant;

use super::{Note, Owner};
use crate::log::index::Index;

/// Time between two looks for what is to be stored.
const STORE: Duration = Duration::from_secs(1);
/// Chunks that are stored in one go.
const MAX_STORED: usize = 32;

/// The index, and when it was last stored.
pub(super) struct Indexing {
    state: State,
    look_at: Instant,
}

enum State {
    Idle(Box<Index>),
    Storing,
    /// Another owner has claimed it.
    Lost,
}

impl Indexing {
    pub(super) fn new(index: Index) -> Self {
        Self {
            state: State::Idle(Box::new(index)),
            look_at: Instant::now(),
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }
}

impl Owner {
    /// Stores what has changed: the log is trimmed behind it.
    pub(super) fn store_index(&mut self) {
        let parked = &mut self.partition.parking.parked;
        if Instant::now() < self.indexing.look_at {
            return;
        }
        self.indexing.look_at = Instant::now() + STORE;
        let changed = parked.changed(MAX_STORED);
        if changed.is_empty() || !matches!(self.indexing.state, State::Idle(_)) {
            return;
        }
        let State::Idle(mut index) = std::mem::replace(&mut self.indexing.state, State::Storing)
        else {
            return;
        };
        let chunks: Vec<_> = changed
            .iter()
            .map(|chunk| (*chunk, parked.store(*chunk)))
            .collect();
        let notes = self.outlet.notes.clone();
        self.work.spawn(async move {
            let mut stored = true;
            for (chunk, entries) in chunks {
                stored = stored && index.write(chunk, &entries).await;
            }
            let stored = stored.then_some((index, changed));
            // Without an owner nobody needs to know.
            notes.send(Note::Indexed(stored)).await.unwrap_or_default();
        });
    }

    pub(super) fn indexed(&mut self, stored: Option<(Box<Index>, Vec<u16>)>) {
        let Some((index, chunks)) = stored else {
            self.indexing.state = State::Lost;
            return;
        };
        for chunk in chunks {
            self.partition.parking.parked.is_stored(chunk);
        }
        self.indexing.state = State::Idle(index);
    }
}
