//! The offline provider: no model, no network, no price, the same answer to the same question every time.
//!
//! It follows `tool_choice` and `response_format` with values that fit their schemas, or a script in the question
//! ([`script`] has the format), and says in every text that it is a rehearsal.
//!
//! **Invariant:** no clock and no randomness decide what is said.

mod embedding;
mod example;
mod plan;
mod script;

use std::time::Duration;

use contracts::llm::{Delta, ToolCallDelta};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::Map;

use self::plan::{Ending, Plan};
use super::{Fault, Provider, Question, Taken, Texts, TokenIds, fault::FaultKind};
use crate::domain::{
    catalog::REHEARSAL,
    piece::{Piece, Tokens},
    texts::Vectors,
};

/// Bytes of a tool call's arguments in one piece, about.
const ARGUMENTS_PIECE: usize = 16;

pub(crate) struct Rehearsal {
    /// The pause between two pieces where a script does not say.
    pub(crate) pause: Duration,
}

impl Provider for Rehearsal {
    fn ask<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Taken, Fault>> {
        async move {
            let plan = Plan::of(question.ask)?;
            tokio::time::sleep(plan.delay).await;
            let ignored = plan.ignored.clone();
            let pause = plan.pause.unwrap_or(self.pause);
            let pieces = pieces(plan)?;
            let pieces = stream::iter(pieces.into_iter().enumerate());
            let pieces = pieces.then(move |(index, piece)| async move {
                if index > 0 && !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                piece
            });
            Ok(Taken {
                pieces: pieces.boxed(),
                ignored,
            })
        }
        .boxed()
    }

    fn embed<'a>(&'a self, texts: Texts<'a>) -> BoxFuture<'a, Result<Vectors, Fault>> {
        std::future::ready(Ok(embedding::vectors(texts))).boxed()
    }

    fn embed_tokens<'a>(
        &'a self,
        ids: TokenIds<'a>,
    ) -> Option<BoxFuture<'a, Result<Vectors, Fault>>> {
        Some(std::future::ready(Ok(embedding::vectors_of_tokens(ids))).boxed())
    }

    fn count<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<u64, Fault>> {
        std::future::ready(Ok(plan::prompt_tokens(question.ask))).boxed()
    }
}

/// The answer, cut into pieces as a model would speak it.
fn pieces(plan: Plan) -> Result<Vec<Result<Piece, Fault>>, Fault> {
    let mut spoken: Vec<Piece> = plan.words.iter().map(Piece::text).collect();
    for (index, call) in (0..).zip(&plan.tool_calls) {
        let delta = |id: Option<&str>, name: Option<&str>, arguments: &str| {
            Piece::delta(Delta {
                tool_calls: vec![ToolCallDelta {
                    index,
                    id: id.map(str::to_owned),
                    name: name.map(str::to_owned),
                    arguments: arguments.to_owned(),
                    extra: Map::new(),
                }],
                ..Delta::default()
            })
        };
        spoken.push(delta(Some(&call.id), Some(&call.function.name), ""));
        spoken.extend(
            cut(&call.function.arguments)
                .into_iter()
                .map(|part| delta(None, None, part)),
        );
    }
    let mut pieces: Vec<_> = spoken.into_iter().map(Ok).collect();
    match plan.ending {
        Ending::Finish(reason) => {
            let tokens = Tokens::new(plan.prompt_tokens, plan.completion_tokens);
            pieces.extend([Ok(Piece::Tokens(tokens)), Ok(Piece::Finish(reason))]);
        }
        Ending::Cut => {
            pieces.truncate(pieces.len().div_ceil(2));
            pieces.push(Err(Fault::new(REHEARSAL, FaultKind::Cut)));
        }
        // A model that refuses says nothing before.
        Ending::Fault(fault) => return Err(fault),
    }
    Ok(pieces)
}

fn cut(text: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let mut end = rest.len().min(ARGUMENTS_PIECE);
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (part, tail) = rest.split_at(end);
        parts.push(part);
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_cut_between_characters() {
        let text = "{\"name\": \"ééééééééééééééé€€€€\"}";
        let parts = cut(text);
        assert!(parts.len() > 2);
        assert_eq!(parts.concat(), text);
        assert_eq!(cut(""), [""; 0]);
    }
}
