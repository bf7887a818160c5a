//! Puts guards around the operators that can make a value longer than its operands: `*`, `~` and `+`.
//!
//! minijinja bounds neither the bytes of `a ~ a ~ …` nor, to any useful size, those of `'x' * n` and `(1,) * n`; its fuel
//! counts steps, not bytes. So each operand next to such an operator is sent through a filter that hands it on unchanged
//! and refuses what must not be there: `a * b` is compiled as `a|__number * b|__number`. Filters bind tighter than every
//! binary operator, hence a guard applies to exactly the operand's last part, and every part is next to some operator.
//! A guard also keeps minijinja from computing constant operands already while it compiles.

use super::tokens::{Kind, Token};

pub(super) const NUMBER: &str = "__number";
pub(super) const TEXT: &str = "__text";
pub(super) const SIZED: &str = "__sized";

/// Words that end an operand, unless they stand in for a name.
const ENDS: [&str; 6] = ["and", "or", "if", "else", "in", "not"];

/// The expression with its guards.
///
/// # Errors
/// Why the expression cannot be guarded: no operand stands where one is needed.
pub(super) fn guarded(expression: &str, tokens: &[Token<'_>]) -> Result<String, String> {
    let mut guards: Vec<(usize, &str)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let guard = match token.text {
            "*" => NUMBER,
            "~" => TEXT,
            "+" => SIZED,
            // Unpacking would hide the operands of a call.
            "**" if !ends_operand(tokens, at) => return Err(no_operand("**")),
            _ => continue,
        };
        if token.kind != Kind::Sign {
            continue;
        }
        let end = end_of_operand(tokens, at + 1);
        if !ends_operand(tokens, at) || end == at + 1 {
            return Err(no_operand(token.text));
        }
        guards.push((tokens[at - 1].end(), guard));
        guards.push((tokens[end - 1].end(), guard));
    }
    guards.sort_by_key(|(position, _)| *position);
    let mut guarded = String::with_capacity(expression.len() + guards.len() * 10);
    let mut from = 0;
    for (position, guard) in guards {
        guarded.push_str(&expression[from..position]);
        guarded.push('|');
        guarded.push_str(guard);
        // The next token may be a word.
        guarded.push(' ');
        from = position;
    }
    guarded.push_str(&expression[from..]);
    Ok(guarded)
}

fn no_operand(sign: &str) -> String {
    format!("`{sign}` needs a value on both sides")
}

/// Whether the token before this one can be the last of an operand.
fn ends_operand(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return false;
    };
    match tokens[before].kind {
        Kind::Number | Kind::Text => true,
        Kind::Name => !is_end(tokens, before) && !tokens[before].is_name("is"),
        Kind::Sign => matches!(tokens[before].text, ")" | "]" | "}"),
    }
}

/// Where the operand that begins here ends: the first token that is not part of it.
fn end_of_operand(tokens: &[Token<'_>], begin: usize) -> usize {
    let mut at = begin;
    while tokens.get(at).is_some_and(|token| token.is_sign("-")) {
        at += 1;
    }
    let mut depth = 0usize;
    while let Some(token) = tokens.get(at) {
        match token.kind {
            Kind::Sign => match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth > 0 => depth -= 1,
                "." | "|" => {}
                _ if depth == 0 => break,
                _ => {}
            },
            Kind::Name if depth == 0 && is_end(tokens, at) => break,
            Kind::Name | Kind::Number | Kind::Text => {}
        }
        at += 1;
    }
    at
}

/// Whether this token is a word that ends an operand, and not the name of a key, filter or test.
fn is_end(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    let is_named = before
        .is_some_and(|before| before.is_sign(".") || before.is_sign("|") || before.is_name("is"));
    ENDS.contains(&tokens[at].text) && !is_named
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::tokens, *};

    #[test]
    fn each_operand_of_a_growing_operator_is_guarded() {
        let check = |expression: &str, expect: Result<&str, &str>| {
            let found = guarded(expression, &tokens(expression).unwrap());
            assert_eq!(
                found.as_deref().map_err(String::as_str),
                expect,
                "{expression}"
            );
        };
        check("a - b / c % d ** e", Ok("a - b / c % d ** e"));
        check("a*b", Ok("a|__number *b|__number "));
        check(
            "a.b[0]|f(1 - 2) ~ - -c['*'] and d",
            Ok("a.b[0]|f(1 - 2)|__text  ~ - -c['*']|__text  and d"),
        );
        check(
            "a ~ b + c",
            Ok("a|__text  ~ b|__text |__sized  + c|__sized "),
        );
        check(
            "(a + b)|g(x ~ y)",
            Ok("(a|__sized  + b|__sized )|g(x|__text  ~ y|__text )"),
        );
        check(
            "1 + x.in|if if y is not in else z",
            Ok("1|__sized  + x.in|if|__sized  if y is not in else z"),
        );
        check("f(*a)", Err("`*` needs a value on both sides"));
        check("f(**a)", Err("`**` needs a value on both sides"));
        check("a ~", Err("`~` needs a value on both sides"));
        check("a * , b", Err("`*` needs a value on both sides"));
        check("+a", Err("`+` needs a value on both sides"));
    }
}
