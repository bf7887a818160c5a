//! Names of tools as every vendor takes them: a letter or `_`, then letters, digits, `_` and `-`, 64 at most.
//!
//! **Invariant:** two tools never share a name, and each name leads back to the tool's own.

use contracts::llm::Complete;

const MOST: usize = 64;

/// The tools of a question, by the names the vendor is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Told and own, only where they differ or could be mistaken for one another.
    pairs: Vec<(String, String)>,
}

impl Names {
    pub(crate) fn of(ask: &Complete) -> Self {
        let mut names = Self::default();
        let tools = ask.tools.iter().map(|tool| &tool.function.name);
        let calls = ask.messages.iter().flat_map(|message| &message.tool_calls);
        let own: Vec<&String> = tools.chain(calls.map(|call| &call.function.name)).collect();
        for name in &own {
            if names.pairs.iter().any(|(_, known)| known == *name) {
                continue;
            }
            let taken = |told: &str, names: &Self| {
                told != name.as_str() && own.iter().any(|other| *other == told)
                    || names.pairs.iter().any(|(known, _)| known == told)
            };
            let plain = legal(name);
            let mut told = plain.clone();
            let mut count = 2;
            while taken(&told, &names) {
                let end = format!("_{count}");
                told = plain.chars().take(MOST - end.len()).collect::<String>() + &end;
                count += 1;
            }
            names.pairs.push((told, (*name).clone()));
        }
        names
    }

    /// What the vendor is told for a tool's own name.
    pub(crate) fn told(&self, own: &str) -> String {
        let pair = self.pairs.iter().find(|(_, known)| known == own);
        pair.map_or_else(|| legal(own), |(told, _)| told.clone())
    }

    /// A tool's own name for what the vendor said.
    pub(crate) fn own(&self, told: &str) -> String {
        let pair = self.pairs.iter().find(|(known, _)| known == told);
        pair.map_or(told, |(_, own)| own).to_owned()
    }
}

fn legal(name: &str) -> String {
    let plain = name.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') => c,
        _ => '_',
    });
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let lead = (!starts_well).then_some('_');
    lead.into_iter().chain(plain).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use contracts::llm::{FunctionSpec, ToolSpec};
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn every_name_is_legal_its_own_and_leads_back() {
        let long = "x".repeat(70);
        let other = format!("{}y", "x".repeat(69));
        let own = [
            "get weather",
            "get.weather",
            "get_weather",
            "7up",
            "é",
            &long,
            &other,
        ];
        let tool = |name: &&str| ToolSpec {
            kind: "function".into(),
            function: FunctionSpec {
                name: (*name).into(),
                description: None,
                parameters: Value::Null,
                extra: Map::new(),
            },
        };
        let ask = Complete {
            tools: own.iter().map(tool).collect(),
            ..Complete::default()
        };
        let names = Names::of(&ask);
        let told: Vec<_> = own.iter().map(|name| names.told(name)).collect();
        assert_eq!(told[2], "get_weather");
        assert_eq!(told[3], "_7up");
        for (at, name) in told.iter().enumerate() {
            assert!(name.len() <= MOST && legal(name) == *name, "{name}");
            assert!(!told[..at].contains(name), "{name}");
            assert_eq!(names.own(name), own[at]);
        }
        assert_eq!(names.own("invented"), "invented");
    }
}
