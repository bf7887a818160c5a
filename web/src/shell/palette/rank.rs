//! Which lines fit a few letters, and how well.

/// The best first; among equals the order stays. No letters fit everything.
pub(super) fn best<T>(
    asked: &str,
    all: Vec<T>,
    text: impl Fn(&T) -> &str,
    at_most: usize,
) -> Vec<T> {
    let asked: Vec<char> = lower(asked)
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let mut fitting: Vec<_> = all
        .into_iter()
        .filter_map(|line| Some((score(&asked, text(&line))?, line)))
        .collect();
    fitting.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    fitting.truncate(at_most);
    fitting.into_iter().map(|(_, line)| line).collect()
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// All letters in their order; those that follow each other or begin a word count more.
fn score(asked: &[char], text: &str) -> Option<u32> {
    let text: Vec<char> = lower(text).collect();
    let (mut score, mut from, mut last) = (0, 0, None);
    for letter in asked {
        let at = from + text[from..].iter().position(|other| other == letter)?;
        let follows = last.is_some_and(|last: usize| last + 1 == at);
        let begins = at == 0 || !text[at - 1].is_alphanumeric();
        score += 1 + 4 * u32::from(follows) + 6 * u32::from(begins) + 3 * u32::from(at == 0);
        last = Some(at);
        from = at + 1;
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &str, all: &[&'static str], expect: &[&str]) {
        assert_eq!(best(asked, all.to_vec(), |line| line, 3), expect, "{asked}");
    }

    #[test]
    fn beginnings_come_before_middles() {
        check(
            "flow",
            &["Overflow", "New flow", "Flows"],
            &["Flows", "New flow", "Overflow"],
        );
        check("ss", &["Agents", "System settings"], &["System settings"]);
        check("", &["b", "a"], &["b", "a"]);
        check("zz", &["b", "a"], &[]);
    }
}
