//! Answers that must fit a schema: checked before anyone hears them, and asked for once more where they do not.
//!
//! **Invariant:** no text passes that does not fit, but of an answer that was cut off or refused, which says so.

use std::{collections::VecDeque, sync::Arc};

use contracts::llm::{Complete, Delta, FinishReason};
use futures::{StreamExt, stream, stream::BoxStream};

use super::bill::Tab;
use crate::{
    domain::{
        piece::{Piece, Tokens},
        shape::{self, Shape},
    },
    provider::{Fault, Provider, Question, fault::FaultKind},
};

type Pieces = BoxStream<'static, Result<Piece, Fault>>;

/// Whom to ask again.
pub(super) struct Again {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) name: String,
    pub(super) model: String,
    pub(super) ask: Complete,
    pub(super) streamed: bool,
    /// Where what it takes is counted.
    pub(super) put: Box<dyn Fn() -> Tab + Send>,
}

struct Checked {
    again: Again,
    shape: Shape,
    pieces: Pieces,
    /// The text so far: it is told when all of it is there.
    held: String,
    /// Calls of tools, or a refusal, take the place of an answer.
    is_other: bool,
    attempts: u32,
    tokens: Option<Tokens>,
    ready: VecDeque<Result<Piece, Fault>>,
}

/// The pieces of an answer whose text is whole and fits.
pub(super) fn checked(shape: Shape, pieces: Pieces, again: Again) -> Pieces {
    let checked = Checked {
        again,
        shape,
        pieces,
        held: String::new(),
        is_other: false,
        attempts: 1,
        tokens: None,
        ready: VecDeque::new(),
    };
    stream::unfold(checked, |mut checked| async move {
        let piece = checked.next().await?;
        Some((piece, checked))
    })
    .boxed()
}

impl Checked {
    async fn next(&mut self) -> Option<Result<Piece, Fault>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            match self.pieces.next().await? {
                Err(fault) => return Some(Err(fault)),
                Ok(Piece::Delta { mut delta, extra }) => {
                    self.held
                        .push_str(delta.content.take().as_deref().unwrap_or_default());
                    self.is_other |= !delta.tool_calls.is_empty();
                    self.is_other |= extra.message.contains_key("refusal");
                    // Also one that says nothing any more: the vendor is not silent.
                    return Some(Ok(Piece::Delta { delta, extra }));
                }
                Ok(Piece::Tokens(tokens)) => self.tokens = Some(tokens),
                Ok(Piece::Finish(reason)) => self.finish(reason).await,
            }
        }
    }

    async fn finish(&mut self, reason: FinishReason) {
        let is_cut = matches!(reason, FinishReason::Length | FinishReason::ContentFilter);
        let held = std::mem::take(&mut self.held);
        let text = match self.shape.fit(&held) {
            Ok(text) => text,
            Err(_) if is_cut || self.is_other => &held,
            Err(why) if self.attempts == 1 => return self.ask_again(&held, &why).await,
            Err(why) => {
                self.tell_tokens();
                let fault = Fault::new(&self.again.name, FaultKind::Unfit).because(why);
                return self.ready.push_back(Err(fault));
            }
        };
        if !text.is_empty() {
            let delta = Delta {
                content: Some(text.to_owned()),
                ..Delta::default()
            };
            self.ready.push_back(Ok(Piece::delta(delta)));
        }
        self.tell_tokens();
        self.ready.push_back(Ok(Piece::Finish(reason)));
    }

    fn tell_tokens(&mut self) {
        let tokens = self.tokens.take().map(Piece::Tokens);
        self.ready.extend(tokens.map(Ok));
    }

    async fn ask_again(&mut self, held: &str, why: &str) {
        self.attempts += 1;
        self.tokens = None;
        let ask = shape::again(&self.again.ask, held, why);
        let question = Question {
            model: &self.again.model,
            ask: &ask,
            streamed: self.again.streamed,
        };
        let tab = (self.again.put)();
        match self.again.provider.ask(question).await {
            Ok(taken) => self.pieces = tab.follow(taken.pieces),
            Err(fault) => {
                self.pieces = stream::empty().boxed();
                tab.failed(&fault);
                self.ready.push_back(Err(fault));
            }
        }
    }
}
