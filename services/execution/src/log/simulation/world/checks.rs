//! What must hold at the end of all things.

use contracts::{id::ExecutionId, live::ExecutionEvent};

use super::World;

impl World {
    pub(super) fn check(&mut self) {
        self.check_index();
        let accepted: Vec<_> = self.accepted.iter().copied().collect();
        for id in accepted {
            let history = self.log.history(id).iter();
            let events: Vec<_> = history.map(|(_, event)| event.clone()).collect();
            let ends = events.iter().filter(|event| event.is_final()).count();
            assert!(
                ends == 1 && events.last().unwrap().is_final(),
                "{id} does not end once"
            );
            self.check_steps(id, &events);
        }
        for (id, node, attempt) in &self.reported {
            let mut history = self.log.history(*id).iter();
            assert!(
                history.any(|(_, event)| tells(event, node, *attempt)),
                "the result of {id} `{node}` {attempt} was answered and lost"
            );
        }
    }

    fn check_steps(&mut self, id: ExecutionId, events: &[ExecutionEvent]) {
        let mut settled = Vec::new();
        let mut paused = false;
        for event in events {
            match event {
                ExecutionEvent::ExecutionPaused { .. } => {
                    self.totals.paused += 1;
                    paused = true;
                }
                ExecutionEvent::ExecutionStarted { queued, .. } => paused = *queued,
                ExecutionEvent::ExecutionResumed { .. }
                | ExecutionEvent::ExecutionReleased {}
                | ExecutionEvent::CancelAsked { .. } => paused = false,
                ExecutionEvent::StepStarted { node, .. } => {
                    assert!(
                        !paused,
                        "{id}: `{node}` begins while it is paused or queued"
                    );
                }
                ExecutionEvent::StepReused { node, .. } => {
                    assert!(!settled.contains(node), "{id}: `{node}` succeeded before");
                    self.totals.reused += 1;
                }
                ExecutionEvent::StepSucceeded { node, .. } => {
                    assert!(!settled.contains(node), "{id}: `{node}` succeeded twice");
                    settled.push(node.clone());
                }
                ExecutionEvent::CompensationStarted { steps } => {
                    // Of those that can be undone, each that had succeeded, the last first.
                    let undone = settled.iter().rev();
                    let undone = undone.filter(|it| ["a", "b"].contains(&it.as_str()));
                    assert!(steps.iter().eq(undone), "{id}: {steps:?}, {settled:?}");
                    self.totals.undone += steps.len();
                }
                ExecutionEvent::IterationSucceeded { node, index, .. }
                | ExecutionEvent::IterationFailed { node, index, .. } => {
                    let iteration = format!("{node}:{index}");
                    assert!(!settled.contains(&iteration), "{id}: `{iteration}` twice");
                    settled.push(iteration);
                    self.totals.iterations += 1;
                }
                ExecutionEvent::HandlerStarted { .. } => self.totals.handled += 1,
                _ => {}
            }
        }
    }
}

/// Whether an event tells of the outcome of an attempt.
fn tells(event: &ExecutionEvent, node: &str, attempt: u32) -> bool {
    match event {
        ExecutionEvent::StepSucceeded {
            node: of,
            attempt: at,
            ..
        }
        | ExecutionEvent::StepFailed {
            node: of,
            attempt: at,
            ..
        }
        | ExecutionEvent::StepRetrying {
            node: of,
            attempt: at,
            ..
        }
        | ExecutionEvent::StepLate {
            node: of,
            attempt: at,
            ..
        } => of == node && *at == attempt,
        _ => false,
    }
}
