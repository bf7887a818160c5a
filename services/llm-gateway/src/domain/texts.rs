//! What texts must look like before anyone is asked for their vectors, and vectors before anyone gets them.

use contracts::llm::Embed;
use serde::Serialize;

use super::answer::tokens_of_bytes;
use crate::Error;

/// A question for vectors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    pub(crate) model: Option<String>,
    pub(crate) route: Option<String>,
    pub(crate) input: Input,
    pub(crate) dimensions: Option<u32>,
}

/// What vectors are wanted of.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Input {
    Texts(Vec<String>),
    /// Texts as tokens of their model, by their ids: nobody else can read them.
    Tokens(Vec<Vec<u32>>),
}

impl From<Embed> for Ask {
    fn from(ask: Embed) -> Self {
        Self {
            model: ask.model,
            route: ask.route,
            input: Input::Texts(ask.input),
            dimensions: ask.dimensions,
        }
    }
}

/// The vectors of texts, in the order of the texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vectors {
    pub(crate) list: Vec<Vec<f32>>,
    /// Numbers of each.
    pub(crate) dimensions: u32,
    /// As the provider counted them, where it did.
    pub(crate) prompt_tokens: Option<u64>,
}

/// Texts of one question at most; over the bus fewer, as their vectors must fit into one message.
const MAX_TEXTS: usize = 2048;
/// Tokens of a text, and of all of them, at most: as OpenAI has it (API reference, "Create embeddings").
const MAX_TOKENS: usize = 8_192;
const MAX_TOKENS_TOGETHER: usize = 300_000;

impl Input {
    /// How many vectors it gets.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Tokens(lists) => lists.len(),
        }
    }

    /// Its tokens, about where it is texts.
    pub(crate) fn tokens(&self) -> u64 {
        match self {
            Self::Texts(texts) => tokens_of_bytes(texts.iter().map(String::len).sum()),
            Self::Tokens(lists) => {
                let tokens = lists.iter().map(Vec::len).sum::<usize>();
                u64::try_from(tokens).unwrap_or(u64::MAX)
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !(1..=MAX_TEXTS).contains(&self.len()) {
            return invalid("input", "`input` is a list of 1 to 2048 texts");
        }
        match self {
            Self::Texts(texts) => check_texts(texts),
            Self::Tokens(lists) => check_tokens(lists),
        }
    }
}

fn check_texts(texts: &[String]) -> Result<(), Error> {
    let is_sized = |text: &String| (1..=Embed::MAX_TEXT_BYTES).contains(&text.len());
    if let Some(at) = texts.iter().position(|text| !is_sized(text)) {
        let what = format!("text `{at}` of `input` has not 1 to 32768 bytes");
        return invalid("input", &what);
    }
    match texts.iter().map(String::len).sum::<usize>() <= Embed::MAX_BYTES {
        true => Ok(()),
        false => invalid("input", "the texts of `input` have more than 1 MiB"),
    }
}

fn check_tokens(lists: &[Vec<u32>]) -> Result<(), Error> {
    let is_sized = |list: &Vec<u32>| (1..=MAX_TOKENS).contains(&list.len());
    if let Some(at) = lists.iter().position(|list| !is_sized(list)) {
        let what = format!("text `{at}` of `input` has not 1 to 8192 tokens");
        return invalid("input", &what);
    }
    match lists.iter().map(Vec::len).sum::<usize>() <= MAX_TOKENS_TOGETHER {
        true => Ok(()),
        false => invalid("input", "the texts of `input` have more than 300000 tokens"),
    }
}

pub(crate) fn check(ask: &Ask) -> Result<(), Error> {
    ask.input.check()?;
    if let Some(dimensions) = ask.dimensions
        && !(1..=Embed::MAX_DIMENSIONS).contains(&dimensions)
    {
        return invalid("dimensions", "`dimensions` is 1 to 16000");
    }
    Ok(())
}

/// Whether so many texts may come over the bus.
pub(crate) fn check_count(texts: usize) -> Result<(), Error> {
    match texts <= Embed::MAX_TEXTS {
        true => Ok(()),
        false => invalid("input", "`input` is a list of 1 to 256 texts"),
    }
}

/// Whether so many numbers fit into one answer over the bus.
pub(crate) fn check_size(texts: usize, dimensions: u32) -> Result<(), Error> {
    let each = usize::try_from(dimensions).unwrap_or(usize::MAX);
    if texts.saturating_mul(each) <= Embed::MAX_NUMBERS {
        return Ok(());
    }
    let what = format!(
        "{texts} vectors of {dimensions} numbers do not fit into one answer: send fewer texts at once"
    );
    invalid("input", &what)
}

/// The vectors a provider sent, if each text has one and all are alike; else why not.
pub(crate) fn vectors(
    list: Vec<Vec<f32>>,
    ask: (usize, Option<u32>),
    prompt_tokens: Option<u64>,
) -> Result<Vectors, &'static str> {
    let (texts, wanted) = ask;
    if list.len() != texts {
        return Err("it has not one vector for each text");
    }
    let length = list.first().map_or(0, Vec::len);
    if list.iter().any(|vector| vector.len() != length) {
        return Err("its vectors are not of one length");
    }
    let dimensions = u32::try_from(length)
        .ok()
        .filter(|dimensions| (1..=Embed::MAX_DIMENSIONS).contains(dimensions))
        .ok_or("its vectors have not 1 to 16000 numbers")?;
    if wanted.is_some_and(|wanted| wanted != dimensions) {
        return Err("its vectors have not the dimensions that were asked for");
    }
    if list.iter().flatten().any(|number| !number.is_finite()) {
        return Err("its vectors hold numbers without a value");
    }
    Ok(Vectors {
        list,
        dimensions,
        prompt_tokens,
    })
}

