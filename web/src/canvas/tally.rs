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
    let (mark, all, _) = sum(marks);
    described(mark, plural(all, "node", "nodes"))
}

/// The same of one node in the iterations of its body. What was skipped, or did not begin, was not done at all.
pub(crate) fn of_times<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> Mark {
    match sum(marks) {
        (mark, _, 0) => mark,
        (mark, _, done) => described(mark, plural(done, "time", "times")),
    }
}

/// With how many there are, and how many of them were done, or are.
fn sum<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> (Mark, usize, usize) {
    let mut sum = Mark::default();
    let (mut worst, mut all, mut done) = (usize::MAX, 0, 0);
    for mark in marks {
        all += 1;
        done += usize::from(!matches!(mark.state, "" | "skipped"));
        sum.duration_ms += mark.duration_ms;
        sum.tokens += mark.tokens;
        sum.stale |= mark.stale;
        let rank = WORST.iter().position(|state| *state == mark.state);
        worst = worst.min(rank.unwrap_or(usize::MAX));
    }
    sum.state = WORST.get(worst).copied().unwrap_or_default();
    (sum, all, done)
}

fn described(mut sum: Mark, count: String) -> Mark {
    let mut parts = vec![count];
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
    fn an_iteration_that_skipped_a_node_does_not_count() {
        let done = mark("succeeded", 1, 0);
        let skipped = mark("skipped", 0, 0);
        let times = of_times(&[skipped.clone(), done.clone(), done.clone(), skipped.clone()]);
        assert_eq!(
            (times.state, times.note.as_str()),
            ("succeeded", "2 times · 2 ms")
        );
        assert_eq!(of_times(&[skipped.clone(), done]).note, "1 time · 1 ms");
        let never = of_times(&[skipped.clone(), skipped]);
        assert_eq!((never.state, never.note.as_str()), ("skipped", ""));
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
