//! The title of a session whose owner gave none.

/// Characters at most.
const LONGEST: usize = 60;

/// The first sentence of the first question, cut between words where it is long.
pub(crate) fn of(question: &str) -> String {
    let line = question
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let mut title = String::new();
    for word in words {
        let longer = title.chars().count() + usize::from(!title.is_empty()) + word.chars().count();
        if longer > LONGEST {
            return cut(title, word);
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
        if word.ends_with(['.', '!', '?', '。', '！', '？']) {
            break;
        }
    }
    title.truncate(title.trim_end_matches(['.', '。']).len());
    title
}

fn cut(mut title: String, word: &str) -> String {
    if title.is_empty() {
        title.extend(word.chars().take(LONGEST - 1));
    }
    // The mark needs room of its own.
    while title.chars().count() >= LONGEST {
        title.pop();
    }
    title.push('…');
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_first_sentence() {
        for (question, title) in [
            ("Hello", "Hello"),
            ("  What is new?  Tell me.", "What is new?"),
            ("One. Two.", "One"),
            ("\n\n second line\nthird", "second line"),
            ("a\tb\u{0}c", "a b c"),
            ("", ""),
            ("…", "…"),
            (". . .", ""),
        ] {
            assert_eq!(of(question), title, "{question:?}");
        }
    }

    #[test]
    fn it_is_short() {
        let long = "word ".repeat(40);
        let title = of(&long);
        assert!(title.ends_with("word…") && title.chars().count() <= 60);
        assert_eq!(of(&"ä".repeat(100)), format!("{}…", "ä".repeat(59)));
        let exact = format!("{} bc", "a".repeat(57));
        assert_eq!(of(&exact), exact);
        let full = format!("{} b", "a".repeat(60));
        assert_eq!(of(&full).chars().count(), 60);
    }
}
