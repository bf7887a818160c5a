//! From a question to whoever answers it: limits, cache and budgets are asked, then one provider after the other. Where
//! another could answer in its place, the first word of a provider is waited for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contracts::llm::{Complete, Fallback, FinishReason, Guardrails, RouteSpec};
use futures::{StreamExt, stream, stream::BoxStream};
use kernel::Ear;
use tokio::time::timeout_at;

use super::{
    Asker,
    alike::alike,
    asked,
    cached::{Flight, Kept, Look, look},
    cancelled,
    checked::{Again, checked},
    entry::Entry,
    guarded::guarded,
    router::{Router, Turn},
};
use crate::{
    Error, State,
    domain::{
        budget::{Bound, OPEN_ANSWER},
        catalog::{Plan, Target},
        piece::Piece,
        shape::Shape,
    },
    provider::{Fault, Question, anthropic::model, fault::FaultKind},
    state::Known,
};

/// Tokens of an answer whose length is not limited, to compare prices by and to count with until it is over.
const TYPICAL_ANSWER: u64 = 1000;

type Pieces = BoxStream<'static, Result<Piece, Fault>>;

/// A question on its way to whoever may answer it.
pub(super) struct Opening<'a> {
    pub(super) state: &'a State,
    pub(super) known: &'a Known,
    pub(super) asker: Asker,
    pub(super) ask: &'a Complete,
    /// The tokens that it may have.
    pub(super) prompt: u64,
    pub(super) streamed: bool,
    pub(super) shape: Option<Shape>,
    /// What of the route looks at answers.
    pub(super) rails: Option<Arc<Guardrails>>,
    pub(super) ear: Option<&'a Ear>,
}

/// A question that was taken.
pub(super) struct Opened {
    pub(super) target: Target,
    pub(super) flight: Option<Flight>,
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

/// Tokens of an answer to a question without a limit, from whoever of them answers at the greatest length.
fn longest(plan: &Plan) -> u64 {
    let answers = plan
        .choices
        .iter()
        .map(|it| model::open_answer(&it.target.model).unwrap_or(OPEN_ANSWER));
    answers.max().unwrap_or(OPEN_ANSWER)
}

impl Opening<'_> {
    /// Asks the limits, the cache and the budgets, then one provider after the other until one begins to answer.
    pub(super) async fn open(&self, mut plan: Plan, entry: &mut Entry) -> Result<Opened, Error> {
        let prompt = self.prompt;
        let answer = self.ask.max_tokens.map_or(TYPICAL_ANSWER, u64::from);
        entry.admit(self.state, self.known, prompt.saturating_add(answer))?;
        let route = plan.route.clone();
        let found = match &route {
            None => None,
            Some(route) => self.look(route).await?,
        };
        let flight = match found {
            None => None,
            Some(Look::Miss(flight)) => Some(flight),
            Some(Look::Hit(kept)) => match self.again(&kept, entry) {
                Some(opened) => return Ok(opened),
                None => None,
            },
        };
        let payer = self.asker.payer(self.ask.flow_id);
        let budgets = self.known.budgets();
        if !budgets.is_empty() {
            let bound = Bound::of(self.ask, self.shape.is_some(), longest(&plan));
            entry
                .hold(self.state, payer, budgets, &mut plan, bound)
                .await?;
        }
        let (id, tokens) = (entry.record.id, (prompt, answer));
        let tenant = self.asker.tenant;
        let mut router = Router::new(self.state, tenant, self.known, plan, id, tokens);
        loop {
            let turn = router.next(self.ear).await?;
            entry.turn_to(&turn.target);
            let outcome = match self.attempt(&router, &turn, entry).await {
                Ok(opened) => {
                    entry.admitted(router.succeeded(turn));
                    Ok(Some(opened))
                }
                Err(error) => router.failed(turn, error, entry.spent_now()).map(|()| None),
            };
            entry.note(router.attempts());
            if let Some(opened) = outcome? {
                return Ok(Opened { flight, ..opened });
            }
            entry.hold_more(self.state, payer, budgets).await?;
        }
    }

    /// What the cache has, for an equal question or for one that means the same.
    async fn look(&self, route: &RouteSpec) -> Result<Option<Look>, Error> {
        let found = look(self.state, self.asker.tenant, route, self.ask, self.ear).await?;
        Ok(match found {
            Some(Look::Miss(flight)) => Some(alike(self, route, flight).await?),
            found => found,
        })
    }

    /// An answer that was given before; none where whoever gave it is gone.
    fn again(&self, kept: &Kept, entry: &mut Entry) -> Option<Opened> {
        let target = self.known.catalog().find(&kept.provider, &kept.model)?;
        entry.turn_to(&target);
        entry.is_cached(kept.similarity);
        Some(Opened {
            target,
            flight: None,
            ignored: kept.dropped.clone(),
            pieces: entry.put().follow(kept.pieces()),
            silence: self.state.settings.silence(),
        })
    }

    async fn attempt(&self, router: &Router, turn: &Turn, entry: &Entry) -> Result<Opened, Error> {
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
        let tab = entry.put();
        let taken = asked(provider.ask(question), target, patience.first, self.ear).await;
        let taken = match taken {
            Err(Error::Provider(fault)) => {
                tab.failed(&fault);
                return Err(fault.into());
            }
            taken => taken?,
        };
        let pieces = tab.follow(taken.pieces);
        // A rehearsal says what it is told to say.
        let shape = self.shape.clone().filter(|_| !target.is_rehearsal());
        let pieces = match shape {
            None => pieces,
            Some(shape) => {
                let again = Again {
                    provider,
                    name: target.provider.clone(),
                    model: target.model.clone(),
                    ask: self.ask.clone(),
                    streamed,
                    put: Box::new(entry.asking()),
                };
                checked(shape, pieces, again)
            }
        };
        let pieces = match &self.rails {
            None => pieces,
            Some(rails) => guarded(pieces, &target.provider, rails.clone()),
        };
        let pieces = match is_routed {
            true => self.first_word(router, turn, pieces, patience).await?,
            false => pieces,
        };
        Ok(Opened {
            target: target.clone(),
            flight: None,
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
