//! The record of one call, from its begin to its end.
//!
//! **Invariant:** an entry that was begun reaches the archive once, also when its call is dropped.

use std::sync::Arc;

use chrono::Utc;
use contracts::{
    execution::Usage,
    id::{CallId, TenantId},
    llm::{CallAttempt, CallRecord},
};
use documents::ArchivedCall;
use kernel::ModelCall;
use rust_decimal::Decimal;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{Span, field::Empty};

use super::{
    Asker,
    meters::{Limited, Permit},
};
use crate::{
    Error, State,
    domain::{
        budget::{Bound, Kept, Payer},
        catalog::{FREE, Plan, Target, Vendor},
        piece::Tokens,
        price::Tariff,
    },
    ledger::{self, Hold, Wanted},
    records::Records,
    state::Known,
};

/// The record of a call while it is being written.
pub(super) struct Entry {
    records: Arc<Records>,
    tenant: TenantId,
    pub(super) record: CallRecord,
    tariff: Option<Arc<Tariff>>,
    prompt_estimate: u64,
    begun: Instant,
    pub(super) closed: bool,
    operation: &'static str,
    vendor: Vendor,
    span: Span,
    /// The rights to be under way.
    permits: Vec<Permit>,
    /// What budgets hold back for it.
    hold: Option<Hold>,
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
            begun: Instant::now(),
            closed: false,
            operation,
            vendor: target.vendor,
            span,
            permits: Vec::new(),
            hold: None,
            _open: open,
        }
    }

    /// Asks the limits of the organization and of the route.
    ///
    /// # Errors
    /// When one is reached.
    pub(super) fn admit(&mut self, state: &State, known: &Known, tokens: u64) -> Result<(), Error> {
        let route = self.record.route.clone();
        let of_route = known.route_limits(route.as_deref());
        let all = [
            (known.limits(), Limited::Organization),
            (of_route, Limited::Route(route.unwrap_or_default())),
        ];
        for (limits, limited) in all {
            let Some(limits) = limits else { continue };
            let whose = match &limited {
                Limited::Route(name) => format!("route `{name}`"),
                Limited::Organization | Limited::Provider(_) => "the organization".to_owned(),
            };
            let permit = state.meters.admit(self.tenant, limited, limits, tokens);
            let permit = permit.map_err(|pause| Error::LimitReached {
                whose,
                retry_after_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            });
            self.permits.push(permit?);
        }
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
        budgets: &[Kept],
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

    /// This one is asked now.
    pub(super) fn turn_to(&mut self, target: &Target) {
        if self.record.model != target.model || self.record.provider != target.provider {
            self.record.provider.clone_from(&target.provider);
            self.record.model.clone_from(&target.model);
        }
        self.vendor = target.vendor;
        self.tariff.clone_from(&target.tariff);
        let version = target.tariff.as_ref().and_then(|it| it.version.as_deref());
        self.record.price_version = version.map(str::to_owned);
    }

    /// Who was asked so far.
    pub(super) fn note(&mut self, attempts: &[CallAttempt]) {
        self.record.attempts = attempts.to_vec();
    }

    pub(super) fn usage(&self, tokens: &Tokens) -> Usage {
        Usage {
            prompt_tokens: tokens.prompt,
            completion_tokens: tokens.completion,
            cost: self.tariff.as_ref().and_then(|tariff| tariff.cost(tokens)),
        }
    }

    /// What budgets count where the vendor's own terms have no price that is known.
    fn about(&self, usage: Usage) -> Option<Decimal> {
        let tokens = Tokens::new(usage.prompt_tokens, usage.completion_tokens);
        self.tariff.as_ref()?.cost(&tokens)
    }

    pub(super) fn estimate(&self, completion_tokens: u64) -> Usage {
        self.usage(&Tokens::new(self.prompt_estimate, completion_tokens))
    }

    /// The provider did not take it.
    pub(super) fn close_refused(&mut self, error: &Error) {
        // A provider that took no question charges nothing; one that was left waiting may.
        match error {
            Error::Cancelled => self.close_estimated(0, error.reason()),
            _ => self.close(Usage::ZERO, false, Some(error.reason())),
        }
    }

    fn close_estimated(&mut self, completion_tokens: u64, error: &'static str) {
        self.close(self.estimate(completion_tokens), true, Some(error));
    }

    pub(super) fn close(&mut self, usage: Usage, estimated: bool, error: Option<&'static str>) {
        self.closed = true;
        for mut permit in self.permits.drain(..) {
            permit.took(usage.prompt_tokens.saturating_add(usage.completion_tokens));
        }
        if let Some(hold) = self.hold.take() {
            hold.settle(usage.cost.or_else(|| self.about(usage)).unwrap_or_default());
        }
        self.record.usage = usage;
        self.record.estimated = estimated;
        self.record.error = error.map(str::to_owned);
        self.record.duration_ms =
            u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
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

impl Entry {
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
            error,
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
