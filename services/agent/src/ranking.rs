//! One order out of several.
//!
//! **Invariant:** the same lists give the same order: what has the same score is ordered by its key.

use std::collections::BTreeMap;

/// How little the first places of a list are worth more than the next ones (reciprocal rank fusion).
const K: f64 = 60.0;

/// Merges lists, each the best first: what stands high in any list, or in several, comes first. Each with its score.
pub(crate) fn merge<T: Ord>(lists: Vec<Vec<T>>, limit: usize) -> Vec<(T, f64)> {
    let mut scores: BTreeMap<T, f64> = BTreeMap::new();
    for list in lists {
        let mut place = K;
        for item in list {
            place += 1.0;
            *scores.entry(item).or_insert(0.0) += 1.0 / place;
        }
    }
    let mut merged: Vec<_> = scores.into_iter().collect();
    // The sort keeps the order of the keys where scores are the same.
    merged.sort_by(|one, other| other.1.total_cmp(&one.1));
    merged.truncate(limit);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lists: &[&[char]], expected: &str) {
        let lists = lists.iter().map(|list| list.to_vec()).collect();
        let merged = merge(lists, 4);
        let order: String = merged.iter().map(|(item, _)| *item).collect();
        assert_eq!(order, expected);
        assert!(merged.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }

    #[test]
    fn what_several_lists_name_comes_first() {
        check(&[&['a', 'b', 'c'], &['c', 'd']], "cabd");
        check(&[&['x', 'y'], &['y', 'x']], "xy");
        check(&[&['b'], &['a']], "ab");
        check(&[&['a', 'b', 'c', 'd', 'e']], "abcd");
        check(&[&[], &[]], "");
    }
}
