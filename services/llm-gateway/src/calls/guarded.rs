//! Answers that a route looks at before anybody hears them.
//!
//! **Invariant:** no text is told before all of it is there and was looked at.

use std::sync::Arc;

use contracts::llm::{Delta, Guardrails};
use futures::{StreamExt, stream, stream::BoxStream};

use crate::{
    domain::{guard, piece::Piece},
    provider::{Fault, fault::FaultKind},
};

type Pieces = BoxStream<'static, Result<Piece, Fault>>;

struct Guarded {
    pieces: Pieces,
    provider: String,
    rails: Arc<Guardrails>,
    text: String,
    thoughts: String,
    ready: Vec<Result<Piece, Fault>>,
    over: bool,
}

/// The pieces of an answer whose texts were looked at.
pub(super) fn guarded(pieces: Pieces, provider: &str, rails: Arc<Guardrails>) -> Pieces {
    let guarded = Guarded {
        pieces,
        provider: provider.to_owned(),
        rails,
        text: String::new(),
        thoughts: String::new(),
        ready: Vec::new(),
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
        loop {
            if let Some(piece) = self.ready.pop() {
                return Some(piece);
            }
            if self.over {
                return None;
            }
            match self.pieces.next().await? {
                Ok(Piece::Delta { mut delta, extra }) => {
                    self.text
                        .push_str(delta.content.take().as_deref().unwrap_or_default());
                    let thought = delta.reasoning_content.take();
                    self.thoughts
                        .push_str(thought.as_deref().unwrap_or_default());
                    // Also one that says nothing any more: the vendor is not silent.
                    return Some(Ok(Piece::Delta { delta, extra }));
                }
                Ok(finish @ Piece::Finish(_)) => self.finish(finish),
                other => return Some(other),
            }
        }
    }

    fn finish(&mut self, finish: Piece) {
        let texts = [&mut self.thoughts, &mut self.text];
        let texts = texts.map(|text| guard::answer(std::mem::take(text), &self.rails));
        let [Ok(thoughts), Ok(text)] = texts else {
            self.over = true;
            let fault = Fault::new(&self.provider, FaultKind::Withheld);
            return self.ready.push(Err(fault));
        };
        // The last is told first.
        self.ready.push(Ok(finish));
        let said = |text: String| (!text.is_empty()).then_some(text);
        let delta = Delta {
            content: said(text),
            reasoning_content: said(thoughts),
            ..Delta::default()
        };
        if delta != Delta::default() {
            self.ready.push(Ok(Piece::delta(delta)));
        }
    }
}
