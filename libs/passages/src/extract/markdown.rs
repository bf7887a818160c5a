//! Markdown stays as it is written, which people and models read alike; its headings are found.

use crate::{Document, Heading, document::label};

pub(super) fn read(text: String) -> Document {
    let headings = headings(&text);
    let first = headings.iter().find(|heading| heading.level == 1);
    let title = first
        .or(headings.first())
        .map(|heading| heading.text.clone());
    Document {
        title,
        text,
        headings,
    }
}

/// Headings that begin with `#`, outside of blocks of code.
fn headings(text: &str) -> Vec<Heading> {
    let (mut headings, mut fence, mut start) = (Vec::new(), None::<&str>, 0);
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        match (fence, fence_of(bare)) {
            (None, Some(mark)) => fence = Some(mark),
            // Only the same sign ends a block, at least as often, and nothing behind it.
            (Some(open), Some(mark)) if mark.starts_with(open) && bare == mark => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                if let Some((level, text)) = heading(line) {
                    headings.push(Heading {
                        level,
                        text,
                        start,
                        end: start + line.trim_end().len(),
                    });
                }
            }
        }
        start += line.len();
    }
    headings
}

/// The signs that begin or end a block of code.
fn fence_of(bare: &str) -> Option<&str> {
    let sign = bare.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = bare.len() - bare.trim_start_matches(sign).len();
    (length >= 3).then(|| &bare[..length])
}

fn heading(line: &str) -> Option<(u8, String)> {
    // Four spaces make it code.
    let indent = line.len() - line.trim_start_matches(' ').len();
    let after = line.trim_start_matches(' ').trim_end();
    let text = after.trim_start_matches('#');
    let level = u8::try_from(after.len() - text.len()).ok()?;
    let is_heading = indent < 4 && (1..=6).contains(&level) && text.starts_with([' ', '\t']);
    if !is_heading {
        return None;
    }
    let text = text.trim();
    // Signs may also close it, if a space parts them from the text.
    let open = text.trim_end_matches('#');
    let text = if open.ends_with(' ') { open } else { text };
    Some((level, label(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_found_outside_of_code() {
        let text = "intro\n## Two ##\nbody\n```sh\n# no heading\n~~~\n```\n# C#\n#tag\n    # code\n####### seven\n# \n";
        let document = read(text.to_owned());
        let found: Vec<_> = document
            .headings
            .iter()
            .map(|heading| (heading.level, heading.text.as_str()))
            .collect();
        assert_eq!(found, [(2, "Two"), (1, "C#")]);
        assert_eq!(document.title.as_deref(), Some("C#"));
        let two = &document.headings[0];
        assert_eq!(&document.text[two.start..two.end], "## Two ##");
        assert_eq!(document.text, text);
    }

    #[test]
    fn without_a_first_level_any_heading_is_the_title() {
        let title = |text: &str| read(text.to_owned()).title;
        assert_eq!(title("### deep\n## less").as_deref(), Some("deep"));
        assert_eq!(title("none"), None);
    }
}
