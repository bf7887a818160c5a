//! An event in one sentence.

use contracts::live::{ExecutionEvent, StepCall};

use crate::format::plural;

/// What an event is about, for its mark and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Begin,
    Done,
    Again,
    Bad,
    Quiet,
    Person,
}

pub(crate) fn tone(event: &ExecutionEvent) -> Tone {
    match event {
        ExecutionEvent::ExecutionStarted { .. }
        | ExecutionEvent::ExecutionReleased {}
        | ExecutionEvent::StepStarted { .. }
        | ExecutionEvent::StepIterating { .. }
        | ExecutionEvent::HandlerStarted { .. }
        | ExecutionEvent::IterationStarted { .. } => Tone::Begin,
        ExecutionEvent::StepSucceeded { .. }
        | ExecutionEvent::StepReused { .. }
        | ExecutionEvent::IterationSucceeded { .. }
        | ExecutionEvent::ExecutionSucceeded { .. } => Tone::Done,
        ExecutionEvent::StepRetrying { .. } | ExecutionEvent::CompensationStarted { .. } => {
            Tone::Again
        }
        ExecutionEvent::StepFailed { .. }
        | ExecutionEvent::IterationFailed { .. }
        | ExecutionEvent::ExecutionFailing { .. }
        | ExecutionEvent::ExecutionFailed { .. } => Tone::Bad,
        ExecutionEvent::StepSkipped { .. }
        | ExecutionEvent::StepSleeping { .. }
        | ExecutionEvent::StepListening { .. }
        | ExecutionEvent::StepLate { .. }
        | ExecutionEvent::ExecutionCancelled { .. } => Tone::Quiet,
        ExecutionEvent::ApprovalAsked { .. }
        | ExecutionEvent::ApprovalGiven { .. }
        | ExecutionEvent::AnswerAsked { .. }
        | ExecutionEvent::AnswerGiven { .. }
        | ExecutionEvent::AnswerReminded { .. }
        | ExecutionEvent::AnswerEscalated { .. }
        | ExecutionEvent::ExecutionPaused { .. }
        | ExecutionEvent::ExecutionResumed { .. }
        | ExecutionEvent::CancelAsked { .. } => Tone::Person,
    }
}

/// What happened, said after the name of the step, or alone where the event is about the execution.
pub(crate) fn sentence(event: &ExecutionEvent) -> String {
    match event {
        ExecutionEvent::StepStarted {
            attempt: 1, call, ..
        } => started(call.as_ref()),
        ExecutionEvent::StepStarted { attempt, .. } => format!("started attempt {attempt}"),
        ExecutionEvent::StepSleeping { until, .. } => {
            format!("sleeps until {}", until.format("%Y-%m-%d %H:%M:%S UTC"))
        }
        ExecutionEvent::StepListening { event, key, .. } if key.is_empty() => {
            format!("waits for the event {event}")
        }
        ExecutionEvent::StepListening { event, key, .. } => {
            format!("waits for the event {event} of {key}")
        }
        ExecutionEvent::StepIterating {
            items: Some(items), ..
        } => format!(
            "goes through {}",
            plural(contracts::payload::count(items), "item", "items")
        ),
        ExecutionEvent::StepIterating { items: None, .. } => "goes round".into(),
        ExecutionEvent::IterationStarted { index, .. } => format!("begins number {index}"),
        ExecutionEvent::IterationSucceeded {
            index,
            from: Some(_),
            ..
        } => format!("takes number {index} over"),
        ExecutionEvent::IterationSucceeded { index, .. } => format!("has done number {index}"),
        ExecutionEvent::IterationFailed { index, error, .. } => {
            format!("failed in number {index}: {}", error.message)
        }
        ExecutionEvent::StepSucceeded { cached: true, .. } => {
            "took the output of an earlier step that was the same".into()
        }
        ExecutionEvent::StepSucceeded {
            port, duration_ms, ..
        } => {
            let took = crate::format::duration(*duration_ms);
            let by = if port == "out" {
                String::new()
            } else {
                format!(", goes on at {port}")
            };
            format!("succeeded in {took}{by}")
        }
        ExecutionEvent::StepRetrying { attempt, error, .. } => {
            format!(
                "failed in attempt {attempt}, will be tried again: {}",
                error.message
            )
        }
        ExecutionEvent::StepFailed {
            error, port: None, ..
        } => format!("failed: {}", error.message),
        ExecutionEvent::StepFailed {
            error,
            port: Some(port),
            ..
        } => {
            format!("failed, goes on at {port}: {}", error.message)
        }
        ExecutionEvent::StepSkipped { .. } => "skipped".into(),
        ExecutionEvent::StepReused { from: Some(_), .. } => "taken over, not run again".into(),
        ExecutionEvent::StepReused { from: None, .. } => "has the output that was given".into(),
        ExecutionEvent::StepLate { attempt, .. } => {
            format!("answered too late in attempt {attempt}; only its price counts")
        }
        ExecutionEvent::HandlerStarted { .. } => "handles the failure".into(),
        other => with_people(other),
    }
}

