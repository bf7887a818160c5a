//! The record of one call, from its begin to its end.
//!
//! **Invariant:** an entry that was begun reaches the archive once, also when its call is dropped.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use contracts::{
    execution::Usage,
    id::{CallId, TenantId},
    llm::{CallAttempt, CallBodies, CallRecord, RecordBodies, Recording},
};
use documents::{ArchivedBodies, ArchivedCall};
use kernel::ModelCall;
use rust_decimal::Decimal;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{Span, field::Empty};

use super::{
    Asker,
    bill::{Bill, Spent, Tab},
    meters::{Limited, Permit},
};
use crate::{
    Error, State,
    domain::{
        answer::Answer,
        budget::{Bound, Kept as Budget, Payer},
        catalog::{FREE, Plan, Target, Vendor},
        price::Tariff,
        words,
    },
    ledger::{self, Hold, Wanted},
    records::{Records, words::Kept},
    state::Known,
};

/// The words of a call that may be kept.
struct Words {
    kept: Arc<Kept>,
    recording: Arc<Recording>,
    question: words::Words,
    answer: Option<words::Words>,
}

/// The record of a call while it is being written.
pub(super) struct Entry {
    records: Arc<Records>,
    tenant: TenantId,
    pub(super) record: CallRecord,
    tariff: Option<Arc<Tariff>>,
    prompt_estimate: u64,
    bill: Bill,
    /// How many questions had been put before whoever is asked now.
    put_before: usize,
    begun: Instant,
    first_token: Option<Duration>,
    pub(super) closed: bool,
    operation: &'static str,
    vendor: Vendor,
    span: Span,
    /// The words, where they may be kept.
    words: Option<Words>,
    /// The rights to be under way.
    permits: Vec<Permit>,
    /// What budgets hold back for it.
    hold: Option<Hold>,
    /// What earlier attempts took of it, held back again.
    more: Vec<(Hold, Decimal)>,
    /// The archive waits for the records that are still being written.
    _open: TaskTrackerToken,
}

impl Entry {
    pub(super) fn begin(
        records: Arc<Records>,
        asker: Asker,
        plan: &Plan,
        operation: &'static str,
        prompt_estimate: u64,
    ) -> Self {
        // Who is asked first may be another; until then this one stands for it.
        let target = &plan.choices[0].target;
        let record = CallRecord {
            id: CallId::generate(),
            provider: target.provider.clone(),
            model: target.model.clone(),
            route: plan.route.as_ref().map(|route| route.name.clone()),
            execution_id: asker.execution,
            flow_id: None,
            node: None,
            user_id: Some(asker.user),
            usage: Usage::ZERO,
            price_version: None,
            estimated: false,
            cached: false,
            similarity: None,
            duration_ms: 0,
            error: None,
            at: Utc::now(),
            attempts: Vec::new(),
            recorded: false,
        };
        let open = records.open();
        // OpenTelemetry's conventions for generative AI; question and answer are no part of it.
        let span = tracing::info_span!(
            target: kernel::telemetry::TELLS,
            "model",
            otel.name = operation,
            otel.kind = "client",
            gen_ai.operation.name = operation,
            gen_ai.provider.name = target.vendor.name(),
            gen_ai.request.model = plan.route.as_ref().map_or(target.model.as_str(), |it| it.name.as_str()),
            gen_ai.response.model = Empty,
            gen_ai.response.id = %record.id,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            "error.type" = Empty,
        );
        Self {
            records,
            tenant: asker.tenant,
            record,
            tariff: target.tariff.clone(),
            prompt_estimate,
            bill: Bill::default(),
            put_before: 0,
            begun: Instant::now(),
            first_token: None,
            closed: false,
            operation,
            vendor: target.vendor,
            span,
            words: None,
            permits: Vec::new(),
            hold: None,
            more: Vec::new(),
            _open: open,
        }
    }

