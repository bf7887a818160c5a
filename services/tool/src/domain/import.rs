//! What an import finds, and how it names what it makes.

use contracts::tool::ToolSpec;

const MAX_NAME: usize = 64;
/// Room for `_99` behind a name that is taken.
const MAX_BASE: usize = 60;
const MAX_DESCRIPTION: usize = 2000;

/// Something that is to be a tool.
#[derive(Debug)]
pub(crate) struct Found {
    /// What its source calls it.
    pub(crate) item: String,
    pub(crate) spec: Result<ToolSpec, Refusal>,
}

/// Why something can be no tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// A tool's name out of any text.
pub(crate) fn tool_name(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let replaced = text.chars().map(|c| if is_plain(c) { c } else { '_' });
    let name: String = replaced.take(MAX_NAME).collect();
    let trimmed = name.trim_matches('_');
    if trimmed.is_empty() { "tool" } else { trimmed }.to_owned()
}

/// The name to try after that many tries: `n` counts from 1.
pub(crate) fn candidate(name: &str, n: u32) -> String {
    if n == 1 {
        return name.to_owned();
    }
    let base: String = name.chars().take(MAX_BASE).collect();
    format!("{base}_{n}")
}

/// What its source says about a tool, as much as a tool may say.
pub(crate) fn description(texts: &[Option<&str>], fallback: &str) -> String {
    let said = texts.iter().flatten().map(|text| text.trim());
    let said: Vec<_> = said.filter(|text| !text.is_empty()).collect();
    let text = if said.is_empty() {
        fallback.to_owned()
    } else {
        said.join("\n\n")
    };
    let text = text.replace('\0', "");
    text.chars().take(MAX_DESCRIPTION).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_valid_and_different() {
        for (text, expect) in [
            ("getPet", "getPet"),
            ("pets.get/by id", "pets_get_by_id"),
            ("GET /pets/{id}", "GET__pets__id"),
            ("日本", "tool"),
            ("", "tool"),
        ] {
            assert_eq!(tool_name(text), expect);
        }
        let long = tool_name(&"x".repeat(100));
        assert_eq!(candidate(&long, 1).len(), 64);
        assert_eq!(candidate(&long, 20), format!("{}_20", "x".repeat(60)));
    }
}
