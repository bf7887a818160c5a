//! The record of one call, from its begin to its end.
//!
//! **Invariant:** an entry that was begun reaches the archive once, also when its call is dropped.

use std::sync::Arc;

use chrono::Utc;
use contracts::{
    execution::Usage,
    id::{CallId, TenantId},
    llm::{CallAttempt, CallRecord, Price},
};
use documents::ArchivedCall;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Asker;
use crate::{
    Error, State,
    domain::{
        budget::{Bound, Kept, Payer},
        catalog::{Plan, Target},
        piece::Tokens,
        price,
    },
    ledger::{self, Hold, Wanted},
    records::Records,
};

/// The record of a call while it is being written.
pub(super) struct Entry {
    records: Arc<Records>,
    tenant: TenantId,
    pub(super) record: CallRecord,
    price: Option<Price>,
    prompt_estimate: u64,
    begun: Instant,
    pub(super) closed: bool,
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
            estimated: false,
            duration_ms: 0,
            error: None,
            at: Utc::now(),
            attempts: Vec::new(),
        };
        let open = records.open();
        Self {
            records,
            tenant: asker.tenant,
            record,
            price: target.price,
            prompt_estimate,
            begun: Instant::now(),
            closed: false,
            hold: None,
            _open: open,
        }
    }

    /// Holds back what the call may take.
    ///
    /// # Errors
    /// When a budget refuses; the entry is closed then.
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
        let held = ledger::hold(state, wanted, budgets, plan).await;
        self.hold = held.inspect_err(|error| self.close_refused(error))?;
        Ok(())
    }

    /// This one is asked now.
    pub(super) fn turn_to(&mut self, target: &Target) {
        if self.record.model != target.model || self.record.provider != target.provider {
            self.record.provider.clone_from(&target.provider);
            self.record.model.clone_from(&target.model);
        }
        self.price = target.price;
    }

    /// Who was asked so far.
    pub(super) fn note(&mut self, attempts: &[CallAttempt]) {
        self.record.attempts = attempts.to_vec();
    }

    pub(super) fn usage(&self, tokens: &Tokens) -> Usage {
        Usage {
            prompt_tokens: tokens.prompt,
            completion_tokens: tokens.completion,
            cost: price::cost(self.price, tokens.prompt, tokens.completion),
        }
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
        if let Some(hold) = self.hold.take() {
            hold.settle(usage.cost.unwrap_or_default());
        }
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
