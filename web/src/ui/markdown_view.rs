//! Draws a tree of Markdown as elements. Blocks that did not change are not drawn again.

use dioxus::prelude::*;

use super::{
    code::CodeBlock,
    markdown::{Kind, Node, parse},
};

#[component]
pub(crate) fn Markdown(text: String) -> Element {
    rsx! {
        div { class: "prose",
            for (at , node) in parse(&text).into_iter().enumerate() {
                Block { key: "{at}", node }
            }
        }
    }
}

#[component]
fn Block(node: Node) -> Element {
    draw(&node)
}

fn all(nodes: &[Node]) -> Element {
    rsx! {
        for node in nodes {
            {draw(node)}
        }
    }
}

fn draw(node: &Node) -> Element {
    match node {
        Node::Text(text) => rsx! { "{text}" },
        Node::Code(text) => rsx! { code { "{text}" } },
        Node::Break => rsx! { br {} },
        Node::Rule => rsx! { hr {} },
        Node::Checkbox(true) => rsx! { span { "aria-label": "done", role: "img", "☑ " } },
        Node::Checkbox(false) => rsx! { span { "aria-label": "open", role: "img", "☐ " } },
        Node::CodeBlock { language, text } => {
            let label = if language.is_empty() {
                "Code".to_owned()
            } else {
                format!("Code, {language}")
            };
            rsx! { CodeBlock { text: text.trim_end_matches('\n').to_owned(), label } }
        }
        Node::Link { to, children } => rsx! {
            a { href: "{to}", target: "_blank", rel: "noopener noreferrer nofollow", {all(children)} }
        },
        Node::List { start: None, items } => rsx! { ul { {all(items)} } },
        Node::List {
            start: Some(start),
            items,
        } => {
            let start = start.to_string();
            rsx! { ol { start, {all(items)} } }
        }
        Node::Inside { tag, children } => inside(*tag, all(children)),
    }
}

fn inside(tag: Kind, children: Element) -> Element {
    match tag {
        Kind::Paragraph => rsx! { p { {children} } },
        // The page's own headings come first: those of a message begin below them.
        Kind::Heading(1 | 2) => rsx! { h2 { {children} } },
        Kind::Heading(3) => rsx! { h3 { {children} } },
        Kind::Heading(_) => rsx! { h4 { {children} } },
        Kind::Quote => rsx! { blockquote { {children} } },
        Kind::Item => rsx! { li { {children} } },
        Kind::Emphasis => rsx! { em { {children} } },
        Kind::Strong => rsx! { strong { {children} } },
        Kind::Deleted => rsx! { del { {children} } },
        Kind::Table => rsx! {
            div { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table", table { class: "table", {children} } }
        },
        Kind::Head => rsx! { tr { {children} } },
        Kind::Row => rsx! { tr { {children} } },
        Kind::HeadCell => rsx! { th { scope: "col", {children} } },
        Kind::Cell => rsx! { td { {children} } },
        Kind::Plain => children,
    }
}