    /// Has words that may be kept, of a question and of the answer as it comes.
    pub(super) fn records(
        &mut self,
        state: &State,
        recording: &Arc<Recording>,
        question: impl FnOnce(&Recording) -> words::Words,
    ) {
        if recording.bodies != RecordBodies::Off {
            self.words = Some(Words {
                kept: state.kept_words.clone(),
                question: question(recording),
                answer: None,
                recording: recording.clone(),
            });
        }
    }

    /// A piece of the answer has come.
    pub(super) fn heard(&mut self) {
        self.first_token.get_or_insert_with(|| self.begun.elapsed());
    }

    /// The answer, as far as it came.
    pub(super) fn said(&mut self, answer: &Answer) {
        if let Some(words) = &mut self.words {
            words.answer = words::of_answer(answer, &words.recording);
        }
    }

    /// Asks the limits of the organization and of the route.
    ///
    /// # Errors
    /// When one is reached.
    pub(super) fn admit(&mut self, state: &State, known: &Known, tokens: u64) -> Result<(), Error> {
        let route = self.record.route.as_deref();
        let permits = admitted(state, self.tenant, known, route, tokens)?;
        self.permits.extend(permits);
        Ok(())
    }

    /// The right to be asked of the provider that answers.
    pub(super) fn admitted(&mut self, permit: Option<Permit>) {
        self.permits.extend(permit);
    }

    /// An answer that was told before: it costs nothing.
    pub(super) fn is_cached(&mut self, similarity: Option<f64>) {
        self.record.cached = true;
        self.record.similarity = similarity;
        self.tariff = Some(Arc::new(Tariff::new(FREE)));
        self.record.price_version = None;
    }

    /// Holds back what the call may take.
    ///
    /// # Errors
    /// When a budget refuses.
    pub(super) async fn hold(
        &mut self,
        state: &State,
        payer: Payer,
        budgets: &[Budget],
        plan: &mut Plan,
        bound: Bound,
    ) -> Result<(), Error> {
        let wanted = Wanted {
            call: self.record.id,
            tenant: self.tenant,
            payer,
            bound,
        };
        self.hold = ledger::hold(state, wanted, budgets, plan).await?;
        Ok(())
    }

    /// Holds back again what the attempt took that failed, before there is another.
    ///
    /// # Errors
    /// When a budget refuses.
    pub(super) async fn hold_more(
        &mut self,
        state: &State,
        payer: Payer,
        budgets: &[Budget],
    ) -> Result<(), Error> {
        let amount = self.bill.spent(self.put_before).counted();
        if self.hold.is_none() || amount.is_zero() {
            return Ok(());
        }
        let hold = ledger::hold_more(state, self.tenant, payer, budgets, amount).await?;
        self.more.extend(hold.map(|hold| (hold, amount)));
        Ok(())
    }

    /// This one is asked now.
    pub(super) fn turn_to(&mut self, target: &Target) {
        if self.record.model != target.model || self.record.provider != target.provider {
            self.record.provider.clone_from(&target.provider);
            self.record.model.clone_from(&target.model);
        }
        self.put_before = self.bill.len();
        self.vendor = target.vendor;
        self.tariff.clone_from(&target.tariff);
        let version = target.tariff.as_ref().and_then(|it| it.version.as_deref());
        self.record.price_version = version.map(str::to_owned);
    }

    /// A question is put to whoever was turned to.
    pub(super) fn put(&self) -> Tab {
        self.asking()()
    }

