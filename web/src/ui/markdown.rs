//! Markdown as a tree of what a message or a note may contain, to be drawn as elements.
//!
//! **Invariant:** the tree has no raw HTML, no picture, and no address but `http`, `https` and `mailto`; it is
//! at most [`DEPTH`] deep.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag};

/// What is nested deeper stands flat in the deepest.
const DEPTH: usize = 24;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    Code(String),
    Break,
    Rule,
    Checkbox(bool),
    CodeBlock {
        language: String,
        text: String,
    },
    Link {
        to: String,
        children: Vec<Node>,
    },
    List {
        start: Option<u64>,
        items: Vec<Node>,
    },
    Inside {
        tag: Kind,
        children: Vec<Node>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Paragraph,
    Heading(u8),
    Quote,
    Item,
    Emphasis,
    Strong,
    Deleted,
    Table,
    Head,
    Row,
    HeadCell,
    Cell,
    /// Nothing of its own: only its children are shown.
    Plain,
}

pub(super) fn parse(text: &str) -> Vec<Node> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut builder = Builder::default();
    for event in Parser::new_ext(text, options) {
        builder.take(event);
    }
    builder.finish()
}

/// The address as it may be linked to.
fn allowed(address: &str) -> Option<String> {
    let address = address.trim();
    if address
        .chars()
        .any(|letter| letter.is_control() || letter.is_whitespace())
    {
        return None;
    }
    let (scheme, rest) = address.split_once(':')?;
    let good = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.starts_with("//") && rest.len() > 2,
        "mailto" => !rest.is_empty(),
        _ => false,
    };
    good.then(|| address.to_owned())
}

/// What an open element will be.
enum Open {
    Inside(Kind),
    Link(String),
    List(Option<u64>),
    Code(String),
    /// Nested too deeply, or nothing to show: its children go to its parent.
    Flat,
    /// Raw HTML: its children go nowhere.
    Dropped,
}

#[derive(Default)]
struct Builder {
    open: Vec<(Open, Vec<Node>)>,
    depth: usize,
    roots: Vec<Node>,
    in_head: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.push(Node::Code(text.into_string())),
            Event::SoftBreak => self.text("\n"),
            Event::HardBreak => self.push(Node::Break),
            Event::Rule => self.push(Node::Rule),
            Event::TaskListMarker(done) => self.push(Node::Checkbox(done)),
            Event::Html(_) | Event::InlineHtml(_) => {}
            // Their extensions are off.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text);
            }
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        if matches!(tag, Tag::TableHead) {
            self.in_head = true;
        }
        let open = match self.depth < DEPTH {
            true => self.opened(tag),
            false if matches!(tag, Tag::HtmlBlock) => Open::Dropped,
            false => Open::Flat,
        };
        self.depth += usize::from(!matches!(open, Open::Flat));
        self.open.push((open, Vec::new()));
    }

    fn opened(&self, tag: &Tag<'_>) -> Open {
        let kind = match tag {
            Tag::Paragraph => Kind::Paragraph,
            Tag::Heading { level, .. } => Kind::Heading(depth_of(*level)),
            Tag::BlockQuote(_) => Kind::Quote,
            Tag::Item => Kind::Item,
            Tag::Emphasis => Kind::Emphasis,
            Tag::Strong => Kind::Strong,
            Tag::Strikethrough => Kind::Deleted,
            Tag::Table(_) => Kind::Table,
            Tag::TableHead => Kind::Head,
            Tag::TableRow => Kind::Row,
            Tag::TableCell if self.in_head => Kind::HeadCell,
            Tag::TableCell => Kind::Cell,
            Tag::CodeBlock(CodeBlockKind::Fenced(language)) => {
                return Open::Code(language.split_whitespace().next().unwrap_or("").to_owned());
            }
            Tag::CodeBlock(CodeBlockKind::Indented) => return Open::Code(String::new()),
            Tag::List(start) => return Open::List(*start),
            // A picture would tell its server who reads this: it is offered as a link.
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                return allowed(dest_url).map_or(Open::Flat, Open::Link);
            }
            Tag::HtmlBlock | Tag::MetadataBlock(_) => return Open::Dropped,
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => Kind::Plain,
        };
        Open::Inside(kind)
    }

    fn end(&mut self) {
        let Some((open, children)) = self.open.pop() else {
            return;
        };
        self.depth -= usize::from(!matches!(open, Open::Flat));
        match open {
            Open::Inside(tag) => {
                if tag == Kind::Head {
                    self.in_head = false;
                }
                self.push(Node::Inside { tag, children });
            }
            Open::Link(to) if self.is_in_link() => {
                // Links do not nest in a page.
                drop(to);
                self.extend(children);
            }
            Open::Link(to) => self.push(Node::Link { to, children }),
            Open::List(start) => self.push(Node::List {
                start,
                items: children,
            }),
            Open::Code(language) => self.push(Node::CodeBlock {
                language,
                text: plain(&children),
            }),
            Open::Flat => self.extend(children),
            Open::Dropped => {}
        }
    }

    fn is_in_link(&self) -> bool {
        self.open
            .iter()
            .any(|(open, _)| matches!(open, Open::Link(_)))
    }

    fn place(&mut self) -> &mut Vec<Node> {
        match self.open.last_mut() {
            Some((_, children)) => children,
            None => &mut self.roots,
        }
    }

    fn push(&mut self, node: Node) {
        self.place().push(node);
    }

    fn extend(&mut self, nodes: Vec<Node>) {
        self.place().extend(nodes);
    }

    /// Texts that follow each other are one.
    fn text(&mut self, text: &str) {
        match self.place().last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => self.push(Node::Text(text.to_owned())),
        }
    }

    fn finish(mut self) -> Vec<Node> {
        while !self.open.is_empty() {
            self.end();
        }
        self.roots
    }
}

const fn depth_of(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// The words alone.
pub(super) fn plain(nodes: &[Node]) -> String {
    nodes.iter().fold(String::new(), |mut text, node| {
        match node {
            Node::Text(piece) | Node::Code(piece) | Node::CodeBlock { text: piece, .. } => {
                text.push_str(piece);
            }
            Node::Break | Node::Rule => text.push('\n'),
            Node::Checkbox(_) => {}
            Node::Link { children, .. }
            | Node::List {
                items: children, ..
            } => {
                text.push_str(&plain(children));
            }
            Node::Inside { tag, children } => {
                text.push_str(&plain(children));
                if !matches!(tag, Kind::Emphasis | Kind::Strong | Kind::Deleted) {
                    text.push(' ');
                }
            }
        }
        text
    })
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
