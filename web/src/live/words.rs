//! Money, moments and states as people read them.
//!
//! **Invariant:** money is written as it was counted, digit by digit: never through a float.

use contracts::execution::Usage;
use graph::view::{Iterations, NodeState};

/// The state of a step.
pub(crate) const fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Pending => "pending",
        NodeState::Running => "running",
        NodeState::Sleeping => "sleeping",
        NodeState::Retrying => "retrying",
        NodeState::Asking => "waiting",
        NodeState::Succeeded => "succeeded",
        NodeState::Failed => "failed",
        NodeState::Skipped => "skipped",
        NodeState::Stopped => "stopped",
    }
}

/// How far a body is: `3 of 5, 1 failed`.
pub(crate) fn iterations(iterations: Iterations) -> String {
    let Iterations {
        of,
        running,
        succeeded,
        failed,
    } = iterations;
    let done = succeeded + failed;
    let mut text = match of {
        Some(of) => format!("{done} of {of}"),
        None => crate::format::plural(done + running, "round", "rounds"),
    };
    if failed > 0 {
        text += &format!(", {failed} failed");
    }
    text
}

/// A number of milliseconds.
pub(crate) fn duration(ms: f64) -> String {
    crate::format::duration(whole(ms))
}

/// Milliseconds without a fraction; none are below 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) const fn whole(ms: f64) -> u64 {
    ms.max(0.0).round() as u64
}

/// US dollars, exactly; a price that is not known is not nothing.
pub(crate) fn money(usage: &Usage) -> String {
    match usage.cost {
        Some(cost) => format!("${}", cost.normalize()),
        None => "unknown".to_owned(),
    }
}

/// `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact() {
        let usage = |cost: Option<&str>| Usage {
            cost: cost.map(|cost| cost.parse().unwrap()),
            ..Usage::ZERO
        };
        assert_eq!(money(&usage(Some("0.100"))), "$0.1");
        assert_eq!(
            money(&usage(Some("0.0000000000000001"))),
            "$0.0000000000000001"
        );
        assert_eq!(money(&usage(None)), "unknown");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1_234_567].map(count), ["0", "999", "1,234,567"]);
    }
}
