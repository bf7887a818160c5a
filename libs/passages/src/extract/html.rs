//! HTML as the text that a reader sees.
//!
//! Only the tokens of a page are read, no tree is built: the work grows with the size of the page, however it nests.
//!
//! **Invariant:** nothing of scripts, styles and templates is text.

use std::cell::RefCell;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};

use crate::{
    Document, Error, Heading, MAX_TEXT,
    document::{clean, label},
};

pub(super) fn read(html: &str) -> Result<Document, Error> {
    let tokenizer = Tokenizer::new(Page::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(&clean(html)));
    // It stops early only where its sink asks for it, for example to run a script; ours never does.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.writer.into_inner().document()
}

#[derive(Default)]
struct Page {
    writer: RefCell<Writer>,
}

impl TokenSink for Page {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut writer = self.writer.borrow_mut();
        match token {
            Token::CharacterTokens(text) => writer.write(&text),
            Token::TagToken(tag) => match tag.kind {
                TagKind::StartTag => return writer.open(&tag),
                TagKind::EndTag => writer.close(&tag.name),
            },
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// How far an element is set apart from what is around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Space,
    Line,
    Paragraph,
}

#[derive(Default)]
struct Writer {
    text: String,
    title: Option<String>,
    headings: Vec<Heading>,
    /// What stands between the text so far and the next word.
    gap: Gap,
    /// The element whose content is no text, and how often it is open.
    hidden: Option<(String, usize)>,
    in_title: bool,
    /// How often `pre` is open: there white space counts.
    preformatted: usize,
    /// The heading that is being written: its level, and where it begins.
    heading: Option<(u8, Option<usize>)>,
    too_large: bool,
}

impl Writer {
    fn open(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if let Some((hidden, depth)) = &mut self.hidden {
            if hidden == name && !tag.self_closing {
                *depth += 1;
            }
            return raw(name);
        }
        match name {
            "script" | "style" | "template" | "textarea" | "iframe" | "object" | "noembed"
            | "noframes" => self.hide(name),
            // Only drawings and formulas can be empty and close themselves.
            "svg" | "math" if !tag.self_closing => self.hide(name),
            "title" => {
                self.in_title = true;
                self.title = Some(String::new());
            }
            "pre" => self.preformatted += 1,
            _ => {}
        }
        self.part(gap_of(name));
        if let Some(level) = level_of(name) {
            self.end_heading();
            self.heading = Some((level, None));
        }
        raw(name)
    }

    fn hide(&mut self, name: &str) {
        self.hidden = Some((name.to_owned(), 1));
    }

    fn close(&mut self, name: &str) {
        if let Some((hidden, depth)) = &mut self.hidden {
            if hidden == name {
                *depth -= 1;
                if *depth == 0 {
                    self.hidden = None;
                }
            }
            return;
        }
        match name {
            "title" => self.in_title = false,
            "pre" => self.preformatted = self.preformatted.saturating_sub(1),
            _ => {}
        }
        if level_of(name).is_some() {
            self.end_heading();
        }
        self.part(gap_of(name));
    }

    fn part(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    fn write(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        if self.in_title {
            if let Some(title) = self.title.as_mut().filter(|title| title.len() < MAX_TEXT) {
                title.push_str(text);
            }
            return;
        }
        if self.preformatted > 0 {
            self.write_preformatted(text);
            return;
        }
        if text.starts_with(is_blank) {
            self.part(Gap::Space);
        }
        for word in text.split(is_blank).filter(|word| !word.is_empty()) {
            self.put(word);
            self.part(Gap::Space);
        }
        if !text.ends_with(is_blank) && self.gap == Gap::Space {
            self.gap = Gap::None;
        }
    }

    fn write_preformatted(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            let bare = line.trim_end_matches('\n');
            if !bare.is_empty() {
                self.put(bare);
            }
            if line.ends_with('\n') {
                // A second one in a row is an empty line.
                let gap = match self.gap {
                    Gap::Line | Gap::Paragraph => Gap::Paragraph,
                    Gap::None | Gap::Space => Gap::Line,
                };
                self.gap = gap;
            }
        }
    }

    fn put(&mut self, word: &str) {
        let gap = match std::mem::take(&mut self.gap) {
            _ if self.text.is_empty() => "",
            Gap::None => "",
            Gap::Space => " ",
            Gap::Line => "\n",
            Gap::Paragraph => "\n\n",
        };
        if self.text.len() + gap.len() + word.len() > MAX_TEXT {
            self.too_large = true;
            return;
        }
        self.text.push_str(gap);
        if let Some((_, start @ None)) = &mut self.heading {
            *start = Some(self.text.len());
        }
        self.text.push_str(word);
    }

