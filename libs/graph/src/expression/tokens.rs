//! Words, numbers, strings and signs of an expression, as minijinja's lexer cuts them.
//!
//! **Invariant:** no more than [`MAX_TOKENS`] of them, nested no deeper than [`MAX_NESTING`], go any further: minijinja's
//! parser and compiler recurse over chains such as `a.a.a` or `- - - a` without a bound and over brackets with a generous
//! one, and a stack that overflows ends the process.

use super::cut::end_of_string;

/// Words and signs of one expression.
const MAX_TOKENS: usize = 500;
/// Brackets within brackets.
const MAX_NESTING: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    /// With its quotes.
    Text,
    Sign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Where it begins in the expression.
    pub(super) at: usize,
}

impl Token<'_> {
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        self.kind == Kind::Name && self.text == name
    }

    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

const LONG_SIGNS: [&str; 6] = ["//", "**", "==", "!=", ">=", "<="];
const SIGNS: &str = "+-*/%~.,:|()[]{}<>=";

/// # Errors
/// Why this is no expression.
pub(super) fn tokens(expression: &str) -> Result<Vec<Token<'_>>, String> {
    let bytes = expression.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut nesting) = (0, 0usize);
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (kind, end) = next(expression, at)?;
        tokens.push(Token {
            kind,
            text: &expression[at..end],
            at,
        });
        match bytes[at] {
            b'(' | b'[' | b'{' => nesting += 1,
            b')' | b']' | b'}' => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if nesting > MAX_NESTING {
            return Err(format!("nests brackets deeper than {MAX_NESTING}"));
        }
        if tokens.len() > MAX_TOKENS {
            return Err(format!("has more than {MAX_TOKENS} words and signs"));
        }
        at = end;
    }
    Ok(tokens)
}

fn next(expression: &str, at: usize) -> Result<(Kind, usize), String> {
    let bytes = expression.as_bytes();
    let rest = &expression[at..];
    match bytes[at] {
        b'"' | b'\'' => match end_of_string(bytes, at) {
            Some(end) => Ok((Kind::Text, end + 1)),
            None => Err("a string does not end".to_owned()),
        },
        byte if byte.is_ascii_digit() => {
            let after_dot = at > 0 && bytes[at - 1] == b'.';
            Ok((Kind::Number, at + number(rest.as_bytes(), after_dot)))
        }
        byte if is_name(byte) => {
            let length = rest.bytes().take_while(|byte| is_name(*byte)).count();
            Ok((Kind::Name, at + length))
        }
        _ if LONG_SIGNS.iter().any(|sign| rest.starts_with(sign)) => Ok((Kind::Sign, at + 2)),
        byte if SIGNS.as_bytes().contains(&byte) => Ok((Kind::Sign, at + 1)),
        _ => {
            let unknown = rest.chars().next().unwrap_or_default();
            Err(format!("unexpected character `{unknown}`"))
        }
    }
}

/// The length of the number: digits with `_`, a fraction, an exponent, or a prefix for another base.
fn number(bytes: &[u8], after_dot: bool) -> usize {
    let digits = |from: usize| {
        let rest = bytes[from..].iter();
        rest.take_while(|byte| byte.is_ascii_digit() || **byte == b'_')
            .count()
    };
    if matches!(
        bytes.get(..2),
        Some(b"0b" | b"0B" | b"0o" | b"0O" | b"0x" | b"0X")
    ) {
        let rest = bytes[2..].iter();
        return 2 + rest
            .take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'_')
            .count();
    }
    let mut end = digits(0);
    let next = |end: usize, offset: usize| bytes.get(end + offset).copied().unwrap_or_default();
    let is_exponent = |end: usize| {
        matches!(next(end, 0), b'e' | b'E')
            && matches!(next(end, 1), b'+' | b'-' | b'0'..=b'9' | b'_')
    };
    // `1.0` is a number, `1.a` an attribute, and after a dot `a.1.0` are two indexes.
    let begins_name = is_name(next(end, 1)) && !next(end, 1).is_ascii_digit();
    if next(end, 0) == b'.' && !after_dot && (!begins_name || is_exponent(end + 1)) {
        end += 1 + digits(end + 1);
    }
    if is_exponent(end) {
        end += 2 + digits(end + 2);
    }
    end
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The names of a plain path such as `input.a.b`; none for anything else.
pub(super) fn path(expression: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = expression.trim().split('.').collect();
    let plain = |name: &&str| {
        !name.is_empty() && name.bytes().all(is_name) && !name.as_bytes()[0].is_ascii_digit()
    };
    names.iter().all(plain).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_cut_into_words_and_signs() {
        let check = |expression, expect: &str| {
            let tokens = tokens(expression).unwrap();
            let found: Vec<_> = tokens.iter().map(|token| token.text).collect();
            assert_eq!(found.join(" "), expect, "{expression}");
        };
        check("a.b['c d'] |f", "a . b [ 'c d' ] | f");
        check("1+1.5e+3*2e-1-.5", "1 + 1.5e+3 * 2e-1 - . 5");
        check("a.1.0 ~ 1.x", "a . 1 . 0 ~ 1 . x");
        check("0x1F//2**3>=1_000", "0x1F // 2 ** 3 >= 1_000");
        check("\"a\\\"b\"==c", "\"a\\\"b\" == c");
        for bad in ["a $ b", "'open", "ä", "a;b", "!"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
        assert!(tokens(&"-".repeat(MAX_TOKENS)).is_ok());
        assert!(tokens(&"-".repeat(MAX_TOKENS + 1)).is_err());
        assert!(tokens(&"[]{".repeat(MAX_NESTING)).is_ok());
        assert!(tokens(&"([)".repeat(MAX_NESTING + 1)).is_err());
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
