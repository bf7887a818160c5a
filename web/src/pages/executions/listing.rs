//! The rows of the list, and what became of them since they were read.
//!
//! **Invariant:** a shown row keeps its place; a row is in the list once.

use std::collections::{HashMap, HashSet};

use contracts::{execution::ExecutionSummary, id::ExecutionId, page::Page};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listing {
    rows: Vec<ExecutionSummary>,
    /// Newer than what is shown.
    fresh: Vec<ExecutionSummary>,
    /// The cursor of the older ones.
    next: Option<String>,
    read: bool,
}

impl Listing {
    pub(crate) fn rows(&self) -> &[ExecutionSummary] {
        &self.rows
    }

    pub(crate) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// How many wait to be shown.
    pub(crate) fn fresh(&self) -> usize {
        self.fresh.len()
    }

    /// Takes the newest page: the first time to show it, later to see what changed.
    pub(crate) fn head(&mut self, page: Page<ExecutionSummary>) {
        if !self.read || self.rows.is_empty() && self.fresh.is_empty() {
            self.read = true;
            self.rows = page.items;
            self.next = page.next;
            return;
        }
        let known: HashMap<ExecutionId, usize> = self
            .rows
            .iter()
            .enumerate()
            .map(|(at, row)| (row.id, at))
            .collect();
        let newest = self.rows.first().map(|row| row.id);
        let mut fresh = Vec::new();
        for row in page.items {
            match known.get(&row.id) {
                Some(&at) => self.rows[at] = row,
                // Ids grow with time: what is older came into the filter, and is not new.
                None if Some(row.id) > newest => fresh.push(row),
                None => {}
            }
        }
        let seen: HashSet<ExecutionId> = fresh.iter().map(|row| row.id).collect();
        fresh.extend(self.fresh.drain(..).filter(|row| !seen.contains(&row.id)));
        self.fresh = fresh;
    }

    /// Takes the page after the last row.
    pub(crate) fn more(&mut self, page: Page<ExecutionSummary>) {
        let known: HashSet<ExecutionId> = self.rows.iter().map(|row| row.id).collect();
        self.rows.extend(
            page.items
                .into_iter()
                .filter(|row| !known.contains(&row.id)),
        );
        self.next = page.next;
    }

    pub(crate) fn show_fresh(&mut self) {
        let shown = std::mem::take(&mut self.rows);
        self.rows = std::mem::take(&mut self.fresh);
        self.rows.extend(shown);
    }

    pub(crate) fn update(&mut self, execution: ExecutionSummary) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.id == execution.id) {
            *row = execution;
        }
    }

    /// Shown ones that go on and are not on the newest page, at most so many.
    pub(crate) fn unfinished(&self, most: usize) -> Vec<ExecutionId> {
        const HEAD: usize = contracts::page::DEFAULT_LIMIT as usize;
        let open = self.rows.iter().skip(HEAD.saturating_sub(self.fresh.len()));
        open.filter(|row| !row.state.is_final())
            .map(|row| row.id)
            .take(most)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use contracts::{
        execution::{ExecutionState, Origin, Usage},
        id::UserId,
    };
    use uuid::Uuid;

    use super::*;

    fn row(n: u128, state: ExecutionState) -> ExecutionSummary {
        ExecutionSummary {
            id: ExecutionId::from_uuid(Uuid::from_u128(n)),
            origin: Origin::default(),
            parent_id: None,
            source: None,
            state,
            error: None,
            usage: Usage::ZERO,
            asks: 0,
            started_by: UserId::EXAMPLE,
            created_at: chrono::DateTime::UNIX_EPOCH,
            finished_at: None,
        }
    }

    fn page(ids: &[u128]) -> Page<ExecutionSummary> {
        let items = ids
            .iter()
            .map(|&n| row(n, ExecutionState::Running))
            .collect();
        Page {
            items,
            next: Some("older".into()),
        }
    }

    fn ids(listing: &Listing) -> Vec<u128> {
        listing
            .rows()
            .iter()
            .map(|row| row.id.uuid().as_u128())
            .collect()
    }

    #[test]
    fn rows_stay_where_they_are() {
        let mut listing = Listing::default();
        listing.head(page(&[5, 4]));
        listing.more(page(&[4, 3]));
        assert_eq!(ids(&listing), [5, 4, 3]);
        listing.head(page(&[7, 6, 5]));
        listing.head(page(&[8, 7, 6]));
        assert_eq!((ids(&listing), listing.fresh()), (vec![5, 4, 3], 3));
        listing.show_fresh();
        assert_eq!(
            (ids(&listing), listing.fresh()),
            (vec![8, 7, 6, 5, 4, 3], 0)
        );
    }

    #[test]
    fn rows_change_in_place() {
        let mut listing = Listing::default();
        listing.head(page(&[5, 4]));
        let done = Page {
            items: vec![row(5, ExecutionState::Succeeded)],
            next: None,
        };
        listing.head(done);
        listing.update(row(4, ExecutionState::Failed));
        let states: Vec<_> = listing.rows().iter().map(|row| row.state).collect();
        assert_eq!(states, [ExecutionState::Succeeded, ExecutionState::Failed]);
        // What only now came into the filter is not new.
        listing.head(page(&[5, 2]));
        assert_eq!(listing.fresh(), 0);
    }
}
