//! Texts cut into passages: at headings, and within them where the text itself pauses.
//!
//! **Invariant:** every word of the text is in a passage, no passage is larger than its target, and each begins behind
//! the one before.

use crate::Document;

/// What a token counts. Four letters of English are one token, and a sign of Chinese is one.
const TOKEN: usize = 4;
const TARGETS: std::ops::RangeInclusive<usize> = 20..=8_000;
/// A passage overlaps the one before by this part of its size at most.
const MOST_OVERLAP: usize = 4;

/// How large passages become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkOptions {
    /// Tokens of a passage at most, about; 20 to 8,000 are used.
    pub target_tokens: usize,
    /// Tokens at the end of a passage that the next one begins with; a quarter of the target is used at most.
    pub overlap_tokens: usize,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self {
            target_tokens: 300,
            overlap_tokens: 30,
        }
    }
}

/// A piece of a document, `text[start..end]` of it, without white space around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The place among the passages, from 0.
    pub index: usize,
    pub text: String,
    /// The heading it stands under.
    pub heading: Option<String>,
    /// In bytes.
    pub start: usize,
    pub end: usize,
}

/// The passages of a document, in its order; the same document gives the same passages.
pub fn chunk(document: &Document, options: ChunkOptions) -> Vec<Passage> {
    let most = TOKEN
        * options
            .target_tokens
            .clamp(*TARGETS.start(), *TARGETS.end());
    let overlap =
        (TOKEN * options.overlap_tokens.min(options.target_tokens)).min(most / MOST_OVERLAP);
    let mut passages = Vec::new();
    for section in sections(document) {
        let (mut start, end) = (section.start, section.end);
        while start < end {
            let cut = cut(&document.text, start, end, most);
            push(&mut passages, document, &section, (start, cut));
            start = match cut < end {
                true => step_back(&document.text, start, cut, overlap),
                false => end,
            };
        }
    }
    passages
}

/// What stands under one heading, with it.
struct Section<'a> {
    heading: Option<&'a str>,
    start: usize,
    end: usize,
}

fn sections(document: &Document) -> Vec<Section<'_>> {
    let text = &document.text;
    let mut sections = vec![Section {
        heading: None,
        start: 0,
        end: text.len(),
    }];
    let mut body = 0;
    for heading in &document.headings {
        let last = sections.last_mut().expect("there is a first section");
        let is_empty = text[body..heading.start].trim().is_empty();
        // A heading right below another one is of the same passage.
        if is_empty {
            last.heading = Some(&heading.text);
        } else {
            last.end = heading.start;
            sections.push(Section {
                heading: Some(&heading.text),
                start: heading.start,
                end: text.len(),
            });
        }
        body = heading.end;
    }
    sections
}

fn push(
    passages: &mut Vec<Passage>,
    document: &Document,
    section: &Section<'_>,
    (start, end): (usize, usize),
) {
    let piece = &document.text[start..end];
    let text = piece.trim();
    let start = start + (piece.len() - piece.trim_start().len());
    let end = start + text.len();
    // Behind the last passage there may be white space alone.
    let has_news = passages.last().is_none_or(|last| last.end < end);
    if !text.is_empty() && has_news {
        passages.push(Passage {
            index: passages.len(),
            text: text.to_owned(),
            heading: section.heading.map(str::to_owned),
            start,
            end,
        });
    }
}

/// Where the passage that begins at `start` ends.
fn cut(text: &str, start: usize, end: usize, most: usize) -> usize {
    let (mut size, mut half) = (0, start);
    let mut limit = end;
    for (at, c) in text[start..end].char_indices() {
        if size <= most / 2 {
            half = start + at;
        }
        size += weight(c);
        if size > most {
            limit = start + at;
            break;
        }
    }
    if limit == end {
        return end;
    }
    // In the second half, the best place is taken, of the best the last.
    let tail = &text[half..limit];
    let pauses = [
        pause_after(tail, "\n\n"),
        pause_after(tail, "\n"),
        sentence_end(tail),
        word_end(tail),
    ];
    let best = pauses.into_iter().flatten().next();
    best.map_or(limit, |at| half + at)
}

fn pause_after(tail: &str, sign: &str) -> Option<usize> {
    tail.rfind(sign).map(|at| at + sign.len())
}

/// Behind the last sign that ends a sentence. Signs of Chinese and Japanese need no space behind them.
fn sentence_end(tail: &str) -> Option<usize> {
    let mut next = None;
    for (at, c) in tail.char_indices().rev() {
        let ends = match c {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' | ';' => next.is_some_and(char::is_whitespace),
            _ => false,
        };
        if ends {
            return Some(at + c.len_utf8());
        }
        next = Some(c);
    }
    None
}

fn word_end(tail: &str) -> Option<usize> {
    let (at, space) = tail.char_indices().rev().find(|(_, c)| c.is_whitespace())?;
    Some(at + space.len_utf8())
}

/// Where the passage behind a cut begins: a little before it, at a word.
fn step_back(text: &str, start: usize, cut: usize, overlap: usize) -> usize {
    let mut size = 0;
    let mut from = cut;
    for (at, c) in text[start..cut].char_indices().rev() {
        size += weight(c);
        if size > overlap || at == 0 {
            break;
        }
        from = start + at;
    }
    // At the begin of a sentence, else of a word; a word is not cut for the sake of an overlap.
    let back = &text[from..cut];
    let at = back.find(". ").map(|at| at + 2).or_else(|| {
        let (at, space) = back.char_indices().find(|(_, c)| c.is_whitespace())?;
        Some(at + space.len_utf8())
    });
    at.map_or(cut, |at| from + at)
}

fn weight(c: char) -> usize {
    match c {
        '\0'..='\u{7f}' => 1,
        '\u{80}'..='\u{2e7f}' => 2,
        _ => TOKEN,
    }
}

#[cfg(test)]
mod tests;
