//! `POST /embeddings`: the vectors of texts (OpenAI API reference, "Create embeddings").

use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::llm::Embeddings;
use poem::{
    Request, Response,
    http::{HeaderName, HeaderValue, StatusCode},
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

use super::{
    Face, auth,
    failure::Failure,
    request::{fields, take},
};
use crate::{
    calls::{self, Asker},
    domain::texts::{Ask, Input},
};

/// How a client wants its vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Float,
    /// The numbers as little-endian `f32`, which is what OpenAI's own clients ask for.
    Base64,
}

#[derive(Debug)]
struct Wanted {
    ask: Ask,
    encoding: Encoding,
    /// Whether the caller named its user, which has no effect here.
    has_user: bool,
}

impl Face {
    pub(super) async fn embeddings(&self, mut request: Request) -> Result<Response, Failure> {
        let principal = auth::admit(&self.verifier, &request).await?;
        let permit = self.permits.try_acquire();
        let _permit = permit.map_err(|_| Failure::busy())?;
        let wanted = read(&self.body(&mut request).await?)?;
        let asker = Asker::of(&principal);
        let embeddings = calls::embed(&self.state, asker, wanted.ask).await?;
        let mut response = super::json(StatusCode::OK, body(&embeddings, wanted.encoding));
        let id = format!("embd-{}", embeddings.id.uuid().simple());
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::try_from(id) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        if wanted.has_user {
            let name = HeaderName::from_static("x-gateway-dropped");
            headers.insert(name, HeaderValue::from_static("user"));
        }
        Ok(response)
    }
}

fn read(body: &[u8]) -> Result<Wanted, Failure> {
    let mut fields = fields(body)?;
    let input: Value = take(&mut fields, "input")?
        .ok_or_else(|| Failure::malformed(Some("input"), "`input` is missing"))?;
    let encoding: Option<String> = take(&mut fields, "encoding_format")?;
    let encoding = match encoding.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(_) => {
            let text = "`encoding_format` is `float` or `base64`";
            return Err(Failure::malformed(Some("encoding_format"), text));
        }
    };
    let ask = Ask {
        model: take(&mut fields, "model")?,
        route: None,
        input: read_input(input)?,
        dimensions: take(&mut fields, "dimensions")?,
    };
    let has_user = take::<String>(&mut fields, "user")?.is_some();
    if let Some(name) = fields.iter().find(|(_, value)| !value.is_null()) {
        let shown: String = name.0.chars().take(64).collect();
        let text = format!("`{shown}` is no parameter of embeddings");
        return Err(Failure::malformed(Some(&shown), text));
    }
    Ok(Wanted {
        ask,
        encoding,
        has_user,
    })
}

/// A text, a list of texts, a text's tokens, or a list of these.
fn read_input(input: Value) -> Result<Input, Failure> {
    let malformed = |_| {
        let text = "`input` is a text, a list of texts, a list of token ids, or a list of lists of token ids";
        Failure::malformed(Some("input"), text)
    };
    let first = input.as_array().and_then(|list| list.first());
    match first {
        _ if input.is_string() => {
            serde_json::from_value(input).map(|text| Input::Texts(vec![text]))
        }
        Some(Value::Number(_)) => {
            serde_json::from_value(input).map(|list| Input::Tokens(vec![list]))
        }
        Some(Value::Array(_)) => serde_json::from_value(input).map(Input::Tokens),
        _ => serde_json::from_value(input).map(Input::Texts),
    }
    .map_err(malformed)
}

/// The body of an answer. Written without a detour over [`Value`], whose numbers are longer than an `f32` needs.
#[derive(Serialize)]
struct Body<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: String,
    usage: Usage,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    rehearsal: bool,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector<'a> {
    Float(&'a [f32]),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
    /// US dollars, exact; null where the price is not known.
    cost: Option<Decimal>,
}

fn body(embeddings: &Embeddings, encoding: Encoding) -> String {
    let vectors = embeddings.embeddings.iter().enumerate();
    let data = vectors.map(|(index, vector)| Item {
        object: "embedding",
        index,
        embedding: match encoding {
            Encoding::Float => Vector::Float(vector),
            Encoding::Base64 => Vector::Base64(base64(vector)),
        },
    });
    let body = Body {
        object: "list",
        data: data.collect(),
        model: format!("{}/{}", embeddings.provider, embeddings.model),
        usage: Usage {
            prompt_tokens: embeddings.usage.prompt_tokens,
            total_tokens: embeddings.usage.prompt_tokens,
            cost: embeddings.usage.cost,
        },
        rehearsal: embeddings.rehearsal,
    };
    serde_json::to_string(&body).expect("numbers and texts can be written as JSON")
}

fn base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|n| n.to_le_bytes()).collect();
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_and_many_are_read() {
        let one = read(br#"{"model":"m","input":"a","user":"ada","dimensions":null}"#).unwrap();
        let texts = |list: &[&str]| Input::Texts(list.iter().map(ToString::to_string).collect());
        assert_eq!(one.ask.input, texts(&["a"]));
        assert!(one.has_user && one.encoding == Encoding::Float);
        let many =
            read(br#"{"input":["a","b"],"encoding_format":"base64","dimensions":3}"#).unwrap();
        assert_eq!(many.ask.input, texts(&["a", "b"]));
        assert_eq!((many.ask.model, many.ask.dimensions), (None, Some(3)));
        assert!(!many.has_user && many.encoding == Encoding::Base64);
        let tokens = |body: &[u8]| read(body).unwrap().ask.input;
        assert_eq!(
            tokens(br#"{"input":[1,2]}"#),
            Input::Tokens(vec![vec![1, 2]])
        );
        let lists = Input::Tokens(vec![vec![1], vec![2, 3]]);
        assert_eq!(tokens(br#"{"input":[[1],[2,3]]}"#), lists);
    }

    #[test]
    fn what_cannot_be_read_names_its_field() {
        let check = |body: &str, expect: Option<&str>| {
            let failure = read(body.as_bytes()).unwrap_err().body();
            assert_eq!(failure["error"]["param"].as_str(), expect, "{body}");
            assert_eq!(failure["error"]["type"], "invalid_request_error", "{body}");
        };
        check("[]", None);
        check("{}", Some("input"));
        check(r#"{"input":[1,"a"]}"#, Some("input"));
        check(r#"{"input":[[1],"a"]}"#, Some("input"));
        check(r#"{"input":[[1],[-2]]}"#, Some("input"));
        check(r#"{"input":["a",1]}"#, Some("input"));
        check(r#"{"input":7}"#, Some("input"));
        check(r#"{"input":"a","dimensions":"3"}"#, Some("dimensions"));
        check(r#"{"input":"a","dimensions":-1}"#, Some("dimensions"));
        check(
            r#"{"input":"a","encoding_format":"int8"}"#,
            Some("encoding_format"),
        );
        check(r#"{"input":"a","input_type":"query"}"#, Some("input_type"));
    }

    #[test]
    fn numbers_are_no_longer_than_they_must_be() {
        let text = serde_json::to_string(&Vector::Float(&[0.1, -0.25])).unwrap();
        assert_eq!(text, "[0.1,-0.25]");
    }

    #[test]
    fn base64_is_little_endian() {
        assert_eq!(base64(&[1.0, -2.0]), "AACAPwAAAMA=");
    }
}
