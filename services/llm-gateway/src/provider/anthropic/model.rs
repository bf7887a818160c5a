//! What Claude's models can, by their names, at Anthropic and at Bedrock.

use crate::provider::effort::Effort;

/// The version in a name: `claude-3-5-haiku-20241022` is 3.5, `anthropic.claude-sonnet-4-20250514-v1:0` is 4.0.
fn version(model: &str) -> Option<(u32, u32)> {
    let rest = model.split_once("claude-")?.1;
    let mut words = rest.split(['-', '.', '@', ':']);
    let small = |word: &str| word.parse::<u32>().ok().filter(|_| word.len() <= 2);
    let major = words.find_map(small)?;
    let minor = words.next().and_then(small).unwrap_or(0);
    Some((major, minor))
}

/// Tokens of an answer where the question sets no limit.
pub(crate) fn max_tokens(model: &str) -> u32 {
    match version(model) {
        Some((3, 5)) => 8192,
        Some((4, 0 | 1)) if model.contains("opus") => 32_000,
        Some((3, 7) | (4.., _)) => 64_000,
        Some(_) | None => 4096,
    }
}

/// Tokens of an answer at most where the question sets no limit, whoever offers the model; none for other models.
pub(crate) fn open_answer(model: &str) -> Option<u64> {
    version(model).map(|_| u64::from(max_tokens(model)))
}

/// Whether it thinks as much as it finds right, and is told how hard to try instead of how long.
pub(crate) fn is_adaptive(model: &str) -> bool {
    version(model).is_some_and(|version| version >= (4, 6))
}

/// The word for how hard it shall try: not every model knows all of them.
pub(crate) fn effort(model: &str, effort: Effort) -> &'static str {
    match effort {
        Effort::Max => "max",
        Effort::Extra if version(model).is_some_and(|version| version >= (4, 7)) => "xhigh",
        effort => effort.word(),
    }
}

/// Whether its answers can be bound to a schema.
pub(crate) fn has_schemas(model: &str) -> bool {
    version(model).is_some_and(|version| version >= (4, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_every_spelling() {
        for (name, expect) in [
            ("claude-3-haiku-20240307", Some((3, 0))),
            ("claude-3-5-sonnet-latest", Some((3, 5))),
            ("claude-3-7-sonnet-20250219", Some((3, 7))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-1-20250805", Some((4, 1))),
            ("claude-haiku-4-5", Some((4, 5))),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some((4, 5))),
            ("anthropic.claude-3-sonnet-20240229-v1:0", Some((3, 0))),
            ("claude-opus-5", Some((5, 0))),
            ("claude-2.1", Some((2, 1))),
            ("claude-instant", None),
            ("gpt-4o", None),
        ] {
            assert_eq!(version(name), expect, "{name}");
        }
        assert_eq!(max_tokens("claude-opus-4-1"), 32_000);
        assert_eq!(max_tokens("claude-3-opus-20240229"), 4096);
        assert_eq!(open_answer("anthropic/claude-sonnet-4.5"), Some(64_000));
        assert_eq!(open_answer("gpt-4o"), None);
        assert!(has_schemas("claude-haiku-4-5") && !has_schemas("claude-sonnet-4-20250514"));
        assert_eq!(effort("claude-opus-4-6", Effort::Extra), "high");
        assert_eq!(effort("claude-opus-4-7", Effort::Extra), "xhigh");
        assert_eq!(effort("claude-opus-4-6", Effort::Max), "max");
        assert!(is_adaptive("claude-opus-4-6") && !is_adaptive("claude-haiku-4-5"));
    }
}
