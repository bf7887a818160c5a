//! What an execution made of several nodes, or of one several times, told as of one.

use crate::{
    canvas::board::Mark,
    format::{self, plural},
    live::words,
};

/// From the worst to the best, those of a comparison included.
const WORST: [&str; 11] = [
    "failed",
    "stopped",
    "removed",
    "waiting",
    "retrying",
    "running",
    "changed",
    "added",
    "",
    "succeeded",
    "skipped",
];

/// The worst state, and the time and tokens of all nodes.
pub(super) fn of<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> Mark {
    sum(marks, ("node", "nodes"))
}

/// The same of one node in the iterations of its body.
pub(crate) fn of_times<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> Mark {
    sum(marks, ("time", "times"))
}

fn sum<'a>(marks: impl IntoIterator<Item = &'a Mark>, (one, many): (&str, &str)) -> Mark {
    let mut sum = Mark::default();
    let (mut worst, mut count) = (usize::MAX, 0);
    for mark in marks {
        count += 1;
        sum.duration_ms += mark.duration_ms;
        sum.tokens += mark.tokens;
        sum.stale |= mark.stale;
        let rank = WORST.iter().position(|state| *state == mark.state);
        worst = worst.min(rank.unwrap_or(usize::MAX));
    }
    sum.state = WORST.get(worst).copied().unwrap_or_default();
    let mut parts = vec![plural(count, one, many)];
    if sum.duration_ms > 0 {
        parts.push(format::duration(sum.duration_ms));
    }
    if sum.tokens > 0 {
        parts.push(format!("{} tokens", words::count(sum.tokens)));
    }
    sum.note = parts.join(" · ");
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(state: &'static str, duration_ms: u64, tokens: u64) -> Mark {
        Mark {
            state,
            duration_ms,
            tokens,
            ..Mark::default()
        }
    }

    #[test]
    fn the_worst_state_counts_and_the_rest_is_added_up() {
        let marks = [
            mark("succeeded", 1200, 300),
            mark("failed", 34, 0),
            mark("skipped", 0, 0),
        ];
        let sum = of(&marks);
        assert_eq!(
            (sum.state, sum.duration_ms, sum.tokens),
            ("failed", 1234, 300)
        );
        assert!(sum.note.starts_with("3 nodes · ") && sum.note.ends_with("300 tokens"));
    }

    #[test]
    fn a_group_has_succeeded_when_all_of_it_has() {
        let done = mark("succeeded", 1, 0);
        assert_eq!(
            of(&[done.clone(), mark("skipped", 0, 0)]).state,
            "succeeded"
        );
        assert_eq!(of(&[done.clone(), Mark::default()]).state, "");
        assert_eq!(of(&[done, mark("running", 0, 0)]).state, "running");
        assert_eq!(of(&[Mark::default()]).note, "1 node");
    }
}
