//! How records of a pause, and of what ends it, are taken in.

use contracts::live::ExecutionEvent;

use crate::domain::State;

impl State {
    /// It is paused, or goes on: by a person's wish, or with the execution that began it.
    pub(super) fn turn(&mut self, event: &ExecutionEvent) {
        let (is_paused, parent_event) = match event {
            ExecutionEvent::ExecutionPaused { parent_event, .. } => (true, parent_event),
            ExecutionEvent::ExecutionResumed { parent_event, .. } => (false, parent_event),
            _ => return,
        };
        self.data.turned = self.data.n;
        match parent_event {
            Some(event) => {
                self.heard = self.heard.max(*event);
                self.data.paused_with_parent = is_paused;
            }
            None if is_paused => self.data.paused = true,
            None => (self.data.paused, self.data.paused_with_parent) = (false, false),
        }
    }
}
