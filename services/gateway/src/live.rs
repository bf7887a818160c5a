//! Executions as they happen: history first, then live frames, without a gap and without a duplicate.
//!
//! Frames on the bus are lossy, the log is the truth. So a stream subscribes first, reads the history after the
//! client's last event, then passes live frames on; whatever is missing between two frames is read from the history.
//!
//! **Invariant:** the frames of a stream have contiguous numbers, and the terminal frame is the last.

mod answer;
mod describe;
mod follow;
mod hub;
mod translate;

pub(crate) use answer::{Said, answer};
pub(crate) use follow::{Item, Resume, follow};
pub(crate) use hub::{Hub, Shown};

use contracts::live::Frame;

/// What becomes of a frame that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Emit,
    /// It was emitted before.
    Skip,
    /// Frames before it are missing.
    Gap,
}

/// The number of the last frame that was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor(u64);

impl Cursor {
    fn accept(&mut self, frame: &Frame) -> Step {
        if frame.n <= self.0 {
            return Step::Skip;
        }
        if frame.n > self.0 + 1 {
            return Step::Gap;
        }
        self.0 = frame.n;
        Step::Emit
    }
}

#[cfg(test)]
mod tests {
    use contracts::live::ExecutionEvent;

    use super::*;

    #[test]
    fn only_the_next_frame_is_emitted() {
        let frame = |n| Frame {
            n,
            ts: chrono::DateTime::UNIX_EPOCH,
            event: ExecutionEvent::StepSkipped { node: "a".into() },
        };
        let mut cursor = Cursor(2);
        let steps = [2, 3, 3, 5, 4, 5, 1].map(|n| cursor.accept(&frame(n)));
        use Step::{Emit, Gap, Skip};
        assert_eq!(steps, [Skip, Emit, Skip, Gap, Emit, Emit, Skip]);
        assert_eq!(cursor, Cursor(5));
    }
}
