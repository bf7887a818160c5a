//! Two texts line by line: what stays, what goes, what comes.
//!
//! **Invariant:** the lines that stay and go are those of the old text, the lines that stay and come those of the new one.

use dioxus::prelude::*;

/// Beyond so many pairs of lines what differs is shown as one block.
const MAX_PAIRS: usize = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The old text and the new one in one list.
#[component]
pub(crate) fn Lines(old: String, new: String, label: String) -> Element {
    let lines = compared(&old, &new);
    rsx! {
        // It scrolls, so the keyboard must reach it.
        div { class: "line-diff", role: "group", "aria-label": label, tabindex: "0",
            for (at , line) in lines.into_iter().enumerate() {
                match line {
                    Line::Same(text) => rsx! { div { key: "{at}", "{text}" } },
                    Line::Old(text) => rsx! { del { key: "{at}", "{text}" } },
                    Line::New(text) => rsx! { ins { key: "{at}", "{text}" } },
                }
            }
        }
    }
}

fn compared<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let begin = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let (old_rest, new_rest) = (&old[begin..], &new[begin..]);
    let backwards = old_rest.iter().rev().zip(new_rest.iter().rev());
    let end = backwards.take_while(|(old, new)| old == new).count();
    let old_rest = &old_rest[..old_rest.len() - end];
    let new_rest = &new_rest[..new_rest.len() - end];
    let mut lines: Vec<_> = old[..begin].iter().map(|line| Line::Same(line)).collect();
    lines.extend(between(old_rest, new_rest));
    lines.extend(old[old.len() - end..].iter().map(|line| Line::Same(line)));
    lines
}

/// By a longest common subsequence.
fn between<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let width = new.len() + 1;
    let mut lines = Vec::new();
    let (mut at, mut to) = (0, 0);
    if old.len().saturating_mul(new.len()) <= MAX_PAIRS {
        // How many lines from here on are common to both.
        let mut common = vec![0_u32; (old.len() + 1) * width];
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                common[i * width + j] = match old[i] == new[j] {
                    true => common[(i + 1) * width + j + 1] + 1,
                    false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
                };
            }
        }
        while at < old.len() && to < new.len() {
            if old[at] == new[to] {
                lines.push(Line::Same(old[at]));
                (at, to) = (at + 1, to + 1);
            } else if common[(at + 1) * width + to] >= common[at * width + to + 1] {
                lines.push(Line::Old(old[at]));
                at += 1;
            } else {
                lines.push(Line::New(new[to]));
                to += 1;
            }
        }
    }
    lines.extend(old[at..].iter().map(|line| Line::Old(line)));
    lines.extend(new[to..].iter().map(|line| Line::New(line)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expect: &str) {
        let (old, new) = (old.replace(' ', "\n"), new.replace(' ', "\n"));
        let told = compared(&old, &new).into_iter().map(|line| match line {
            Line::Same(text) => text.to_owned(),
            Line::Old(text) => format!("-{text}"),
            Line::New(text) => format!("+{text}"),
        });
        assert_eq!(told.collect::<Vec<_>>().join(" "), expect);
    }

    #[test]
    fn what_stays_goes_and_comes_is_told() {
        check("", "", "");
        check("a b c", "a b c", "a b c");
        check("a b c", "a x c", "a -b +x c");
        check("a b c d", "b d e", "-a b -c d +e");
        check("", "a b", "+a +b");
        check("a a a", "a a", "a a -a");
        check("{ body }", "{ body value }", "{ body +value }");
    }

    #[test]
    fn long_texts_that_differ_are_told_as_a_block() {
        let text = |from: usize| {
            (from..from + 1500)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .join("\n")
        };
        let (old, new) = (text(0), text(5000));
        let lines = compared(&old, &new);
        assert_eq!(lines.len(), 3000);
        assert!(
            lines[..1500]
                .iter()
                .all(|line| matches!(line, Line::Old(_)))
        );
    }
}