fn invalid(parameter: &'static str, what: &str) -> Result<(), Error> {
    Err(Error::InvalidQuestion {
        parameter,
        what: what.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(input: Vec<String>, dimensions: Option<u32>) -> Ask {
        let ask = Embed {
            input,
            dimensions,
            ..Embed::default()
        };
        ask.into()
    }

    fn tokens(lists: Vec<Vec<u32>>) -> Ask {
        Ask {
            input: Input::Tokens(lists),
            ..texts(Vec::new(), None)
        }
    }

    #[track_caller]
    fn check_refused(ask: &Ask, expect: &str) {
        match check(ask) {
            Err(Error::InvalidQuestion { parameter, .. }) => assert_eq!(parameter, expect),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let text = |bytes| "x".repeat(bytes);
        for good in [
            texts(vec![text(1); 2048], None),
            texts(vec![text(32 * 1024); 32], Some(1)),
            texts(vec![text(1)], Some(16_000)),
        ] {
            assert!(check(&good).is_ok());
        }
        check_refused(&texts(vec![], None), "input");
        check_refused(&texts(vec![text(1); 2049], None), "input");
        assert!(check_count(256).is_ok() && check_count(257).is_err());
        check_refused(&texts(vec![text(1), text(0)], None), "input");
        check_refused(&texts(vec![text(32 * 1024 + 1)], None), "input");
        check_refused(&texts(vec![text(32 * 1024); 33], None), "input");
        check_refused(&texts(vec![text(1)], Some(0)), "dimensions");
        check_refused(&texts(vec![text(1)], Some(16_001)), "dimensions");
        assert!(check(&tokens(vec![vec![7; 8_192]; 36])).is_ok());
        check_refused(&tokens(vec![]), "input");
        check_refused(&tokens(vec![vec![7], vec![]]), "input");
        check_refused(&tokens(vec![vec![7; 8_193]]), "input");
        check_refused(&tokens(vec![vec![7; 8_192]; 37]), "input");
        assert_eq!(tokens(vec![vec![7; 3], vec![8]]).input.tokens(), 4);
    }

    #[test]
    fn the_largest_answer_fits_into_a_message() {
        assert!(check_size(256, 1536).is_ok());
        assert!(check_size(256, 3072).is_err());
        // The longest way to write a number of this size, and the comma behind it.
        let longest = serde_json::to_string(&[-1.175_494_4e-38_f32; 2]).unwrap();
        let each = (longest.len() - 1) / 2;
        assert!(each <= 16, "{longest}");
        assert!(each * Embed::MAX_NUMBERS + 64 * 1024 < bus::server_config::MAX_PAYLOAD);
    }

    #[test]
    fn odd_vectors_are_refused() {
        let good = vec![vec![0.5, -0.5], vec![1.0, 0.0]];
        let read = |list: &[Vec<f32>], texts, wanted| vectors(list.to_vec(), (texts, wanted), None);
        assert_eq!(read(&good, 2, None).map(|v| v.dimensions), Ok(2));
        assert_eq!(read(&good, 2, Some(2)).map(|v| v.list), Ok(good.clone()));
        assert!(read(&good, 1, None).is_err());
        assert!(read(&good, 3, None).is_err());
        assert!(read(&good, 2, Some(3)).is_err());
        assert!(read(&[vec![1.0], vec![1.0, 2.0]], 2, None).is_err());
        assert!(read(&[vec![], vec![]], 2, None).is_err());
        assert!(read(&[vec![f32::INFINITY]], 1, None).is_err());
        assert!(read(&[vec![0.0; 16_001]], 1, None).is_err());
    }
}
