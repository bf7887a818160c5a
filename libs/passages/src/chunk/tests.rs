use proptest::prelude::*;

use super::*;
use crate::extract;

fn markdown(text: &str) -> Document {
    extract("text/markdown", text.as_bytes()).unwrap()
}

fn small(target_tokens: usize, overlap_tokens: usize) -> ChunkOptions {
    ChunkOptions {
        target_tokens,
        overlap_tokens,
    }
}

fn size(text: &str) -> usize {
    text.chars().map(weight).sum()
}

#[test]
fn headings_part_passages_and_name_them() {
    let document = markdown("Intro.\n\n# Guide\n\n## Install\nRun it.\n\n## Use\n\nCall it.\n");
    let found = chunk(&document, ChunkOptions::default());
    let found: Vec<_> = found
        .iter()
        .map(|passage| {
            (
                passage.index,
                passage.heading.as_deref(),
                passage.text.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (0, None, "Intro."),
            (1, Some("Install"), "# Guide\n\n## Install\nRun it."),
            (2, Some("Use"), "## Use\n\nCall it."),
        ]
    );
}

#[test]
fn the_best_pause_is_taken() {
    let texts = |text: &str, options| -> Vec<String> {
        let document = markdown(text);
        chunk(&document, options)
            .into_iter()
            .map(|passage| passage.text)
            .collect()
    };
    // 80 letters fit.
    let paragraph = "a".repeat(50);
    let found = texts(
        &format!("{paragraph}\n\n{paragraph}\n{paragraph}"),
        small(20, 0),
    );
    assert_eq!(found, [paragraph.as_str(); 3]);
    let found = texts(
        &"One sentence here. Another one there! ".repeat(4),
        small(20, 0),
    );
    assert!(
        found.iter().all(|text| text.ends_with(['.', '!'])),
        "{found:?}"
    );
    let found = texts(&"word ".repeat(50), small(20, 0));
    assert!(
        found
            .iter()
            .all(|text| text.split(' ').all(|word| word == "word"))
    );
    assert_eq!(texts(&"x".repeat(200), small(20, 5)).concat().len(), 200);
    let found = texts(&"日本語の文です。".repeat(10), small(20, 0));
    assert!(found.iter().all(|text| text.ends_with('。')), "{found:?}");
}

#[test]
fn passages_overlap_by_whole_words() {
    let words: Vec<String> = (100..200).map(|number| number.to_string()).collect();
    let document = markdown(&words.join(" "));
    let passages = chunk(&document, small(40, 8));
    assert!(passages.len() > 2);
    for pair in passages.windows(2) {
        assert!(pair[1].start < pair[0].end, "{pair:?}");
        let shared = &document.text[pair[1].start..pair[0].end];
        assert!(size(shared) <= 8 * TOKEN, "{shared}");
        assert!(pair[1].text.split(' ').all(|word| word.len() == 3));
    }
}

#[test]
fn the_largest_text_is_cut_in_time() {
    let document = markdown(&"ein Wort ".repeat(crate::MAX_TEXT / 9));
    let passages = chunk(&document, ChunkOptions::default());
    assert!(
        (4_000..6_000).contains(&passages.len()),
        "{}",
        passages.len()
    );
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,12} ",
        "\\PC{0,40}",
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just(". ".to_owned()),
        "\n#{1,3} [A-Z][a-z]{0,9}\n",
        Just("ü€日😀".to_owned()),
    ];
    prop::collection::vec(piece, 1..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_word_is_in_a_passage(text in texts(), target in 0_usize..120, overlap in 0_usize..60) {
        let Ok(document) = extract("text/markdown", text.as_bytes()) else { return Ok(()) };
        let options = small(target, overlap);
        let passages = chunk(&document, options);
        prop_assert_eq!(&passages, &chunk(&document, options));
        let most = TOKEN * target.max(20);
        let mut covered = 0;
        for (index, passage) in passages.iter().enumerate() {
            prop_assert_eq!(passage.index, index);
            prop_assert_eq!(&passage.text, &document.text[passage.start..passage.end]);
            prop_assert!(size(&passage.text) <= most);
            prop_assert!(!passage.text.is_empty());
            if let Some(left_out) = document.text.get(covered..passage.start) {
                prop_assert!(left_out.trim().is_empty(), "{:?}", left_out);
            }
            prop_assert!(passage.end > covered);
            covered = passage.end;
        }
        prop_assert!(document.text[covered..].trim().is_empty());
    }
}
