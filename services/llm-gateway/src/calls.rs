//! One call, from the question to its record: what both faces, NATS and HTTP, stand on.
//!
//! Here are the questions; the texts that become vectors are in [`embed`].
//!
//! **Invariant:** each question that was put to a provider leaves exactly one record, however the call ends; a call
//! that ends early drops its provider's answer at once.

mod alike;
mod bill;
mod cached;
mod checked;
mod embed;
mod entry;
mod guarded;
mod health;
mod meters;
mod opening;
mod router;

use std::{borrow::Cow, pin::Pin, sync::Arc, time::Duration};

use contracts::{
    Principal,
    id::{CallId, ExecutionId, FlowId, TenantId, UserId},
    llm::{Complete, Completion},
};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, Peekable},
};
use kernel::{Ear, TaskCtx};
use tokio::time::{Instant, timeout, timeout_at};

use self::{
    cached::Flight,
    entry::{Entry, admitted},
    opening::Opening,
};
pub(crate) use self::{cached::Flights, embed::embed, health::Health, meters::Meters};
use crate::{
    Error, State,
    domain::{
        answer::{Answer, tokens_of_question},
        budget::Payer,
        catalog::{Plan, Target, Wanted},
        guard,
        piece::Piece,
        question,
        shape::Shape,
        words,
    },
    provider::{Fault, Question, fault::FaultKind},
};

/// In whose name a question is put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    /// Set where a run asks; its cancellation ends the call.
    pub(crate) execution: Option<ExecutionId>,
}

impl Asker {
    pub(crate) fn of(principal: &Principal) -> Self {
        Self {
            tenant: principal.tenant,
            user: principal.user_id,
            execution: principal.execution_id,
        }
    }

    fn payer(&self, flow: Option<FlowId>) -> Payer {
        Payer {
            user: self.user,
            flow,
            execution: self.execution,
        }
    }
}

/// A question that a provider has taken.
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) target: Target,
    /// Parameters that have no effect at this provider.
    pub(crate) ignored: Vec<String>,
    pieces: Peekable<BoxStream<'static, Result<Piece, Fault>>>,
    ear: Option<Ear>,
    silence: Duration,
    /// Since when the next piece has been waited for, however often the wait was taken up again.
    silent_since: Option<Instant>,
    answer: Answer,
    /// Whether equal questions are answered by it.
    is_kept: bool,
    flight: Option<Flight>,
    entry: Entry,
}

/// Finds who may answer and puts the question. `streamed` is how a provider is asked, not how the caller is answered.
pub(crate) async fn begin(
    state: &State,
    asker: Asker,
    ask: &Complete,
    streamed: bool,
) -> Result<Call, Error> {
    question::check(ask)?;
    let known = state.known(asker.tenant).await?;
    let plan = known.catalog().plan(wanted(ask))?;
    let rails = plan.route.as_ref().and_then(|it| it.guardrails.as_ref());
    let put = as_put(ask, &plan)?;
    let is_rehearsal = plan.choices.iter().all(|it| it.target.is_rehearsal());
    let shape = match is_rehearsal {
        true => None,
        false => Shape::of(&put)?,
    };
    let rails = rails.filter(|rails| guard::looks_at_answers(rails));
    let rails = rails.cloned().map(Arc::new);
    let ear = listen(state, asker);
    let prompt = tokens_of_question(&put);
    let records = state.records.clone();
    let mut entry = Entry::begin(records, asker, &plan, "chat", prompt);
    entry.record.flow_id = ask.flow_id;
    entry.record.node.clone_from(&ask.node);
    entry.records(state, known.recording(), |recording| {
        words::of_question(&put, recording)
    });
    let opening = Opening {
        state,
        known: &known,
        asker,
        ask: &put,
        prompt,
        streamed,
        shape,
        rails,
        ear: ear.as_ref(),
    };
    match opening.open(plan, &mut entry).await {
        Ok(opened) => Ok(Call {
            id: entry.record.id,
            ignored: opened.ignored,
            pieces: opened.pieces.peekable(),
            target: opened.target,
            ear,
            silence: opened.silence,
            silent_since: None,
            answer: Answer::default(),
            is_kept: opened.flight.is_some(),
            flight: opened.flight,
            entry,
        }),
        Err(error) => Err(entry.close_failed(error)),
    }
}

/// The question as the guardrails of its route let it out.
fn as_put<'a>(ask: &'a Complete, plan: &Plan) -> Result<Cow<'a, Complete>, Error> {
    let Some(route) = &plan.route else {
        return Ok(Cow::Borrowed(ask));
    };
    match &route.guardrails {
        None => Ok(Cow::Borrowed(ask)),
        Some(rails) => guard::question(ask, rails)
            .map(Cow::Owned)
            .map_err(|guard::Blocked| Error::Guarded(route.name.clone())),
    }
}

fn wanted(ask: &Complete) -> Wanted<'_> {
    Wanted {
        model: ask.model.as_deref(),
        route: ask.route.as_deref(),
    }
}

