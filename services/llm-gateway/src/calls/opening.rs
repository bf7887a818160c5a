//! One attempt: the question is put to one provider and, where another could answer in its place, its first word is waited
//! for.

use std::time::{Duration, Instant};

use contracts::llm::{Complete, Fallback, FinishReason};
use futures::{StreamExt, stream, stream::BoxStream};
use kernel::Ear;
use tokio::time::timeout_at;

use super::{
    Asker, asked, cancelled,
    checked::{Again, checked},
    router::{Router, Turn},
};
use crate::{
    Error, State,
    domain::{piece::Piece, shape::Shape},
    provider::{Fault, Question, fault::FaultKind},
    state::Known,
};

type Pieces = BoxStream<'static, Result<Piece, Fault>>;

/// A question on its way to whoever may answer it.
pub(super) struct Opening<'a> {
    pub(super) state: &'a State,
    pub(super) known: &'a Known,
    pub(super) asker: Asker,
    pub(super) ask: &'a Complete,
    pub(super) streamed: bool,
    pub(super) shape: Option<Shape>,
    pub(super) ear: Option<&'a Ear>,
}

/// A question that was taken.
pub(super) struct Opened {
    pub(super) ignored: Vec<String>,
    pub(super) pieces: Pieces,
    /// How long the provider may be silent within its answer.
    pub(super) silence: Duration,
}

/// How long a provider may be silent.
#[derive(Clone, Copy)]
struct Patience {
    first: Duration,
    between: Duration,
}

impl Opening<'_> {
    pub(super) async fn attempt(&self, router: &Router, turn: &Turn) -> Result<Opened, Error> {
        let target = &turn.target;
        let tenant = self.asker.tenant;
        let provider = self.state.provider(tenant, self.known, target, turn.key)?;
        let is_routed = router.route().is_some();
        // A stream tells sooner that nothing comes.
        let streamed = self.streamed || is_routed;
        let patience = self.patience(router, streamed);
        let question = Question {
            model: &target.model,
            ask: self.ask,
            streamed,
        };
        let taken = asked(provider.ask(question), target, patience.first, self.ear).await?;
        // A rehearsal says what it is told to say.
        let shape = self.shape.clone().filter(|_| !target.is_rehearsal());
        let pieces = match shape {
            None => taken.pieces,
            Some(shape) => {
                let again = Again {
                    provider,
                    name: target.provider.clone(),
                    model: target.model.clone(),
                    ask: self.ask.clone(),
                    streamed,
                };
                checked(shape, taken.pieces, again)
            }
        };
        let pieces = match is_routed {
            true => self.first_word(router, turn, pieces, patience).await?,
            false => pieces,
        };
        Ok(Opened {
            ignored: taken.ignored,
            pieces,
            silence: patience.between,
        })
    }

    fn patience(&self, router: &Router, streamed: bool) -> Patience {
        let settings = &self.state.settings;
        let own = |timeout: Option<u64>| timeout.map(Duration::from_millis);
        let route = router.route();
        Patience {
            first: route
                .and_then(|route| own(route.first_token_timeout_ms))
                .unwrap_or_else(|| settings.patience(streamed)),
            between: route
                .and_then(|route| own(route.token_timeout_ms))
                .unwrap_or_else(|| settings.silence()),
        }
    }

    /// Waits until the answer says something: until then somebody else may be asked.
    async fn first_word(
        &self,
        router: &Router,
        turn: &Turn,
        mut pieces: Pieces,
        patience: Patience,
    ) -> Result<Pieces, Error> {
        let fault = |kind| Fault::new(&turn.target.provider, kind);
        let mut by = turn.begun + patience.first;
        let mut held = Vec::new();
        loop {
            let next = tokio::select! {
                biased;
                () = cancelled(self.ear) => return Err(Error::Cancelled),
                next = timeout_at(by.into(), pieces.next()) => next,
            };
            let piece = next.map_err(|_| fault(FaultKind::Slow))?;
            let piece = piece.ok_or_else(|| fault(FaultKind::Cut))??;
            by = Instant::now() + patience.between;
            let filtered = piece == Piece::Finish(FinishReason::ContentFilter);
            if filtered && router.has_other(turn, Fallback::ContentPolicy) {
                return Err(fault(FaultKind::ContentPolicy).into());
            }
            let is_heard = piece.is_heard();
            if !piece.is_empty() {
                held.push(Ok(piece));
            }
            if is_heard {
                return Ok(stream::iter(held).chain(pieces).boxed());
            }
        }
    }
}
