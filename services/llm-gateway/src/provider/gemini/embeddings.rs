//! Vectors of texts (`https://ai.google.dev/api/embeddings`).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    domain::texts::{self, Vectors},
    provider::{Texts, connection::Broken},
};

/// Texts of one request at most.
pub(super) const MAX_BATCH: usize = 100;

pub(super) fn body(texts: Texts<'_>) -> Value {
    let name = format!("models/{}", texts.model);
    let request = |text: &String| {
        let mut request = json!({"model": name, "content": {"parts": [{"text": text}]}});
        if let Some(dimensions) = texts.dimensions {
            request["outputDimensionality"] = dimensions.into();
        }
        request
    };
    let requests: Vec<Value> = texts.input.iter().map(request).collect();
    json!({"requests": requests})
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
}

/// The vectors of one batch.
pub(super) fn read(body: &[u8], ask: Texts<'_>) -> Result<Vec<Vec<f32>>, Broken> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| match error.is_eof() {
        true => Broken::Cut,
        false => Broken::Garbage("it is not a list of embeddings"),
    })?;
    let list = answer
        .embeddings
        .into_iter()
        .map(|item| item.values)
        .collect();
    Ok(whole(list, ask)?.list)
}

/// The vectors of all batches.
pub(super) fn whole(list: Vec<Vec<f32>>, ask: Texts<'_>) -> Result<Vectors, Broken> {
    // Tokens are not counted there.
    texts::vectors(list, (ask.input.len(), ask.dimensions), None).map_err(Broken::Garbage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_its_request_and_its_vector() {
        let input = ["a".to_owned(), "b".to_owned()];
        let ask = Texts {
            model: "m",
            input: &input,
            dimensions: Some(2),
        };
        let said = body(ask);
        assert_eq!(said["requests"][1]["content"]["parts"][0]["text"], "b");
        assert_eq!(said["requests"][0]["outputDimensionality"], 2);
        let vectors = read(
            br#"{"embeddings":[{"values":[1,0]},{"values":[0,1]}]}"#,
            ask,
        )
        .unwrap();
        assert_eq!(vectors, [[1.0, 0.0], [0.0, 1.0]]);
        assert_eq!(whole(vectors, ask).unwrap().prompt_tokens, None);
        assert!(read(br#"{"embeddings":[{"values":[1,0]}]}"#, ask).is_err());
        assert_eq!(
            read(br#"{"embeddings":[{"values":[1,"#, ask),
            Err(Broken::Cut)
        );
    }
}