/// The tokens of a question, without putting it; what that takes nobody charges.
pub(crate) async fn count(state: &State, asker: Asker, ask: &Complete) -> Result<u64, Error> {
    question::check(ask)?;
    let known = state.known(asker.tenant).await?;
    let plan = known.catalog().plan(wanted(ask))?;
    let put = as_put(ask, &plan)?;
    let name = plan.route.as_ref().map(|route| route.name.as_str());
    let _permits = admitted(state, asker.tenant, &known, name, 0)?;
    // Of a route the first: a count is for one model, and the first is most often the one that answers.
    let target = plan.choices[0].target.clone();
    let provider = state.provider(asker.tenant, &known, &target, 0)?;
    let question = Question {
        model: &target.model,
        ask: &put,
        streamed: false,
    };
    let patience = state.settings.patience(true);
    asked(provider.count(question), &target, patience, None).await
}

/// Hears cancellations until the service stops.
pub(crate) async fn follow_cancels(task: TaskCtx<State>) {
    task.state.cancels.follow(&task.bus, &task.stop).await;
}

fn listen(state: &State, asker: Asker) -> Option<Ear> {
    asker
        .execution
        .map(|execution| state.cancels.listen(asker.tenant, execution))
}

/// What the provider says to being asked; it may be silent this long, and the execution may be cancelled meanwhile.
async fn asked<T>(
    asking: BoxFuture<'_, Result<T, Fault>>,
    target: &Target,
    patience: Duration,
    ear: Option<&Ear>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        () = cancelled(ear) => Err(Error::Cancelled),
        taken = timeout(patience, asking) => match taken {
            Ok(taken) => taken.map_err(Error::Provider),
            Err(_) => Err(Fault::new(&target.provider, FaultKind::Slow).into()),
        },
    }
}

impl Call {
    /// The next piece; none once the answer is complete.
    ///
    /// # Errors
    /// When there will be no complete answer. The call is over then.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, Error> {
        if self.entry.closed {
            return Ok(None);
        }
        match self.advance().await {
            Ok(Some(piece)) => {
                if piece.is_heard() {
                    self.entry.heard();
                }
                Ok(Some(piece))
            }
            Ok(None) => {
                self.entry.said(&self.answer);
                let estimated = self.entry.spent().estimated;
                self.entry.close(None);
                if let Some(flight) = self.flight.take().filter(|_| !estimated) {
                    let done = self.completion();
                    flight.land(&done.expect("the answer is complete")).await;
                }
                Ok(None)
            }
            Err(error) => {
                self.pieces = futures::stream::empty().boxed().peekable();
                self.entry.said(&self.answer);
                Err(self.entry.close_failed(error))
            }
        }
    }

    /// Whether the next piece is there already and is nothing but text.
    pub(crate) fn has_text(&mut self) -> bool {
        let next = Pin::new(&mut self.pieces).peek_mut().now_or_never();
        let Some(Some(Ok(piece))) = next else {
            return false;
        };
        piece.text_alone().is_some()
    }

    async fn advance(&mut self) -> Result<Option<Piece>, Error> {
        let provider = &self.target.provider;
        let until = *self.silent_since.get_or_insert_with(Instant::now) + self.silence;
        let next = tokio::select! {
            biased;
            () = cancelled(self.ear.as_ref()) => return Err(Error::Cancelled),
            next = timeout_at(until, self.pieces.next()) => next,
        };
        self.silent_since = None;
        let piece = match next.map_err(|_| Fault::new(provider, FaultKind::Slow))? {
            Some(piece) => piece?,
            None if self.answer.finish().is_some() => return Ok(None),
            None => return Err(Fault::new(provider, FaultKind::Cut).into()),
        };
        self.answer.add(&piece).map_err(|nonsense| {
            Fault::new(provider, FaultKind::Garbage).because(nonsense.to_string())
        })?;
        Ok(Some(piece))
    }

    /// The whole answer, after [`Call::next`] has said that it is complete.
    pub(crate) fn completion(&self) -> Option<Completion> {
        let finish_reason = self.answer.finish()?;
        let usage = self.entry.spent().told();
        Some(Completion {
            id: self.id,
            provider: self.target.provider.clone(),
            model: self.target.model.clone(),
            message: self.answer.message(),
            finish_reason,
            usage,
            rehearsal: self.target.is_rehearsal(),
            dropped: self.ignored.clone(),
            cached: self.entry.record.cached,
            similarity: self.entry.record.similarity,
        })
    }

    /// `hit`, `semantic` with how near the earlier question was, or `miss`, where the route has a cache.
    pub(crate) fn cache(&self) -> Option<Cow<'static, str>> {
        let record = &self.entry.record;
        match (record.cached, record.similarity) {
            (true, Some(near)) => Some(format!("semantic; similarity={near}").into()),
            (true, None) => Some("hit".into()),
            (false, _) => self.is_kept.then(|| "miss".into()),
        }
    }

    /// How many were asked, where a route was named.
    pub(crate) fn attempts(&self) -> Option<usize> {
        let record = &self.entry.record;
        record.route.is_some().then_some(record.attempts.len())
    }

    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Whoever asked has left: what was heard until then is kept.
        if !self.entry.closed {
            self.entry.said(&self.answer);
        }
    }
}

async fn cancelled(ear: Option<&Ear>) {
    match ear {
        Some(ear) => ear.cancelled().await,
        None => std::future::pending().await,
    }
}
