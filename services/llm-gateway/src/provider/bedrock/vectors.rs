//! Vectors of texts, by Amazon's Titan models: one text a request.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::provider::{Fault, Texts, connection::Broken, fault::FaultKind};

pub(super) fn body(provider: &str, texts: Texts<'_>, text: &str) -> Result<Value, Fault> {
    if !texts.model.contains("titan-embed") {
        let why = "vectors are asked of Amazon's Titan models alone";
        return Err(Fault::new(provider, FaultKind::Unsupported).because(why));
    }
    let mut body = json!({"inputText": text});
    if let Some(dimensions) = texts.dimensions {
        body["dimensions"] = dimensions.into();
    }
    Ok(body)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    embedding: Vec<f32>,
    #[serde(default)]
    input_text_token_count: Option<u64>,
}

pub(super) fn read(body: &[u8]) -> Result<(Vec<f32>, Option<u64>), Broken> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| match error.is_eof() {
        true => Broken::Cut,
        false => Broken::Garbage("it is no vector"),
    })?;
    Ok((answer.embedding, answer.input_text_token_count))
}
