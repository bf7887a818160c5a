//! Vectors of texts without a model: texts are near when they share words, or parts of words.
//!
//! Each word and each of its groups of three letters falls on a place of the vector by its hash, which also says whether
//! it counts up or down, so that words that meet by chance cancel out on average.
//!
//! **Invariant:** the same text has the same vector everywhere and for ever, of length one.

use std::collections::BTreeMap;

use crate::{
    domain::texts::Vectors,
    provider::{Texts, TokenIds},
};

/// Numbers of a vector where the caller does not say.
const DIMENSIONS: u32 = 256;
/// A word of this many letters and more counts in full; short words are mostly those that every text has.
const FULL_WORD: f32 = 7.0;
/// What all parts of a word count, beside the word.
const PARTS: f32 = 1.5;
const PART_LETTERS: usize = 3;

pub(super) fn vectors(texts: Texts<'_>) -> Vectors {
    let dimensions = texts.dimensions.unwrap_or(DIMENSIONS);
    let words = |text: &String| text.split_whitespace().count();
    let tokens: usize = texts.input.iter().map(words).sum();
    let vector = |text: &String| vector(text, dimensions);
    Vectors {
        list: texts.input.iter().map(vector).collect(),
        dimensions,
        prompt_tokens: Some(u64::try_from(tokens).unwrap_or(u64::MAX)),
    }
}

/// Each token is a word: texts are near when they share tokens.
pub(super) fn vectors_of_tokens(ids: TokenIds<'_>) -> Vectors {
    let text = |list: &Vec<u32>| {
        let words: Vec<_> = list.iter().map(|id| format!("token{id}")).collect();
        words.join(" ")
    };
    let texts: Vec<_> = ids.input.iter().map(text).collect();
    vectors(Texts {
        model: ids.model,
        input: &texts,
        dimensions: ids.dimensions,
    })
}

fn vector(text: &str, dimensions: u32) -> Vec<f32> {
    let mut vector = vec![0.0; usize::try_from(dimensions).unwrap_or(usize::MAX)];
    let normal = text.to_lowercase();
    let mut counts = BTreeMap::<&str, f32>::new();
    for word in normal.split(|c: char| !c.is_alphanumeric()) {
        if !word.is_empty() {
            *counts.entry(word).or_default() += 1.0;
        }
    }
    for (word, count) in counts {
        // The tenth time a word is said adds less than the first.
        let weight = count.sqrt() * (letters(word) / FULL_WORD).min(1.0).powi(2);
        add(&mut vector, hash("word", word.chars()), weight);
        // The begin and the end of a word are marked: `go` has the parts `<go` and `go>`.
        let marked: Vec<char> = ['<'].into_iter().chain(word.chars()).chain(['>']).collect();
        let parts = marked.windows(PART_LETTERS);
        let each = weight * PARTS / (parts.len() as f32).sqrt();
        for part in parts {
            add(&mut vector, hash("part", part.iter().copied()), each);
        }
    }
    if vector.iter().all(|number| *number == 0.0) {
        // Nothing but signs, or words that cancelled out: near to nothing but itself.
        add(&mut vector, hash("text", text.chars()), 1.0);
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>();
    vector
        .iter_mut()
        .for_each(|number| *number /= length.sqrt());
    vector
}

fn letters(word: &str) -> f32 {
    // A text is shorter than any count that loses precision here.
    word.chars().count() as f32
}

fn add(vector: &mut [f32], hash: u64, weight: f32) {
    let places = u64::try_from(vector.len()).unwrap_or(u64::MAX);
    // The upper bits choose the place, the lowest one the sign.
    let place = usize::try_from((hash >> 1) % places).unwrap_or(0);
    vector[place] += if hash & 1 == 0 { weight } else { -weight };
}

/// FNV-1a of 64 bits, its bits mixed once more as in SplitMix64: quick, and the same on every machine.
fn hash(kind: &str, letters: impl Iterator<Item = char>) -> u64 {
    let letters = kind.chars().chain(['\0']).chain(letters);
    let mut hash = letters.fold(0xcbf2_9ce4_8422_2325_u64, |hash, letter| {
        let mut bytes = [0; 4];
        let bytes = letter.encode_utf8(&mut bytes).bytes();
        bytes.fold(hash, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, two: &str) -> f32 {
        let (one, two) = (vector(one, DIMENSIONS), vector(two, DIMENSIONS));
        one.iter().zip(&two).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_text_that_shares_the_words_is_the_nearest() {
        let texts = [
            "Refunds are paid within 14 days after we received the returned goods.",
            "The office is closed on public holidays and on the 24th of December.",
            "Passwords have at least twelve characters and are changed after a leak.",
            "Der Versand dauert innerhalb Deutschlands zwei bis drei Werktage.",
        ];
        let nearest = |question: &str| {
            let likeness = |at: &usize| likeness(question, texts[*at]);
            (0..texts.len())
                .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
                .unwrap()
        };
        assert_eq!(nearest("How many days until the refund is paid?"), 0);
        assert_eq!(nearest("Is the office open on a holiday?"), 1);
        assert_eq!(nearest("how long must a PASSWORD be"), 2);
        assert_eq!(nearest("Wie lange dauert der Versand?"), 3);
    }

    #[test]
    fn likeness_follows_the_words() {
        let base = "the invoice number of the customer";
        assert!((likeness(base, base) - 1.0).abs() < 1e-5);
        let near = likeness(base, "Invoice-number: customer!");
        let related = likeness(base, "invoices and customers");
        let far = likeness(base, "a walk along the river");
        assert!(near > 0.8 && near > related, "{near} {related}");
        assert!(related > 0.3 && related > far + 0.2, "{related} {far}");
    }

    #[test]
    fn every_vector_has_length_one() {
        for text in [
            "a",
            "?!",
            " ",
            "\u{1f600}",
            "日本語のテキスト",
            "x y z x y z",
        ] {
            for dimensions in [1, 2, 256, 1536] {
                let length: f32 = vector(text, dimensions).iter().map(|n| n * n).sum();
                assert!(
                    (length - 1.0).abs() < 1e-4,
                    "{text:?} {dimensions}: {length}"
                );
            }
        }
    }

    /// Vectors are kept for years: another hash would make them worthless.
    #[test]
    fn vectors_stay_as_they_are() {
        assert_eq!(hash("word", "hello".chars()), 0x7fcb_41d9_65db_7ba5);
        let eight = vector("hello", 8);
        let shown: Vec<String> = eight.iter().map(|n| format!("{n:.3}")).collect();
        assert_eq!(
            shown.join(" "),
            "0.000 0.000 -0.555 0.372 0.000 0.000 0.000 0.744"
        );
    }

    #[test]
    fn words_are_the_tokens() {
        let input = ["one two".to_owned(), "three".to_owned()];
        let texts = Texts {
            model: "rehearsal",
            input: &input,
            dimensions: Some(8),
        };
        let vectors = vectors(texts);
        assert_eq!(
            (
                vectors.list.len(),
                vectors.dimensions,
                vectors.prompt_tokens
            ),
            (2, 8, Some(3))
        );
        assert!(vectors.list.iter().all(|vector| vector.len() == 8));
    }
}
