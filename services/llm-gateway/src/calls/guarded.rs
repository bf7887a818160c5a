//! Answers that a route looks at before anybody hears them.
//!
//! **Invariant:** nothing of an answer is told before all of it is there and was looked at.

use std::{collections::VecDeque, sync::Arc};

use contracts::llm::{Delta, FinishReason, Guardrails, ToolCallDelta};
use futures::{StreamExt, stream, stream::BoxStream};
use serde_json::Value;

use crate::{
    domain::{
        answer::Answer,
        guard,
        piece::{Extra, Piece},
    },
    provider::{Fault, fault::FaultKind},
};

type Pieces = BoxStream<'static, Result<Piece, Fault>>;

struct Guarded {
    pieces: Pieces,
    provider: String,
    rails: Arc<Guardrails>,
    answer: Answer,
    ready: VecDeque<Result<Piece, Fault>>,
    over: bool,
}

/// The pieces of an answer that was looked at.
pub(super) fn guarded(pieces: Pieces, provider: &str, rails: Arc<Guardrails>) -> Pieces {
    let guarded = Guarded {
        pieces,
        provider: provider.to_owned(),
        rails,
        answer: Answer::default(),
        ready: VecDeque::new(),
        over: false,
    };
    stream::unfold(guarded, |mut guarded| async move {
        let piece = guarded.next().await?;
        Some((piece, guarded))
    })
    .boxed()
}

impl Guarded {
    async fn next(&mut self) -> Option<Result<Piece, Fault>> {
        if let Some(piece) = self.ready.pop_front() {
            return Some(piece);
        }
        if self.over {
            return None;
        }
        let piece = match self.pieces.next().await? {
            Ok(piece) => piece,
            Err(fault) => return Some(Err(fault)),
        };
        if let Err(nonsense) = self.answer.add(&piece) {
            let fault = Fault::new(&self.provider, FaultKind::Garbage);
            return Some(self.fail(fault.because(nonsense.to_string())));
        }
        Some(match piece {
            // It says nothing, but that the vendor is not silent.
            Piece::Delta { .. } => Ok(Piece::delta(Delta::default())),
            Piece::Tokens(tokens) => Ok(Piece::Tokens(tokens)),
            Piece::Finish(reason) => match self.looked_at(reason) {
                Ok(pieces) => {
                    self.ready.extend(pieces.into_iter().map(Ok));
                    self.ready
                        .pop_front()
                        .expect("an answer has at least its finish")
                }
                Err(guard::Blocked) => self.fail(Fault::new(&self.provider, FaultKind::Withheld)),
            },
        })
    }

    fn fail(&mut self, fault: Fault) -> Result<Piece, Fault> {
        self.over = true;
        Err(fault)
    }

    fn looked_at(&self, reason: FinishReason) -> Result<Vec<Piece>, guard::Blocked> {
        let (mut message, mut extra) = (self.answer.message(), self.answer.extra().clone());
        guard::answer(&mut message, &mut extra, &self.rails)?;
        let text = |value: Value| match value {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        let thoughts = message.extra.remove("reasoning_content").and_then(text);
        let calls = (0..).zip(message.tool_calls);
        let said = Piece::Delta {
            delta: Delta {
                content: text(message.content),
                reasoning_content: thoughts,
                tool_calls: calls
                    .map(|(index, call)| ToolCallDelta {
                        index,
                        id: Some(call.id),
                        name: Some(call.function.name),
                        arguments: call.function.arguments,
                        extra: call.extra,
                    })
                    .collect(),
            },
            extra: Extra {
                message: message.extra,
                ..extra
            },
        };
        let said = (!said.is_empty()).then_some(said);
        Ok(said.into_iter().chain([Piece::Finish(reason)]).collect())
    }
}
