//! Looking at texts without evaluating them: where expressions begin and end, which nodes they name.

/// A piece of a config string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    Literal(&'a str),
    /// What stands between `{{` and `}}`.
    Expression(&'a str),
}

/// Cuts a text into literal text and expressions. Braces inside an expression's own strings and objects do not end it.
pub(crate) fn segments(text: &str) -> Result<Vec<Segment<'_>>, &'static str> {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        if begin > 0 {
            segments.push(Segment::Literal(&rest[..begin]));
        }
        let after = &rest[begin + 2..];
        let end = end_of_expression(after).ok_or("`{{` without `}}`")?;
        let expression = after[..end].trim();
        if expression.is_empty() {
            return Err("an empty expression");
        }
        segments.push(Segment::Expression(expression));
        rest = &after[end + 2..];
    }
    if !rest.is_empty() {
        segments.push(Segment::Literal(rest));
    }
    Ok(segments)
}

fn end_of_expression(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut position, mut depth) = (0, 0usize);
    while position < bytes.len() {
        match bytes[position] {
            quote @ (b'"' | b'\'') => position = end_of_string(bytes, position, quote)?,
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' if bytes.get(position + 1) == Some(&b'}') => return Some(position),
            _ => {}
        }
        position += 1;
    }
    None
}

/// The position of the closing quote.
fn end_of_string(bytes: &[u8], begin: usize, quote: u8) -> Option<usize> {
    let mut position = begin + 1;
    while position < bytes.len() {
        match bytes[position] {
            b'\\' => position += 1,
            byte if byte == quote => return Some(position),
            _ => {}
        }
        position += 1;
    }
    None
}

/// How an expression names a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// `nodes.a` or `nodes['a']`.
    Node(String),
    /// `nodes[input.x]`, or `nodes` as a whole: which node it is cannot be known before it runs.
    Dynamic,
}

/// The nodes that an expression names.
pub(crate) fn references(expression: &str) -> Vec<Reference> {
    let bytes = expression.as_bytes();
    let mut found = Vec::new();
    let (mut position, mut after_dot) = (0, false);
    while position < bytes.len() {
        match bytes[position] {
            quote @ (b'"' | b'\'') => {
                position = end_of_string(bytes, position, quote).map_or(bytes.len(), |end| end + 1);
                after_dot = false;
            }
            byte if is_name(byte) => {
                let end = end_of_name(bytes, position);
                if &expression[position..end] == "nodes" && !after_dot {
                    found.push(reference(&expression[end..]));
                }
                position = end;
                after_dot = false;
            }
            byte => {
                after_dot = byte == b'.' || (after_dot && byte.is_ascii_whitespace());
                position += 1;
            }
        }
    }
    found
}

/// What follows the word `nodes`.
fn reference(rest: &str) -> Reference {
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix('.') {
        let rest = rest.trim_start();
        let end = end_of_name(rest.as_bytes(), 0);
        return if end == 0 {
            Reference::Dynamic
        } else {
            Reference::Node(rest[..end].to_owned())
        };
    }
    let subscript = rest.strip_prefix('[').map(str::trim_start);
    let constant = subscript.and_then(|rest| {
        let quote = rest
            .bytes()
            .next()
            .filter(|byte| matches!(byte, b'"' | b'\''))?;
        let end = end_of_string(rest.as_bytes(), 0, quote)?;
        rest[end + 1..]
            .trim_start()
            .starts_with(']')
            .then(|| rest[1..end].to_owned())
    });
    constant.map_or(Reference::Dynamic, Reference::Node)
}

/// The names of a plain path such as `input.a.b`; none for anything else.
pub(crate) fn path(expression: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = expression.trim().split('.').collect();
    let plain = |name: &&str| {
        !name.is_empty() && name.bytes().all(is_name) && !name.as_bytes()[0].is_ascii_digit()
    };
    names.iter().all(plain).then_some(names)
}

/// Operators that can make a value longer than its operands.
pub(crate) fn growth(expression: &str) -> usize {
    let bytes = expression.as_bytes();
    let (mut position, mut count) = (0, 0);
    while position < bytes.len() {
        match bytes[position] {
            quote @ (b'"' | b'\'') => {
                position = end_of_string(bytes, position, quote).unwrap_or(bytes.len())
            }
            b'~' | b'+' | b'*' => count += 1,
            _ => {}
        }
        position += 1;
    }
    count
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn end_of_name(bytes: &[u8], begin: usize) -> usize {
    let length = bytes[begin..]
        .iter()
        .take_while(|byte| is_name(**byte))
        .count();
    begin + length
}

#[cfg(test)]
mod tests {
    use super::{Segment::*, *};

    #[test]
    fn texts_are_cut_at_braces() {
        let check = |text, expect: &[Segment<'_>]| {
            assert_eq!(segments(text).as_deref(), Ok(expect), "{text}")
        };
        check("", &[]);
        check(
            "plain {% text %} {# here #}",
            &[Literal("plain {% text %} {# here #}")],
        );
        check("{{ a }}", &[Expression("a")]);
        check(
            "x{{a}}{{ b }}y",
            &[Literal("x"), Expression("a"), Expression("b"), Literal("y")],
        );
        check("{{ '}}' }}", &[Expression("'}}'")]);
        check(r#"{{ "a\"}}" }}"#, &[Expression(r#""a\"}}""#)]);
        check("{{ {'a': {'b': 1}} }}", &[Expression("{'a': {'b': 1}}")]);
        for text in ["{{", "{{ a", "{{ }}", "{{ 'a }}", "{{ {'a': 1 }}"] {
            assert!(segments(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nodes_are_found_where_they_are_named() {
        let node = |id: &str| Reference::Node(id.to_owned());
        let check = |expression, expect: &[Reference]| {
            assert_eq!(references(expression), expect, "{expression}")
        };
        check("nodes.a.output", &[node("a")]);
        check(
            "nodes['my-id'].output ~ nodes . b",
            &[node("my-id"), node("b")],
        );
        check("nodes [ \"x\" ].output", &[node("x")]);
        check("'nodes.a' ~ input.nodes.b ~ mynodes.c", &[]);
        check("nodes[input.x]", &[Reference::Dynamic]);
        check("nodes['a' ~ 'b']", &[Reference::Dynamic]);
        check("nodes|length", &[Reference::Dynamic]);
    }

    #[test]
    fn only_plain_paths_are_paths() {
        assert_eq!(path(" input.a_1.b "), Some(vec!["input", "a_1", "b"]));
        for text in [
            "input.0", "a..b", "a b", "a|length", "a['b']", "", "a.", "1",
        ] {
            assert_eq!(path(text), None, "{text}");
        }
    }
}
