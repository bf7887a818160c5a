//! The meaning of texts as vectors, asked of a model.
//!
//! **Invariant:** vectors that come from here are finite, of one model and of one length.

use std::fmt::Write;

use bus::{Bus, Call};
use contracts::{
    ErrorCode, Problem,
    id::TenantId,
    llm::{Embed, Embeddings},
};

/// Texts that are asked for at a time: even the longest vectors then fit in one answer.
pub(crate) const BATCH: usize = Embed::MAX_NUMBERS / Embed::MAX_DIMENSIONS as usize;

/// Vectors of texts, in the order of the texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vectors {
    /// The model, as it is named in a question: the same name gives vectors that can be compared.
    pub(crate) model: String,
    pub(crate) vectors: Vec<Vector>,
}

/// A text in the eyes of one model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nearest {
    pub(crate) model: String,
    pub(crate) vector: Vector,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vector(Vec<f32>);

impl Vector {
    pub(crate) fn dimensions(&self) -> i32 {
        i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    /// As the database reads it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(self.0.len() * 12 + 2);
        for (n, number) in self.0.iter().enumerate() {
            let before = if n == 0 { '[' } else { ',' };
            write!(text, "{before}{number}").expect("a text takes what is written");
        }
        text.push(']');
        text
    }
}

/// Asks for the vectors of up to [`BATCH`] texts, in the name of who asks us.
///
/// # Errors
/// The refusal of the service that was asked; `unavailable` when what it answers does not fit the question.
pub(crate) async fn ask<S>(
    ctx: &kernel::Ctx<S>,
    model: Option<&str>,
    texts: Vec<String>,
) -> Result<Vectors, Problem> {
    let count = texts.len();
    let answer = ctx.call(&question(model, texts)).await?;
    checked(count, answer)
}

/// Asks each of the models for the vector of a text that is searched by.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn ask_each<S>(
    ctx: &kernel::Ctx<S>,
    models: Vec<String>,
    text: &str,
) -> Result<Vec<Nearest>, Problem> {
    let mut nearest = Vec::with_capacity(models.len());
    for model in models {
        let answer = ask(ctx, Some(&model), vec![text.to_owned()]).await?;
        let vectors = answer.vectors.into_iter();
        // By the name it was asked by: that is the one the vectors were kept under.
        nearest.extend(vectors.map(|vector| Nearest {
            model: model.clone(),
            vector,
        }));
    }
    Ok(nearest)
}

/// As [`ask`], in the name of a token's principal.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn ask_as(
    bus: &Bus,
    tenant: TenantId,
    call: Call<'_>,
    model: Option<&str>,
    texts: Vec<String>,
) -> Result<Vectors, Problem> {
    let count = texts.len();
    let answer = bus.call(tenant, &question(model, texts), call).await?;
    checked(count, answer)
}

fn question(model: Option<&str>, texts: Vec<String>) -> Embed {
    Embed {
        model: model.map(str::to_owned),
        input: texts,
        ..Embed::default()
    }
}

fn checked(count: usize, answer: Embeddings) -> Result<Vectors, Problem> {
    let model = format!("{}/{}", answer.provider, answer.model);
    let length = answer.embeddings.first().map_or(0, Vec::len);
    if answer.embeddings.len() != count || !answer.embeddings.iter().all(|v| is_vector(v, length)) {
        let text = format!("model `{model}` did not answer with one vector for each text");
        return Err(Problem::new(ErrorCode::Unavailable, text).with_reason("embedding"));
    }
    Ok(Vectors {
        model,
        vectors: answer.embeddings.into_iter().map(Vector).collect(),
    })
}

fn is_vector(numbers: &[f32], length: usize) -> bool {
    !numbers.is_empty() && numbers.len() == length && numbers.iter().all(|n| n.is_finite())
}

#[cfg(test)]
mod tests {
    use contracts::{execution::Usage, id::CallId};

    use super::*;

    #[test]
    fn vectors_are_written_as_the_database_reads_them() {
        assert_eq!(Vector(vec![0.5, -1.0, 1e-7]).text(), "[0.5,-1,0.0000001]");
    }

    #[test]
    fn what_is_not_a_vector_for_each_text_is_refused() {
        let check = |embeddings| {
            let answer = Embeddings {
                id: CallId::EXAMPLE,
                provider: "p".to_owned(),
                model: "m".to_owned(),
                dimensions: 2,
                embeddings,
                usage: Usage::ZERO,
                rehearsal: false,
            };
            checked(2, answer).is_ok()
        };
        assert!(check(vec![vec![1.0, 0.0], vec![0.0, 1.0]]));
        assert!(!check(vec![vec![1.0, 0.0]]));
        assert!(!check(vec![vec![1.0, 0.0], vec![0.0]]));
        assert!(!check(vec![vec![], vec![]]));
        assert!(!check(vec![vec![1.0], vec![f32::NAN]]));
    }
}
