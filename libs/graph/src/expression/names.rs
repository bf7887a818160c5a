//! What an expression names: roots, nodes, filters, tests. Read off its tokens, because minijinja's own analysis does not
//! look into the operand of a slice and does not tell filters and tests.

use super::tokens::{Kind, Token};

/// How an expression names a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference<'a> {
    /// `nodes.a` or `nodes['a']`, and what is read of it.
    Node {
        id: &'a str,
        attribute: Option<&'a str>,
    },
    /// `nodes[input.x]`, or `nodes` as a whole: which node it is cannot be known before it runs.
    Dynamic,
}

/// In the order in which they stand there.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    /// `input`, `nodes`, …: names that nothing in the expression gives a value.
    pub(crate) roots: Vec<&'a str>,
    pub(crate) nodes: Vec<Reference<'a>>,
    /// What is read of `vars`; none where that cannot be known before it runs, or is all of it.
    pub(crate) variables: Vec<Option<&'a str>>,
    pub(crate) filters: Vec<&'a str>,
    pub(crate) tests: Vec<&'a str>,
}

const WORDS: [&str; 13] = [
    "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None",
];

/// All names of an expression.
pub(super) fn names<'a>(expression: &'a str, tokens: &[Token<'a>]) -> Names<'a> {
    let mut names = Names::default();
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at];
        at += 1;
        if token.is_sign("|") {
            let end = end_of_dotted(tokens, at);
            names.filters.extend(text(expression, &tokens[at..end]));
            at = end;
        } else if token.is_sign(".") {
            // What follows a dot is a key or an index.
            at += 1;
        } else if token.is_name("is") {
            at += usize::from(tokens.get(at).is_some_and(|next| next.is_name("not")));
            let end = end_of_dotted(tokens, at);
            names.tests.extend(text(expression, &tokens[at..end]));
            at = end;
        } else if token.kind == Kind::Name && !WORDS.contains(&token.text) {
            let is_argument = tokens.get(at).is_some_and(|next| next.is_sign("="));
            if is_argument {
                continue;
            }
            names.roots.push(token.text);
            if token.text == "nodes" {
                names.nodes.push(reference(&tokens[at..]));
            }
            if token.text == "vars" {
                let name = key(&tokens[at..]).map(|(name, _)| name);
                names.variables.push(name);
            }
        }
    }
    names
}

/// Plain paths such as `input.a.b`, also within larger expressions.
pub(super) fn paths<'a>(tokens: &[Token<'a>]) -> Vec<Vec<&'a str>> {
    let mut paths: Vec<Vec<&str>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let follows_dot = at > 0 && tokens[at - 1].is_sign(".");
        match paths.last_mut() {
            Some(path) if token.kind == Kind::Name && follows_dot => path.push(token.text),
            _ if token.kind == Kind::Name => paths.push(vec![token.text]),
            _ => {}
        }
    }
    paths
}

fn end_of_dotted(tokens: &[Token<'_>], begin: usize) -> usize {
    let mut end = begin + 1;
    while tokens.get(end).is_some_and(|token| token.is_sign(".")) {
        end += 2;
    }
    end.min(tokens.len())
}

fn text<'a>(expression: &'a str, tokens: &[Token<'a>]) -> Option<&'a str> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    Some(&expression[first.at..last.end()])
}

/// What follows the word `nodes`.
fn reference<'a>(rest: &[Token<'a>]) -> Reference<'a> {
    let Some((id, length)) = key(rest) else {
        return Reference::Dynamic;
    };
    let attribute = key(&rest[length..]).map(|(attribute, _)| attribute);
    Reference::Node { id, attribute }
}

/// The constant key of `.key` or `['key']`, and how many tokens it takes.
fn key<'a>(tokens: &[Token<'a>]) -> Option<(&'a str, usize)> {
    let (first, second) = (tokens.first()?, tokens.get(1)?);
    if first.is_sign(".") && second.kind == Kind::Name {
        return Some((second.text, 2));
    }
    let text = &second.text.get(1..second.text.len() - 1)?;
    let is_constant = first.is_sign("[") && second.kind == Kind::Text && !text.contains('\\');
    (is_constant && tokens.get(2)?.is_sign("]")).then_some((text, 3))
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::tokens, *};

    fn of(expression: &str) -> Names<'_> {
        names(expression, &tokens(expression).unwrap())
    }

    #[test]
    fn variables_are_found_where_they_are_named() {
        let check = |expression: &str, expect: &[Option<&str>]| {
            assert_eq!(of(expression).variables, expect, "{expression}")
        };
        check("vars.a ~ vars['b c'].d", &[Some("a"), Some("b c")]);
        check("input.vars.a ~ 'vars.b'", &[]);
        for all in ["vars", "vars[input.x]", "(vars).a", "vars|length"] {
            check(all, &[None]);
        }
    }

    #[test]
    fn nodes_are_found_where_they_are_named() {
        let node = |id: &'static str, attribute| Reference::Node { id, attribute };
        let check = |expression: &str, expect: &[Reference<'_>]| {
            assert_eq!(of(expression).nodes, expect, "{expression}")
        };
        check("nodes.a.output", &[node("a", Some("output"))]);
        check(
            "nodes['my-id']['output'] ~ nodes . b",
            &[node("my-id", Some("output")), node("b", None)],
        );
        check("nodes [ \"x\" ].text", &[node("x", Some("text"))]);
        check("nodes.a.output[1:2]", &[node("a", Some("output"))]);
        check("nodes.a[input.x]", &[node("a", None)]);
        check("'nodes.a' ~ input.nodes.b ~ mynodes.c|nodes", &[]);
        for dynamic in [
            "nodes[input.x]",
            "nodes['a' ~ 'b']",
            "nodes['a' 'b']",
            "nodes['a':]",
            "nodes['\\x61']",
            "nodes|length",
            "nodes.0",
            "nodes",
            "(nodes)['a']",
        ] {
            check(dynamic, &[Reference::Dynamic]);
        }
    }

    #[test]
    fn roots_filters_and_tests_are_told_apart() {
        let names = of("a.b|f(c, key=d)|g.h is not x and [e][i:] is in f if not true else none");
        assert_eq!(names.roots, ["a", "c", "d", "e", "i", "f"]);
        assert_eq!(names.filters, ["f", "g.h"]);
        assert_eq!(names.tests, ["x", "in"]);
    }

    #[test]
    fn paths_within_expressions_are_found() {
        let tokens = tokens("input.a + f(vars.b.c)[0].d").unwrap();
        let found = paths(&tokens);
        assert!(found.contains(&vec!["input", "a"]) && found.contains(&vec!["f"]));
    }
}
