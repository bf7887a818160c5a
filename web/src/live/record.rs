//! The record of one execution: its frames, the view they add up to, and the view as it was after any frame.
//!
//! **Invariant:** frames are kept in order, without gap and without double: what [`Record::push`] refuses leaves no trace.
//! **Invariant:** [`Record::view_at`] is the view that replaying from the first frame gives.

use std::{cell::RefCell, ops::Deref, rc::Rc};

use contracts::live::Frame;
use graph::view::{Applied, ExecutionView};

use super::spans::Spans;

/// Frames between two remembered views: replaying this many is not felt under a dragged scrubber.
const STRIDE: usize = 512;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    frames: Vec<Rc<Frame>>,
    /// After the last frame.
    view: ExecutionView,
    /// After every [`STRIDE`] frames.
    checkpoints: Vec<Rc<ExecutionView>>,
    /// The past that was looked at last: many parts of a page look at the same.
    looked_at: RefCell<Option<Rc<ExecutionView>>>,
    spans: Spans,
}

/// The view at some moment.
pub(crate) enum Seen<'a> {
    Now(&'a ExecutionView),
    Past(Rc<ExecutionView>),
}

impl Deref for Seen<'_> {
    type Target = ExecutionView;
    fn deref(&self) -> &ExecutionView {
        match self {
            Self::Now(view) => view,
            Self::Past(view) => view,
        }
    }
}

impl Record {
    /// Takes a frame, from the history or live.
    pub(crate) fn push(&mut self, frame: Frame) -> Applied {
        let applied = self.view.apply(&frame);
        if applied == Applied::New {
            self.spans.apply(&frame);
            self.frames.push(Rc::new(frame));
            if self.frames.len().is_multiple_of(STRIDE) {
                self.checkpoints.push(Rc::new(self.view.clone()));
            }
        }
        applied
    }

    pub(crate) fn view(&self) -> &ExecutionView {
        &self.view
    }

    pub(crate) fn spans(&self) -> &Spans {
        &self.spans
    }

    pub(crate) fn frames(&self) -> &[Rc<Frame>] {
        &self.frames
    }

    /// The number of the last frame: what a stream is resumed after.
    pub(crate) fn last(&self) -> u64 {
        self.view.last
    }

    pub(crate) fn is_final(&self) -> bool {
        self.view.state.is_final()
    }

    /// The frame with this number.
    pub(crate) fn frame(&self, n: u64) -> Option<&Rc<Frame>> {
        self.frames.get(usize::try_from(n.checked_sub(1)?).ok()?)
    }

    /// The view after frame `n`; of the present where there is no such frame yet.
    pub(crate) fn view_at(&self, n: u64) -> Seen<'_> {
        if n >= self.last() {
            return Seen::Now(&self.view);
        }
        let known = self.looked_at.take();
        let past = match known {
            Some(known) if known.last == n => known,
            known => Rc::new(self.replay(n, known)),
        };
        self.looked_at.replace(Some(past.clone()));
        Seen::Past(past)
    }

    /// From the known view or the checkpoint before, whichever is nearer.
    fn replay(&self, n: u64, known: Option<Rc<ExecutionView>>) -> ExecutionView {
        let wanted = usize::try_from(n).unwrap_or(usize::MAX);
        let checkpoint = wanted / STRIDE;
        let near =
            known.filter(|known| known.last <= n && known.last >= (checkpoint * STRIDE) as u64);
        let mut view = match (near, checkpoint.checked_sub(1)) {
            (Some(known), _) => Rc::unwrap_or_clone(known),
            (None, Some(at)) => ExecutionView::clone(&self.checkpoints[at]),
            (None, None) => ExecutionView::default(),
        };
        let from = usize::try_from(view.last).unwrap_or(usize::MAX);
        for frame in &self.frames[from..wanted] {
            view.apply(frame);
        }
        view
    }

    /// The number of the last frame at or before a moment, in milliseconds of the epoch; 0 before the first.
    pub(crate) fn n_at(&self, ms: f64) -> u64 {
        let after = self
            .frames
            .partition_point(|frame| super::axis::millis(frame.ts) <= ms);
        after as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::{frame, long};

    #[test]
    fn gaps_and_doubles_leave_no_trace() {
        let mut record = Record::default();
        assert_eq!(
            record.push(frame(2, "step_skipped", "a")),
            Applied::Gap { after: 0 }
        );
        for wire in long(3) {
            assert_eq!(record.push(wire), Applied::New);
        }
        let before = record.clone();
        assert_eq!(
            record.push(frame(2, "step_skipped", "b")),
            Applied::Repeated
        );
        assert_eq!(
            record.push(frame(9, "step_skipped", "b")),
            Applied::Gap {
                after: record.last()
            }
        );
        assert_eq!(record, before);
    }

    #[test]
    fn the_past_is_what_replay_gives() {
        let frames = long(700);
        let mut record = Record::default();
        for frame in frames.clone() {
            record.push(frame);
        }
        for n in [
            0, 1, 2, 511, 512, 513, 1023, 1024, 1025, 1400, 9999, 600, 590, 610, 610, 3,
        ] {
            let mut replayed = ExecutionView::default();
            for frame in frames.iter().take(n) {
                replayed.apply(frame);
            }
            assert_eq!(*record.view_at(n as u64), replayed, "{n}");
        }
        assert_eq!(record.frame(7).map(|frame| frame.n), Some(7));
        assert_eq!(record.frame(0), None);
    }

    #[test]
    fn a_moment_has_the_frames_before_it() {
        let mut record = Record::default();
        for frame in long(5) {
            record.push(frame);
        }
        let third = crate::live::axis::millis(record.frames()[2].ts);
        assert_eq!(record.n_at(third), 3);
        assert_eq!(record.n_at(third - 1.0), 2);
        assert_eq!(record.n_at(0.0), 0);
    }
}
