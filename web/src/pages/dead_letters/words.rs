//! What dead letters mean, for those who have to deal with them.

use contracts::{
    ErrorCode, Problem,
    dead_letter::{DeadLetter, DeadReason},
};

use crate::format;

/// The refusal of an item that nobody waits for any more.
const NOT_WANTED: &str = "not_wanted";

pub(super) const fn title_of(reason: DeadReason) -> &'static str {
    match reason {
        DeadReason::Exhausted => "Workers broke down",
        DeadReason::Unreadable => "Not readable",
    }
}

/// What happened, and what may be done about it.
pub(super) fn explained(reason: DeadReason) -> &'static str {
    match reason {
        DeadReason::Exhausted => {
            "One worker after the other broke down while it had this item: for want of memory, by its input, or by a bad release. The attempt failed with worker_lost; a retry of its node goes on without it. Find out why before the execution is started again: it may take more workers with it."
        }
        DeadReason::Unreadable => {
            "No worker of this version can read this item: another version wrote it, or it is damaged. Its step waits for it, until its time is over. Put it back once a worker that can read it is there."
        }
    }
}

/// How much of the item is shown.
pub(super) fn shown(letter: &DeadLetter) -> String {
    let (shown, all) = (letter.payload.len() as u64, letter.payload_bytes);
    if shown >= all {
        return format!("The item, {}", format::bytes(all));
    }
    format!(
        "The first {} of {}",
        format::bytes(shown),
        format::bytes(all)
    )
}

/// Why it was not put back.
pub(super) fn refusal(problem: Problem) -> Problem {
    if problem.reason.as_deref() != Some(NOT_WANTED) {
        return problem;
    }
    let text = "its execution waits for this attempt no longer: the attempt is over, or the execution has ended. Nothing runs a second time behind its back; start the execution again instead";
    Problem {
        detail: text.into(),
        ..Problem::new(ErrorCode::Conflict, problem.detail)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use contracts::id::{DeadLetterId, ExecutionId};

    use super::*;

    #[test]
    fn a_cut_item_says_so() {
        let mut letter = DeadLetter {
            id: DeadLetterId::EXAMPLE,
            class: "http".into(),
            reason: DeadReason::Unreadable,
            deliveries: 1,
            died_at: DateTime::UNIX_EPOCH,
            execution_id: ExecutionId::EXAMPLE,
            step: "a".into(),
            attempt: 1,
            payload: "x".repeat(4096),
            payload_bytes: 5008,
            redriven_at: None,
            redriven_by: None,
        };
        assert_eq!(shown(&letter), "The first 4.0 KiB of 4.8 KiB");
        letter.payload_bytes = 4096;
        assert_eq!(shown(&letter), "The item, 4.0 KiB");
    }

    #[test]
    fn what_is_not_wanted_is_explained() {
        let refused = Problem::new(ErrorCode::Conflict, "dead letter `d`").with_reason(NOT_WANTED);
        assert!(
            refusal(refused)
                .detail
                .contains("start the execution again")
        );
        let other = Problem::new(ErrorCode::Unavailable, "no owner");
        assert_eq!(refusal(other.clone()), other);
    }
}
