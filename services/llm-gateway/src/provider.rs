//! Those who answer: one trait, the built-in offline provider, and the APIs of the vendors.
//!
//! Questions and answers have the shape of chat completions inside the gateway. What another API needs is made of them
//! here: [`conversation`] puts messages into the order that all others want, [`terms`] notes what cannot be said.
//!
//! **Invariant:** a stream of pieces that ends without an error has told its [`crate::domain::piece::Piece::Finish`].

pub(crate) mod anthropic;
pub(crate) mod bedrock;
pub(crate) mod fault;
pub(crate) mod gemini;
pub(crate) mod openai_compatible;
pub(crate) mod rehearsal;

mod choice;
pub(crate) mod connection;
pub(crate) mod conversation;
mod effort;
mod fetch;
mod media;
mod names;
pub(crate) mod refusal;
mod shaped;
mod sse;
mod terms;

use contracts::llm::Complete;
use futures::{
    FutureExt,
    future::{BoxFuture, ready},
    stream::BoxStream,
};

use crate::domain::{answer::tokens_of_question, piece::Piece, texts::Vectors};

pub(crate) use fault::Fault;

/// A question, put to one model of one provider.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    /// The model's name at the provider.
    pub(crate) model: &'a str,
    pub(crate) ask: &'a Complete,
    /// Whether the answer is wanted piece by piece.
    pub(crate) streamed: bool,
}

/// What vectors are wanted of, put to one model of one provider.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a, T> {
    /// The model's name at the provider.
    pub(crate) model: &'a str,
    pub(crate) input: T,
    pub(crate) dimensions: Option<u32>,
}

pub(crate) type Texts<'a> = Wanted<'a, &'a [String]>;

/// Texts by the ids of their tokens.
pub(crate) type TokenIds<'a> = Wanted<'a, &'a [Vec<u32>]>;

/// A provider that has taken a question.
pub(crate) struct Taken {
    pub(crate) pieces: BoxStream<'static, Result<Piece, Fault>>,
    /// Parameters of the question that have no effect here; callers are told.
    pub(crate) ignored: Vec<String>,
}

pub(crate) trait Provider: Send + Sync {
    /// Puts the question. Returns once the provider has taken it; dropping the pieces ends the answer at once.
    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Taken, Fault>>;

    /// The vectors of the texts, in their order.
    fn embed<'a>(&'a self, texts: Texts<'a>) -> BoxFuture<'a, Result<Vectors, Fault>>;

    /// As [`Self::embed`]; none where the provider takes texts alone.
    fn embed_tokens<'a>(
        &'a self,
        _: TokenIds<'a>,
    ) -> Option<BoxFuture<'a, Result<Vectors, Fault>>> {
        None
    }

    /// The tokens of the question, as the provider counts them; an estimate where it has no way to.
    fn count<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<u64, Fault>> {
        ready(Ok(tokens_of_question(question.ask))).boxed()
    }
}
