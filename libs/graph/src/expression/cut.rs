//! Cuts a config string into literal text and expressions, without evaluating anything.

/// A piece of a config string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    Literal(&'a str),
    /// What stands between `{{` and `}}`.
    Expression(&'a str),
}

impl<'a> Segment<'a> {
    pub(crate) fn expression(self) -> Option<&'a str> {
        match self {
            Self::Expression(expression) => Some(expression),
            Self::Literal(_) => None,
        }
    }
}

/// Cuts a text into literal text and expressions. Braces inside an expression's own strings and objects do not end it.
///
/// # Errors
/// Why the text cannot be cut. Statements are refused, so that nobody takes a loop that does nothing for one that works.
pub(crate) fn segments(text: &str) -> Result<Vec<Segment<'_>>, &'static str> {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        literal(&rest[..begin], &mut segments)?;
        let after = &rest[begin + 2..];
        let end = end_of_expression(after).ok_or("`{{` without `}}`")?;
        let expression = after[..end].trim();
        if expression.is_empty() {
            return Err("an empty expression");
        }
        segments.push(Segment::Expression(expression));
        rest = &after[end + 2..];
    }
    literal(rest, &mut segments)?;
    Ok(segments)
}

/// The expression of a text that is exactly one.
pub(crate) fn single(text: &str) -> Option<&str> {
    match segments(text).as_deref() {
        Ok([Segment::Expression(expression)]) => Some(expression),
        _ => None,
    }
}

fn literal<'a>(text: &'a str, segments: &mut Vec<Segment<'a>>) -> Result<(), &'static str> {
    if text.contains("{%") {
        return Err("there are no `{%` statements, only `{{ expressions }}`");
    }
    if !text.is_empty() {
        segments.push(Segment::Literal(text));
    }
    Ok(())
}

fn end_of_expression(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut position, mut depth) = (0, 0usize);
    while position < bytes.len() {
        match bytes[position] {
            b'"' | b'\'' => position = end_of_string(bytes, position)?,
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' if bytes.get(position + 1) == Some(&b'}') => return Some(position),
            _ => {}
        }
        position += 1;
    }
    None
}

/// The position of the quote that closes the string beginning here.
pub(super) fn end_of_string(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut position = begin + 1;
    while position < bytes.len() {
        match bytes[position] {
            b'\\' => position += 1,
            byte if byte == bytes[begin] => return Some(position),
            _ => {}
        }
        position += 1;
    }
    None
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
        check("plain {# text #}", &[Literal("plain {# text #}")]);
        check("{{ a }}", &[Expression("a")]);
        check(
            "x{{a}}{{ b }}y",
            &[Literal("x"), Expression("a"), Expression("b"), Literal("y")],
        );
        check("{{ '}}' }}", &[Expression("'}}'")]);
        check("{{ '{%' }}", &[Expression("'{%'")]);
        check(r#"{{ "a\"}}" }}"#, &[Expression(r#""a\"}}""#)]);
        check("{{ {'a': {'b': 1}}}}", &[Expression("{'a': {'b': 1}}")]);
        for text in [
            "{{",
            "{{ a",
            "{{ }}",
            "{{ 'a }}",
            "{{ {'a': 1 }}",
            "{% set a = 1 %}",
            "{{ a }} {% x",
        ] {
            assert!(segments(text).is_err(), "{text}");
        }
    }
}
