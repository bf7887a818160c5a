//! What the tree says of good Markdown, and of the worst.

use super::*;

fn text(text: &str) -> Node {
    Node::Text(text.into())
}

fn inside(tag: Kind, children: Vec<Node>) -> Node {
    Node::Inside { tag, children }
}

#[test]
fn common_marks_become_nodes() {
    let tree =
        parse("# A *b*\n\n1. `x`\n2. [y](https://example.org/a?b=1)\n\n```rust\nfn a() {}\n```");
    let link = Node::Link {
        to: "https://example.org/a?b=1".into(),
        children: vec![text("y")],
    };
    let expected = vec![
        inside(
            Kind::Heading(1),
            vec![text("A "), inside(Kind::Emphasis, vec![text("b")])],
        ),
        Node::List {
            start: Some(1),
            items: vec![
                inside(Kind::Item, vec![Node::Code("x".into())]),
                inside(Kind::Item, vec![link]),
            ],
        },
        Node::CodeBlock {
            language: "rust".into(),
            text: "fn a() {}\n".into(),
        },
    ];
    assert_eq!(tree, expected);
}

#[test]
fn tables_have_heads() {
    let tree = parse("| a | b |\n|---|---|\n| 1 | 2 |");
    let row = |cell, words: [&str; 2]| words.map(|word| inside(cell, vec![text(word)])).to_vec();
    let expected = inside(
        Kind::Table,
        vec![
            inside(Kind::Head, row(Kind::HeadCell, ["a", "b"])),
            inside(Kind::Row, row(Kind::Cell, ["1", "2"])),
        ],
    );
    assert_eq!(tree, [expected]);
}

#[test]
fn pictures_are_links_and_html_is_nothing() {
    let tree = parse("![alt](https://example.org/p.png) <b>bold</b>\n\n<script>alert(1)</script>");
    let link = Node::Link {
        to: "https://example.org/p.png".into(),
        children: vec![text("alt")],
    };
    assert_eq!(tree, [inside(Kind::Paragraph, vec![link, text(" bold")])]);
}

#[test]
fn half_a_text_is_a_tree_too() {
    let whole = "**bold** `code` [a](https://b.c)\n\n```js\nlet a = 1;\n```\n\n| a |\n|---|\n| é |\n\n- [x] ✓";
    for (at, _) in whole.char_indices() {
        check(&parse(&whole[..at]), 0);
    }
}

#[test]
fn deep_nesting_is_flattened() {
    for piece in ["> ", "- ", "[", "*a ", "![", "<b>", "1. "] {
        check(&parse(&piece.repeat(3_000)), 0);
    }
}

/// The deepest that a tree may be, and addresses of three kinds only.
fn check(nodes: &[Node], depth: usize) {
    assert!(depth <= DEPTH + 1, "too deep");
    for node in nodes {
        match node {
            Node::Link { to, children } => {
                let lower = to.to_ascii_lowercase();
                let good = ["http://", "https://", "mailto:"];
                assert!(good.iter().any(|good| lower.starts_with(good)), "{to}");
                assert!(!to.chars().any(|c| c.is_control() || c.is_whitespace()));
                check(children, depth + 1);
            }
            Node::List { items, .. } => check(items, depth + 1),
            Node::Inside { children, .. } => check(children, depth + 1),
            Node::Text(_) | Node::Code(_) | Node::CodeBlock { .. } => {}
            Node::Break | Node::Rule | Node::Checkbox(_) => {}
        }
    }
}

const ADDRESSES: [&str; 25] = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "java&#10;script:alert(1)",
    "javascript&colon;alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A&#x61vascript:alert(1)",
    "\u{1}javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg/onload=alert(1)>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https://a/b",
    "about:blank",
    "//evil.example",
    "/login?next=//evil.example",
    "\\\\evil",
    "http:javascript:alert(1)",
    "https:/a",
    "mailto:",
    "view-source:https://a",
    "feed:javascript:alert(1)",
    "ws://a",
];

const MARKUP: [&str; 30] = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button>x",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<style>@import '//evil'</style>",
    "<link rel=stylesheet href=//evil>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href=//evil>",
    "<template><script>alert(1)</script></template>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><script>alert(1)</script>",
    "<!DOCTYPE html><script>alert(1)</script>",
    "<x onclick=alert(1)>x</x>",
    "<<script>alert(1)//<</script>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x",
];

#[test]
fn no_address_of_a_bad_kind_becomes_a_link() {
    for address in ADDRESSES {
        let forms = [
            format!("[x]({address})"),
            format!("[x](<{address}>)"),
            format!("![x]({address})"),
            format!("<{address}>"),
            format!("[x]\n\n[x]: {address}"),
            format!("[![x]({address})]({address})"),
            format!("| [x]({address}) |\n|---|\n| ![x]({address}) |"),
        ];
        for form in forms {
            let tree = parse(&form);
            assert!(!has_link(&tree), "{form}");
            check(&tree, 0);
        }
    }
}

#[test]
fn no_markup_becomes_more_than_text() {
    for markup in MARKUP {
        let forms = [
            markup.to_owned(),
            format!("a {markup} b"),
            format!("- {markup}"),
            format!("[{markup}](https://good.example)"),
            format!("```\n{markup}\n```"),
        ];
        for form in forms {
            check(&parse(&form), 0);
        }
        assert!(!has_link(&parse(markup)), "{markup}");
    }
}

fn has_link(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Link { .. } => true,
        Node::List {
            items: children, ..
        }
        | Node::Inside { children, .. } => has_link(children),
        _ => false,
    })
}