    fn end_heading(&mut self) {
        let Some((level, Some(start))) = self.heading.take() else {
            return;
        };
        let end = self.text.len();
        if let Some(text) = label(&self.text[start..end]) {
            self.headings.push(Heading {
                level,
                text,
                start,
                end,
            });
        }
    }

    fn document(mut self) -> Result<Document, Error> {
        if self.too_large {
            return Err(Error::TextTooLarge);
        }
        self.end_heading();
        let first = self.headings.iter().find(|heading| heading.level == 1);
        let heading = first.map(|heading| heading.text.clone());
        let title = self.title.as_deref().and_then(label);
        Ok(Document {
            title: title.or(heading),
            text: self.text,
            headings: self.headings,
        })
    }
}

/// Elements whose content is not markup (HTML, section 13.2.6.2).
fn raw(name: &str) -> TokenSinkResult<()> {
    match name {
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "style" | "iframe" | "noembed" | "noframes" | "xmp" => {
            TokenSinkResult::RawData(RawKind::Rawtext)
        }
        "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
        _ => TokenSinkResult::Continue,
    }
}

fn gap_of(name: &str) -> Gap {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table" | "pre"
        | "blockquote" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside"
        | "figure" | "form" | "fieldset" | "details" | "hr" | "body" => Gap::Paragraph,
        "br" | "div" | "li" | "tr" | "dt" | "dd" | "caption" | "figcaption" | "summary"
        | "option" | "legend" | "address" => Gap::Line,
        "td" | "th" | "img" | "button" | "input" => Gap::Space,
        _ => Gap::None,
    }
}

fn level_of(name: &str) -> Option<u8> {
    let digit = name.strip_prefix('h')?;
    digit.parse().ok().filter(|level| (1..=6).contains(level))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expect: &str) {
        assert_eq!(read(html).unwrap().text, expect);
    }

    #[test]
    fn a_page_becomes_what_is_read_of_it() {
        let document = read(
            "<!doctype html><html><head><title>Our &amp; shop</title><style>p{color:red}</style>\n\
             <script>if (a < b) document.write('<p>never</p>')</script></head><body>\n\
             <h1>Returns</h1><p>Send it <b>back</b>\n within 14&nbsp;days.</p>\n\
             <ul><li>unused</li><li>with <i>bill</i></li></ul>\n\
             <h2 class=x>How <em>long</em>?</h2>Two weeks.<br>At most.<template>no</template>\n\
             <table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table></body></html>",
        )
        .unwrap();
        assert_eq!(
            document.text,
            "Returns\n\nSend it back within 14\u{a0}days.\n\nunused\nwith bill\n\nHow long?\n\n\
             Two weeks.\nAt most.\n\na b\nc"
        );
        assert_eq!(document.title.as_deref(), Some("Our & shop"));
        let found: Vec<_> = document
            .headings
            .iter()
            .map(|heading| {
                let line = &document.text[heading.start..heading.end];
                (heading.level, heading.text.as_str(), line)
            })
            .collect();
        assert_eq!(
            found,
            [(1, "Returns", "Returns"), (2, "How long?", "How long?")]
        );
    }

    #[test]
    fn what_is_not_read_is_left_out() {
        check("a<!-- b --><svg><text>c</text><svg></svg>d</svg>e", "ae");
        check("<textarea>a</textarea>b<noframes>c</noframes>", "b");
        check("a<script/>b</script>c", "ac");
        check("<p hidden=1 title='a > b'>x</p>", "x");
        check("1 &lt; 2 &copy; &#x20AC; &nosuch;", "1 < 2 © € &nosuch;");
    }

    #[test]
    fn white_space_counts_only_where_it_is_preformatted() {
        check("one\n two<b> three</b>four", "one two threefour");
        check("<pre>  a\n    b\n\nc</pre> d  e", "  a\n    b\n\nc\n\nd e");
        check("<p> a </p> <p> b </p>", "a\n\nb");
    }

    #[test]
    fn broken_and_hostile_pages_are_read_in_time() {
        check("<p>a<p>b</i></i></b></ul>c<", "a\n\nb\n\nc<");
        check("<h1>open", "open");
        check("x</pre></template></h3>y", "x\n\ny");
        let deep = format!("{}x", "<div><p><b>".repeat(300_000));
        check(&deep, "x");
        let scripts = format!("{}y", "<script>x</script>".repeat(100_000));
        check(&scripts, "y");
        let large = "<p>word ".repeat(MAX_TEXT / 5);
        assert_eq!(read(&large), Err(Error::TextTooLarge));
    }

    #[test]
    fn a_page_without_a_title_is_called_by_its_first_heading() {
        assert_eq!(
            read("<h2>b</h2><h1>a</h1>").unwrap().title.as_deref(),
            Some("a")
        );
        assert_eq!(read("<title> </title>x").unwrap().title, None);
    }
}