/// As [`sentence`], where a person is asked.
fn with_people(event: &ExecutionEvent) -> String {
    match event {
        ExecutionEvent::AnswerAsked { asked } => format!("asks: {}", asked.title),
        ExecutionEvent::AnswerGiven { port, .. } => format!("was answered, goes on at {port}"),
        ExecutionEvent::ApprovalAsked { name, .. } => format!("waits for approval to call {name}"),
        ExecutionEvent::ApprovalGiven { approved: true, .. } => "approved".into(),
        ExecutionEvent::ApprovalGiven {
            approved: false,
            comment,
            ..
        } if comment.is_empty() => "refused".into(),
        ExecutionEvent::ApprovalGiven {
            approved: false,
            comment,
            ..
        } => format!("refused: {comment}"),
        ExecutionEvent::AnswerReminded { count, .. } => format!("reminds, number {count}"),
        ExecutionEvent::AnswerEscalated { .. } => "asks others too".into(),
        whole => of_the_whole(whole),
    }
}

/// As [`sentence`], of the execution itself.
fn of_the_whole(event: &ExecutionEvent) -> String {
    match event {
        ExecutionEvent::ExecutionStarted { queued: true, .. } => {
            "Queued: its flow runs as often as it may".into()
        }
        ExecutionEvent::ExecutionStarted { .. } => "Execution started".into(),
        ExecutionEvent::ExecutionReleased {} => "There is a place: it begins".into(),
        ExecutionEvent::CancelAsked { .. } => "Cancel asked for".into(),
        ExecutionEvent::ExecutionPaused { .. } => "Paused".into(),
        ExecutionEvent::ExecutionResumed { .. } => "Resumed".into(),
        ExecutionEvent::ExecutionFailing { error } => format!("Fails: {}", error.message),
        ExecutionEvent::CompensationStarted { steps } => {
            format!("Undoes {}", plural(steps.len(), "step", "steps"))
        }
        ExecutionEvent::ExecutionSucceeded { .. } => "Execution succeeded".into(),
        ExecutionEvent::ExecutionFailed {
            error,
            handled: true,
            ..
        } => format!("Execution failed, and was handled: {}", error.message),
        ExecutionEvent::ExecutionFailed { error, .. } => {
            format!("Execution failed: {}", error.message)
        }
        ExecutionEvent::ExecutionCancelled { .. } => "Execution cancelled".into(),
        _ => event.kind().replace('_', " "),
    }
}

fn started(call: Option<&StepCall>) -> String {
    match call {
        None => "started".into(),
        Some(StepCall::Llm { agent }) => format!("{agent} asks its model"),
        Some(StepCall::Tool { agent, name, .. }) => format!("{agent} calls {name}"),
        Some(StepCall::Knowledge { agent, query }) => {
            format!("{agent} searches knowledge for “{query}”")
        }
        Some(StepCall::Recall { agent }) => format!("{agent} looks up what it remembers"),
        Some(StepCall::Remember { agent }) => format!("{agent} keeps what it learnt"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::testing::{frame, with};

    #[test]
    fn events_are_sentences() {
        let error = json!({"code": "x", "message": "no"});
        assert_eq!(sentence(&frame(2, "step_started", "a").event), "started");
        assert_eq!(
            sentence(&frame(2, "step_succeeded", "a").event),
            "succeeded in 1.0 s"
        );
        let failed = with(
            3,
            "step_failed",
            json!({"node": "a", "attempt": 3, "error": error, "port": "error"}),
        );
        assert_eq!(sentence(&failed.event), "failed, goes on at error: no");
        assert_eq!(tone(&failed.event), Tone::Bad);
    }
}
