//! What an expression may say at the cursor: the input, the outputs of the nodes before, variables.
//!
//! **Invariant:** only nodes that lie before the one being edited are offered.

use serde_json::Value;

use crate::canvas::model::{Graph, title};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// What is written.
    pub(crate) text: String,
    /// What it is.
    pub(crate) about: String,
}

/// Everything an expression of the node `id` may begin with.
pub(crate) fn offers(graph: &Graph, id: &str, variables: &[String]) -> Vec<Offer> {
    let offer = |text: String, about: &str| Offer {
        text,
        about: about.to_owned(),
    };
    let mut offers = vec![offer("input".into(), "the input of the execution")];
    let properties = graph
        .input_schema
        .as_ref()
        .and_then(|schema| schema.get("properties"));
    for (name, schema) in properties.and_then(Value::as_object).into_iter().flatten() {
        let about = schema.get("description").and_then(Value::as_str);
        offers.push(offer(
            format!("input.{name}"),
            about.unwrap_or("of the input"),
        ));
    }
    let known = graph
        .node(id)
        .map(|node| graph::expression::roots(&graph.definition(), node));
    for (root, about) in [
        ("item", "the item of the map"),
        ("index", "the number of the iteration, from 0"),
        ("previous", "the result of the round before"),
    ] {
        if known.as_ref().is_some_and(|known| known.contains(&root)) {
            offers.push(offer(root.into(), about));
        }
    }
    let before = graph.upstream(id);
    let mut nodes: Vec<_> = graph
        .nodes
        .iter()
        .filter(|node| before.contains(node.id.as_str()))
        .collect();
    nodes.reverse();
    for node in nodes {
        let root = if node.id.contains('-') {
            format!("nodes['{}'].output", node.id)
        } else {
            format!("nodes.{}.output", node.id)
        };
        let parts: &[&str] = match node.kind.as_str() {
            "http" => &["status", "headers", "body"],
            "condition" => &["port"],
            "approval" => &["port", "values", "comment", "by"],
            "wait" => &["until"],
            "loop" => &["rounds", "result"],
            "chat_trigger" => &["message", "messages", "attachments", "session_id"],
            _ => &[],
        };
        offers.push(offer(root.clone(), title(node)));
        let parts = parts.iter().map(|part| (*part).to_owned());
        for part in parts.chain(of_schema(node.config.get("output_schema"))) {
            offers.push(offer(format!("{root}.{part}"), title(node)));
        }
    }
    offers.extend(
        variables
            .iter()
            .map(|name| offer(format!("vars.{name}"), "a variable of the organization")),
    );
    offers.push(offer("execution.id".into(), "the id of the execution"));
    offers
}

fn of_schema(schema: Option<&Value>) -> Vec<String> {
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    properties
        .map(|known| known.keys().cloned().collect())
        .unwrap_or_default()
}

/// The word before the cursor that completion would replace: where it begins, and what it is. Only inside `{{ … }}`,
/// unless the whole text is an expression. `cursor` counts UTF-16 units, as the browser does.
pub(crate) fn word(text: &str, cursor: usize, bare: bool) -> Option<(usize, String)> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let before = String::from_utf16(units.get(..cursor)?).ok()?;
    let is_inside = bare
        || before
            .rfind("{{")
            .is_some_and(|open| !before[open..].contains("}}"));
    if !is_inside {
        return None;
    }
    let of_word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '\'' | '[' | ']');
    let word: String = before
        .chars()
        .rev()
        .take_while(of_word)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    Some((cursor - word.len(), word))
}

/// The offers that go on from `word`, at most `limit`; those that begin with it first.
pub(crate) fn matching(offers: &[Offer], word: &str, limit: usize) -> Vec<Offer> {
    let begins = |offer: &&Offer| offer.text.starts_with(word) && offer.text != word;
    let holds = |offer: &&Offer| {
        !word.is_empty() && !offer.text.starts_with(word) && offer.text.contains(word)
    };
    let found = offers
        .iter()
        .filter(begins)
        .chain(offers.iter().filter(holds));
    found.take(limit).cloned().collect()
}

/// The text with the word at `start` replaced by an offer, and where the cursor then stands.
pub(crate) fn accept(text: &str, start: usize, cursor: usize, offer: &str) -> (String, usize) {
    let units: Vec<u16> = text.encode_utf16().collect();
    let part =
        |from: usize, to: usize| String::from_utf16_lossy(units.get(from..to).unwrap_or_default());
    let new = format!("{}{offer}{}", part(0, start), part(cursor, units.len()));
    (new, start + offer.encode_utf16().count())
}

#[cfg(test)]
mod tests {
    use contracts::flow::Definition;

    use super::*;

    #[test]
    fn only_what_lies_before_is_offered() {
        let graph = Graph::new(Definition::example());
        let texts = |id| {
            offers(&graph, id, &["region".into()])
                .into_iter()
                .map(|offer| offer.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            texts("greet"),
            ["input", "nodes.start.output", "vars.region", "execution.id"]
        );
        assert!(texts("end").contains(&"nodes.greet.output".to_owned()));
    }

    #[test]
    fn words_are_completed_inside_braces_only() {
        assert_eq!(word("Hello {{ inp", 12, false), Some((9, "inp".into())));
        assert_eq!(word("Hello {{ a }} inp", 17, false), None);
        assert_eq!(word("inp", 3, true), Some((0, "inp".into())));
        assert_eq!(word("ü {{ n", 6, false), Some((5, "n".into())));
    }

    #[test]
    fn an_accepted_offer_replaces_the_word() {
        assert_eq!(
            accept("a {{ inp }}", 5, 8, "input.name"),
            ("a {{ input.name }}".into(), 15)
        );
    }
}
