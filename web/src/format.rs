//! How numbers, times and money are written.

use chrono::{DateTime, Utc};
use contracts::execution::Usage;

/// `412 ms`, `2.3 s`, `1 m 04 s`, `2 h 05 m`.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", seconds, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `just now`, `4 min ago`, `3 h ago`, `12 d ago`, then the day.
pub(crate) fn ago(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds();
    match seconds {
        ..45 => "just now".into(),
        45..3_600 => format!("{} min ago", (seconds / 60).max(1)),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        86_400..2_592_000 => format!("{} d ago", seconds / 86_400),
        _ => then.format("%-d %b %Y").to_string(),
    }
}

/// `any moment`, `in 4 min`, `in 3 h`, `in 12 d`.
pub(crate) fn ahead(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (then - now).num_seconds();
    match seconds {
        ..45 => "any moment".into(),
        45..3_600 => format!("in {} min", (seconds / 60).max(1)),
        3_600..172_800 => format!("in {} h", seconds / 3_600),
        _ => format!("in {} d", seconds / 86_400),
    }
}

/// `950`, `1.2 k`, `3.4 M`.
pub(crate) fn count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{}.{} k", n / 1_000, n % 1_000 / 100),
        _ => format!("{}.{} M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// `$0.0042`, or what is known: nothing.
pub(crate) fn cost(usage: &Usage) -> String {
    match usage.cost {
        None => "unknown".into(),
        Some(cost) if cost.is_zero() => "$0".into(),
        Some(cost) => format!("${}", cost.round_dp(4).normalize()),
    }
}

pub(crate) fn tokens(usage: &Usage) -> String {
    count(usage.prompt_tokens + usage.completion_tokens)
}

/// `950 B`, `1.2 KiB`, `3.4 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match n {
        0..KIB => format!("{n} B"),
        KIB..MIB => format!("{}.{} KiB", n / KIB, n % KIB * 10 / KIB),
        _ => format!("{}.{} MiB", n / MIB, n % MIB * 10 / MIB),
    }
}

/// `1 flow`, `2 flows`.
pub(crate) fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn durations_read_well() {
        let texts = [0, 412, 2_345, 64_000, 7_512_000].map(duration);
        assert_eq!(texts, ["0 ms", "412 ms", "2.3 s", "1 m 04 s", "2 h 05 m"]);
    }

    #[test]
    fn the_past_is_told_by_its_distance() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let texts = [10, 300, 7_300, 200_000].map(|s| ago(now - TimeDelta::seconds(s), now));
        assert_eq!(texts, ["just now", "5 min ago", "2 h ago", "2 d ago"]);
    }

    #[test]
    fn so_is_the_future() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let texts =
            [-5, 300, 7_300, 100_000, 200_000].map(|s| ahead(now + TimeDelta::seconds(s), now));
        assert_eq!(
            texts,
            ["any moment", "in 5 min", "in 2 h", "in 27 h", "in 2 d"]
        );
    }

    #[test]
    fn counts_are_short() {
        assert_eq!(
            [950, 1_234, 3_450_000].map(count),
            ["950", "1.2 k", "3.4 M"]
        );
    }
}
