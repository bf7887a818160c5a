//! Embeddings of servers that speak OpenAI's API (OpenAI API reference, "Create embeddings").
//!
//! **Invariant:** each text gets the vector that the server gave its index, whatever order they came in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    domain::{
        price::MAX_TOKENS,
        texts::{self, Vectors},
    },
    provider::{Wanted, connection::Broken},
};

pub(super) fn body<T: Serialize>(wanted: &Wanted<'_, &[T]>) -> Map<String, Value> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("model", wanted.model.into());
    put("input", json!(wanted.input));
    put("encoding_format", "float".into());
    if let Some(dimensions) = wanted.dimensions {
        put("dimensions", dimensions.into());
    }
    body
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Option<Vec<Embedding>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Embedding {
    /// Some servers leave it out and keep the order of the texts.
    #[serde(default)]
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

pub(super) fn read<T>(body: &[u8], ask: &Wanted<'_, &[T]>) -> Result<Vectors, Broken> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| match error.is_eof() {
        true => Broken::Cut,
        false => Broken::Garbage("it is not a list of embeddings"),
    })?;
    if let Some(error) = answer.error.filter(|error| !error.is_null()) {
        return Err(Broken::Refusal(error));
    }
    let data = answer.data.ok_or(Broken::Garbage("it has no data"))?;
    let prompt_tokens = answer.usage.and_then(|usage| usage.prompt_tokens);
    if prompt_tokens.is_some_and(|tokens| tokens > MAX_TOKENS) {
        return Err(Broken::Garbage("its count of tokens is no count"));
    }
    let list = in_order(data)?;
    texts::vectors(list, (ask.input.len(), ask.dimensions), prompt_tokens).map_err(Broken::Garbage)
}

fn in_order(data: Vec<Embedding>) -> Result<Vec<Vec<f32>>, Broken> {
    let mut numbered: Vec<_> = data
        .into_iter()
        .enumerate()
        .map(|(at, item)| (item.index.unwrap_or(at), item.embedding))
        .collect();
    numbered.sort_by_key(|(index, _)| *index);
    if numbered
        .iter()
        .enumerate()
        .any(|(at, (index, _))| at != *index)
    {
        return Err(Broken::Garbage("it has not one vector for each text"));
    }
    Ok(numbered.into_iter().map(|(_, vector)| vector).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Texts;

    fn ask(input: &[String], dimensions: Option<u32>) -> Texts<'_> {
        Texts {
            model: "m",
            input,
            dimensions,
        }
    }

    fn two(body: &str) -> Result<Vectors, Broken> {
        let input = ["a".to_owned(), "b".to_owned()];
        read(body.as_bytes(), &ask(&input, None))
    }

    #[test]
    fn the_body_names_what_is_wanted_and_no_more() {
        let input = ["a".to_owned()];
        let plain = json!({"model": "m", "input": ["a"], "encoding_format": "float"});
        assert_eq!(Value::Object(body(&ask(&input, None))), plain);
        assert_eq!(body(&ask(&input, Some(3)))["dimensions"], 3);
        let ids = Wanted {
            model: "m",
            input: &[vec![15339, 1917], vec![0]][..],
            dimensions: None,
        };
        assert_eq!(body(&ids)["input"], json!([[15339, 1917], [0]]));
    }

    #[test]
    fn vectors_are_put_in_the_order_of_the_texts() {
        let shuffled = two(
            r#"{"object":"list","data":[{"object":"embedding","index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0.5]}],"usage":{"prompt_tokens":5,"total_tokens":5}}"#,
        )
        .unwrap();
        assert_eq!(shuffled.list, [[1.0, 0.5], [0.0, 1.0]]);
        assert_eq!((shuffled.dimensions, shuffled.prompt_tokens), (2, Some(5)));
        let bare = two(r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#).unwrap();
        assert_eq!(bare.list, [[1.0], [2.0]]);
        assert_eq!(bare.prompt_tokens, None);
    }

    #[test]
    fn garbage_is_told() {
        for body in [
            "<html>",
            "{}",
            "[]",
            r#"{"data":[]}"#,
            r#"{"data":[{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#,
            r#"{"data":[{"index":0,"embedding":"AACAPw=="},{"index":1,"embedding":"AACAPw=="}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1e300]}]}"#,
            r#"{"data":[{"embedding":[1]},{"embedding":[1]}],"usage":{"prompt_tokens":1000000000001}}"#,
        ] {
            assert!(matches!(two(body), Err(Broken::Garbage(_))), "{body}");
        }
        assert_eq!(two(r#"{"data":[{"embedding":[1,"#), Err(Broken::Cut));
        let error = two(r#"{"error":{"message":"no such model"}}"#);
        assert!(matches!(error, Err(Broken::Refusal(_))));
        let input = ["a".to_owned()];
        let other = read(br#"{"data":[{"embedding":[1,2]}]}"#, &ask(&input, Some(3)));
        assert!(matches!(other, Err(Broken::Garbage(_))));
    }
}