    /// As [`Self::put`], as often as it is called.
    pub(super) fn asking(&self) -> impl Fn() -> Tab + Send + 'static {
        let (bill, tariff, prompt) = (self.bill.clone(), self.tariff.clone(), self.prompt_estimate);
        move || bill.put(tariff.clone(), prompt)
    }

    /// Who was asked so far.
    pub(super) fn note(&mut self, attempts: &[CallAttempt]) {
        self.record.attempts = attempts.to_vec();
    }

    /// What all took that were asked so far.
    pub(super) fn spent(&self) -> Spent {
        self.bill.spent(0)
    }

    /// What whoever was turned to has taken so far.
    pub(super) fn spent_now(&self) -> Usage {
        self.bill.spent(self.put_before).usage
    }

    /// It failed; the error that is given back says what was taken all the same.
    pub(super) fn close_failed(&mut self, error: Error) -> Error {
        self.close(Some(error.reason()));
        let usage = self.spent().told();
        match error {
            Error::Cancelled => error,
            error if usage == Usage::ZERO => error,
            error => Error::Charged {
                error: Box::new(error),
                usage,
            },
        }
    }

    pub(super) fn close(&mut self, error: Option<&'static str>) {
        self.closed = true;
        let spent = self.spent();
        let Spent {
            usage, estimated, ..
        } = spent;
        for mut permit in self.permits.drain(..) {
            permit.took(usage.prompt_tokens.saturating_add(usage.completion_tokens));
        }
        if let Some(hold) = self.hold.take() {
            let mut rest = spent.counted();
            for (more, amount) in self.more.drain(..) {
                rest -= amount;
                more.settle(amount);
            }
            hold.settle(rest);
        }
        let now = self.spent_now();
        if let Some(last) = self.record.attempts.last_mut() {
            last.usage = Some(now);
        }
        self.record.usage = usage;
        self.record.estimated = estimated;
        self.record.error = error.map(str::to_owned);
        self.record.duration_ms =
            u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.keep_words(error.is_some());
        self.tell(usage, error);
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

/// The rights to ask in the name of an organization, by way of a route where one is named.
///
/// # Errors
/// When a limit is reached.
pub(super) fn admitted(
    state: &State,
    tenant: TenantId,
    known: &Known,
    route: Option<&str>,
    tokens: u64,
) -> Result<Vec<Permit>, Error> {
    let of_route = known.route_limits(route);
    let all = [
        (known.limits(), Limited::Organization),
        (
            of_route,
            Limited::Route(route.unwrap_or_default().to_owned()),
        ),
    ];
    let mut permits = Vec::new();
    for (limits, limited) in all {
        let Some(limits) = limits else { continue };
        let whose = match &limited {
            Limited::Route(name) => format!("route `{name}`"),
            Limited::Organization | Limited::Provider(_) => "the organization".to_owned(),
        };
        let permit = state.meters.admit(tenant, limited, limits, tokens);
        permits.push(permit.map_err(|pause| Error::LimitReached {
            whose,
            retry_after_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        })?);
    }
    Ok(permits)
}

impl Entry {
    fn keep_words(&mut self, has_failed: bool) {
        let words = self.words.take();
        let Some(words) = words.filter(|it| words::are_kept(&it.recording, has_failed)) else {
            return;
        };
        let (request, is_cut) = words.question;
        let (response, is_answer_cut) = words.answer.unzip();
        self.record.recorded = words.kept.keep(ArchivedBodies {
            tenant: self.tenant,
            execution: self.record.execution_id,
            bodies: CallBodies {
                call_id: self.record.id,
                request,
                response,
                cut: is_cut || is_answer_cut.unwrap_or(false),
            },
        });
    }

    /// Tells whoever observes the platform.
    fn tell(&mut self, usage: Usage, error: Option<&'static str>) {
        let span = std::mem::replace(&mut self.span, Span::none());
        span.record("gen_ai.provider.name", self.vendor.name());
        span.record("gen_ai.response.model", self.record.model.as_str());
        span.record("gen_ai.usage.input_tokens", usage.prompt_tokens);
        span.record("gen_ai.usage.output_tokens", usage.completion_tokens);
        if let Some(error) = error {
            span.record("error.type", error);
        }
        kernel::model_call(ModelCall {
            operation: self.operation,
            provider: self.vendor.name(),
            input_tokens: usage.prompt_tokens,
            output_tokens: usage.completion_tokens,
            duration: self.begun.elapsed(),
            first_token: self.first_token,
            error,
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // The caller left while the provider was still being asked.
        if !self.closed {
            self.close(Some(Error::Gone.reason()));
        }
    }
}
