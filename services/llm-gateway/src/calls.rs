//! One call, from the question to its record: what both faces, NATS and HTTP, stand on.
//!
//! **Invariant:** each question that was put to a provider leaves exactly one record, however the call ends; a call
//! that ends early drops its provider's answer at once.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use contracts::{
    execution::Usage,
    id::{CallId, ExecutionId, TenantId},
    llm::{CallRecord, Complete, Completion},
};
use documents::ArchivedCall;
use futures::{StreamExt, stream::BoxStream};
use kernel::Ear;
use tokio::time::{Instant, timeout};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::{
    Error, State,
    domain::{
        answer::{Answer, estimate_prompt},
        catalog::Target,
        piece::{Piece, Tokens},
        price, question,
    },
    provider::{Fault, Question, fault::FaultKind},
    records::Records,
};

/// In whose name a question is put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) tenant: TenantId,
    /// Set where a run asks; its cancellation ends the call.
    pub(crate) execution: Option<ExecutionId>,
}

/// A question that a provider has taken.
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) target: Target,
    /// Parameters that have no effect at this provider.
    pub(crate) ignored: Vec<String>,
    pieces: BoxStream<'static, Result<Piece, Fault>>,
    ear: Option<Ear>,
    silence: Duration,
    answer: Answer,
    entry: Entry,
}

/// Finds the model and puts the question. `streamed` is how the provider is asked, not how the caller is answered.
pub(crate) async fn begin(
    state: &State,
    asker: Asker,
    ask: &Complete,
    streamed: bool,
) -> Result<Call, Error> {
    question::check(ask)?;
    if let Some(route) = &ask.route {
        return Err(Error::UnknownRoute(route.chars().take(64).collect()));
    }
    let known = state.known(asker.tenant).await?;
    let target = known.catalog().resolve(ask.model.as_deref())?;
    let provider = state.provider(asker.tenant, &known, &target)?;
    let ear = asker
        .execution
        .map(|execution| state.cancels.listen(asker.tenant, execution));
    let mut entry = Entry::begin(state.records.clone(), asker, &target, ask);
    let patience = state.settings.patience(streamed);
    let question = Question {
        model: &target.model,
        ask,
        streamed,
    };
    let taken = tokio::select! {
        biased;
        () = cancelled(ear.as_ref()) => Err(Error::Cancelled),
        taken = timeout(patience, provider.ask(question)) => match taken {
            Ok(taken) => taken.map_err(Error::Provider),
            Err(_) => Err(Fault::new(&target.provider, FaultKind::Slow).into()),
        },
    };
    match taken {
        Ok(taken) => Ok(Call {
            id: entry.record.id,
            target,
            ignored: taken.ignored,
            pieces: taken.pieces,
            ear,
            silence: state.settings.silence(),
            answer: Answer::default(),
            entry,
        }),
        Err(error) => {
            // A provider that took no question charges nothing; one that was left waiting may.
            match error {
                Error::Cancelled => entry.close_estimated(0, error.reason()),
                _ => entry.close(Usage::ZERO, false, Some(error.reason())),
            }
            Err(error)
        }
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
        let outcome = self.advance().await;
        match &outcome {
            Ok(Some(_)) => {}
            Ok(None) => {
                let (usage, estimated) = self.spent();
                self.entry.close(usage, estimated, None);
            }
            Err(error) => {
                self.pieces = futures::stream::empty().boxed();
                self.close_early(error.reason());
            }
        }
        outcome
    }

    async fn advance(&mut self) -> Result<Option<Piece>, Error> {
        let provider = &self.target.provider;
        let next = tokio::select! {
            biased;
            () = cancelled(self.ear.as_ref()) => return Err(Error::Cancelled),
            next = timeout(self.silence, self.pieces.next()) => next,
        };
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
        let (mut usage, estimated) = self.spent();
        if estimated {
            // The tokens are a guess, so the price is not known.
            usage.cost = None;
        }
        Some(Completion {
            id: self.id,
            provider: self.target.provider.clone(),
            model: self.target.model.clone(),
            message: self.answer.message(),
            finish_reason,
            usage,
            rehearsal: self.target.is_rehearsal(),
        })
    }

    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }

    /// What the answer took, and whether that is an estimate.
    fn spent(&self) -> (Usage, bool) {
        match self.answer.tokens() {
            Some(tokens) => (self.entry.usage(tokens), false),
            None => (self.entry.estimate(self.answer.estimate()), true),
        }
    }

    fn close_early(&mut self, reason: &'static str) {
        let (usage, estimated) = self.spent();
        self.entry.close(usage, estimated, Some(reason));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.entry.closed {
            self.close_early(Error::Gone.reason());
        }
    }
}

async fn cancelled(ear: Option<&Ear>) {
    match ear {
        Some(ear) => ear.cancelled().await,
        None => std::future::pending().await,
    }
}

/// The record of a call while it is being written.
struct Entry {
    records: Arc<Records>,
    tenant: TenantId,
    record: CallRecord,
    price: Option<contracts::llm::Price>,
    prompt_estimate: u64,
    begun: Instant,
    closed: bool,
    /// The archive waits for the records that are still being written.
    _open: TaskTrackerToken,
}

impl Entry {
    fn begin(records: Arc<Records>, asker: Asker, target: &Target, ask: &Complete) -> Self {
        let record = CallRecord {
            id: CallId::generate(),
            provider: target.provider.clone(),
            model: target.model.clone(),
            execution_id: asker.execution,
            flow_id: ask.flow_id,
            node: ask.node.clone(),
            usage: Usage::ZERO,
            estimated: false,
            duration_ms: 0,
            error: None,
            at: Utc::now(),
        };
        let open = records.open();
        Self {
            records,
            tenant: asker.tenant,
            record,
            price: target.price,
            prompt_estimate: estimate_prompt(&ask.messages),
            begun: Instant::now(),
            closed: false,
            _open: open,
        }
    }

    fn usage(&self, tokens: &Tokens) -> Usage {
        Usage {
            prompt_tokens: tokens.prompt,
            completion_tokens: tokens.completion,
            cost: price::cost(self.price, tokens.prompt, tokens.completion),
        }
    }

    fn estimate(&self, completion_tokens: u64) -> Usage {
        self.usage(&Tokens::new(self.prompt_estimate, completion_tokens))
    }

    fn close_estimated(&mut self, completion_tokens: u64, error: &'static str) {
        self.close(self.estimate(completion_tokens), true, Some(error));
    }

    fn close(&mut self, usage: Usage, estimated: bool, error: Option<&'static str>) {
        self.closed = true;
        self.record.usage = usage;
        self.record.estimated = estimated;
        self.record.error = error.map(str::to_owned);
        self.record.duration_ms =
            u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            call.id = %self.record.id,
            llm.provider = self.record.provider,
            llm.tokens_in = usage.prompt_tokens,
            llm.tokens_out = usage.completion_tokens,
            duration_ms = self.record.duration_ms,
            error,
            "a model was asked"
        );
        self.records.keep(ArchivedCall {
            tenant: self.tenant,
            record: self.record.clone(),
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // The caller left while the provider was still being asked.
        if !self.closed {
            self.close_estimated(0, Error::Gone.reason());
        }
    }
}
