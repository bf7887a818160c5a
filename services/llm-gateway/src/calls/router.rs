//! Whom a question is put to, and to whom next where that fails.
//!
//! **Invariant:** a question is put at most as often as its route says, and waits no longer than that says; who asked for
//! a pause is not asked before its end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contracts::{
    execution::Usage,
    id::{CallId, ProviderId, TenantId},
    llm::{CallAttempt, Fallback, RateLimits, RouteSpec},
};
use kernel::Ear;

use super::{
    cancelled,
    health::{Health, Pass, Place},
    meters::{Limited, Meters, Permit},
};
use crate::{
    Error, State,
    domain::{
        catalog::{Plan, Target},
        price::Most,
        routing::{self, Figures},
    },
    provider::{Fault, fault::FaultKind},
    state::Known,
};

/// Attempts that are kept of one call.
const KEPT_ATTEMPTS: usize = 32;
/// How long a key rests that was refused.
const BAD_KEY: Duration = Duration::from_secs(60);
/// How long a key rests after a refusal that names no time.
const RATE_LIMITED: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// One who may be asked.
#[derive(Clone)]
struct Candidate {
    target: Target,
    key: u32,
    /// Where its breaker is kept; none where there is nobody else to ask.
    place: Option<Place>,
    limits: Option<(ProviderId, RateLimits)>,
    /// It cannot answer this question.
    is_out: bool,
}

/// One who is to be asked now.
pub(super) struct Turn {
    pub(super) target: Target,
    /// The number of the key, from 0.
    pub(super) key: u32,
    pub(super) begun: Instant,
    pass: Option<Pass>,
    /// Held until the call is over.
    permit: Option<Permit>,
}

pub(super) struct Router {
    health: Arc<Health>,
    meters: Arc<Meters>,
    tenant: TenantId,
    /// Tokens of the question and its answer, about.
    tokens: u64,
    route: Option<Arc<RouteSpec>>,
    candidates: Vec<Candidate>,
    /// The next one of this round.
    at: usize,
    round: u32,
    attempts: u32,
    max_attempts: u32,
    waited: Duration,
    /// Whether anybody was asked in this round.
    has_asked: bool,
    /// A provider that may not be asked more for now.
    limited: Option<String>,
    /// When the first of those who rest may be asked again.
    soonest: Option<Instant>,
    last: Option<Error>,
    log: Vec<CallAttempt>,
}

/// What a failure means for the question.
enum Verdict {
    /// Nobody else would do better, or nobody else may be asked.
    Final,
    /// Another may do better, and the same a little later.
    Next,
    /// Another may do better; the same will not.
    Other,
}

impl Router {
    /// `tokens` are those of the question and of its answer, at most, as far as one can tell.
    pub(super) fn new(
        state: &State,
        tenant: TenantId,
        known: &Known,
        plan: Plan,
        id: CallId,
        tokens: (u64, u64),
    ) -> Self {
        let health = state.health.clone();
        // The last bytes of the id are random.
        let seed = u64::try_from(id.uuid().as_u128() & u128::from(u64::MAX)).unwrap_or(0);
        let places = match &plan.route {
            None => vec![0],
            Some(route) => {
                let about = Most {
                    prompt: tokens.0,
                    completion: tokens.1,
                    is_kept_long: false,
                };
                let figures = Figures {
                    seed,
                    latency_ms: &|choice| health.latency_ms(tenant, &choice.target),
                    cost: &|choice| choice.target.tariff.as_ref()?.bound(about),
                };
                routing::order(route.strategy, &plan.choices, &figures)
            }
        };
        let is_routed = plan.route.is_some();
        let mut candidates = Vec::new();
        for place in places {
            let target = &plan.choices[place].target;
            let (keys, mark) = known.keys(target);
            let limits = known.catalog().limits(target);
            let limits = limits.map(|(id, limits)| (id, *limits));
            // Questions are spread over the keys.
            let first = u32::try_from(seed % u64::from(keys)).unwrap_or(0);
            for number in 0..keys {
                let key = (first + number) % keys;
                candidates.push(Candidate {
                    place: (is_routed || keys > 1).then(|| Place {
                        tenant,
                        source: target.source,
                        model: target.model.clone(),
                        key: (mark, key),
                    }),
                    target: target.clone(),
                    key,
                    limits,
                    is_out: false,
                });
            }
        }
        let keys = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        Self {
            health,
            meters: state.meters.clone(),
            tenant,
            tokens: tokens.0.saturating_add(tokens.1),
            max_attempts: plan.route.as_ref().map_or(keys, |route| route.max_attempts),
            route: plan.route,
            candidates,
            at: 0,
            round: 0,
            attempts: 0,
            waited: Duration::ZERO,
            has_asked: false,
            limited: None,
            soonest: None,
            last: None,
            log: Vec::new(),
        }
    }

    pub(super) fn route(&self) -> Option<&Arc<RouteSpec>> {
        self.route.as_ref()
    }

    /// Who was asked so far.
    pub(super) fn attempts(&self) -> &[CallAttempt] {
        &self.log
    }

    /// Whether this failure would lead to somebody else.
    pub(super) fn has_other(&self, turn: &Turn, on: Fallback) -> bool {
        let mut others = self.candidates.iter().filter(|other| !other.is_out);
        self.falls_back(on)
            && self.attempts < self.max_attempts
            && others.any(|other| !other.target.is_same_model(&turn.target))
    }

    /// Who is to be asked next, once the time has come.
    ///
    /// # Errors
    /// When nobody is left: the last failure.
    pub(super) async fn next(&mut self, ear: Option<&Ear>) -> Result<Turn, Error> {
        loop {
            if let Some(turn) = self.next_of_round() {
                return Ok(turn);
            }
            let pause = self.next_round(Instant::now())?;
            tokio::select! {
                biased;
                () = cancelled(ear) => return Err(Error::Cancelled),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn next_of_round(&mut self) -> Option<Turn> {
        while let Some(candidate) = self.candidates.get(self.at).cloned() {
            self.at += 1;
            if candidate.is_out {
                continue;
            }
            let begun = Instant::now();
            match self.admit(&candidate, begun) {
                Ok((pass, permit)) => {
                    self.attempts += 1;
                    self.has_asked = true;
                    return Some(Turn {
                        target: candidate.target,
                        key: candidate.key,
                        begun,
                        pass,
                        permit,
                    });
                }
                Err(until) => {
                    let soonest = self.soonest.map_or(until, |soonest| soonest.min(until));
                    self.soonest = Some(soonest);
                }
            }
        }
        None
    }

    /// The rights to ask, or the time before which there are none.
    fn admit(
        &mut self,
        candidate: &Candidate,
        now: Instant,
    ) -> Result<(Option<Pass>, Option<Permit>), Instant> {
        let pass = match candidate.place.clone() {
            None => None,
            Some(place) => Some(self.health.admit(place, now)?),
        };
        let Some((id, limits)) = &candidate.limits else {
            return Ok((pass, None));
        };
        let limited = Limited::Provider(*id);
        let permit = self.meters.admit(self.tenant, limited, limits, self.tokens);
        let permit = permit.map_err(|pause| {
            self.limited = Some(candidate.target.provider.clone());
            now + pause
        })?;
        Ok((pass, Some(permit)))
    }

    /// The pause before the next round.
    fn next_round(&mut self, now: Instant) -> Result<Duration, Error> {
        let rest = self
            .soonest
            .take()
            .map(|until| until.saturating_duration_since(now));
        let Some(route) = &self.route else {
            return Err(self.end(rest));
        };
        if self.candidates.iter().all(|candidate| candidate.is_out) {
            return Err(self.end(None));
        }
        let doubled = 2_u32.pow(self.round.min(16));
        let backoff = Duration::from_millis(route.backoff_ms) * doubled;
        // Where all of them rest, there is no point in coming back before the first rest is over.
        let pause = match rest {
            Some(rest) if !self.has_asked => rest.max(backoff),
            _ => backoff,
        };
        if self.waited + pause > Duration::from_millis(route.max_wait_ms) {
            return Err(self.end(rest));
        }
        self.waited += pause;
        self.round += 1;
        self.at = 0;
        self.has_asked = false;
        Ok(pause)
    }

    /// What the caller is told in the end.
    fn end(&mut self, rest: Option<Duration>) -> Error {
        if let Some(last) = self.last.take() {
            return last;
        }
        let retry_after_ms = rest.map_or(1000, |rest| {
            u64::try_from(rest.as_millis()).unwrap_or(u64::MAX).max(1)
        });
        if let Some(provider) = &self.limited {
            return Error::LimitReached {
                whose: format!("provider `{provider}`"),
                retry_after_ms,
            };
        }
        match &self.route {
            Some(route) => Error::RouteRests {
                route: route.name.clone(),
                retry_after_ms,
            },
            None => {
                let provider = self
                    .candidates
                    .first()
                    .map(|it| it.target.provider.as_str());
                let mut fault = Fault::new(provider.unwrap_or_default(), FaultKind::RateLimited);
                fault.retry_after_ms = Some(retry_after_ms);
                fault.because("all its keys rest").into()
            }
        }
    }

    /// It began to answer: there is no going back. The permit is to be held until the answer is over.
    pub(super) fn succeeded(&mut self, turn: Turn) -> Option<Permit> {
        let latency = turn.begun.elapsed();
        self.note(&turn, None, None);
        if let Some(pass) = turn.pass {
            pass.succeeded(latency);
        }
        turn.permit
    }

    /// It failed before it said anything to the caller; `usage` is what it took all the same.
    ///
    /// # Errors
    /// When nobody else is asked.
    pub(super) fn failed(&mut self, turn: Turn, error: Error, usage: Usage) -> Result<(), Error> {
        self.note(&turn, Some(error.reason()), Some(usage));
        let verdict = self.verdict(&error);
        if let Some(mut permit) = turn.permit {
            permit.took(usage.prompt_tokens.saturating_add(usage.completion_tokens));
        }
        let (target, key) = (turn.target, turn.key);
        if let Some(pass) = turn.pass {
            tell(pass, &error);
        }
        match verdict {
            Verdict::Final => return Err(error),
            Verdict::Next => {}
            Verdict::Other => {
                let is_key = matches!(&error, Error::Provider(fault) if is_of_key(fault.kind));
                for candidate in &mut self.candidates {
                    let is_same = candidate.target.is_same_model(&target);
                    candidate.is_out |= is_same && (!is_key || candidate.key == key);
                }
            }
        }
        if self.attempts >= self.max_attempts {
            return Err(error);
        }
        self.last = Some(error);
        Ok(())
    }

    fn verdict(&self, error: &Error) -> Verdict {
        let Error::Provider(fault) = error else {
            return Verdict::Final;
        };
        let (on, verdict) = match fault.kind {
            // Another key is another account.
            FaultKind::Auth | FaultKind::InsufficientQuota => return Verdict::Other,
            FaultKind::RateLimited => (Fallback::RateLimit, Verdict::Next),
            FaultKind::Failed(_)
            | FaultKind::Unreachable
            | FaultKind::Slow
            | FaultKind::Garbage
            | FaultKind::Cut => (Fallback::Error, Verdict::Next),
            FaultKind::ModelNotFound
            | FaultKind::Blocked
            | FaultKind::Unsupported
            | FaultKind::Unfit => (Fallback::Error, Verdict::Other),
            FaultKind::ContextLength => (Fallback::ContextWindow, Verdict::Other),
            FaultKind::ContentPolicy => (Fallback::ContentPolicy, Verdict::Other),
            FaultKind::Refused(_)
            | FaultKind::Invalid
            | FaultKind::Withheld
            | FaultKind::Script
            | FaultKind::Schema => {
                return Verdict::Final;
            }
        };
        match self.falls_back(on) {
            true => verdict,
            false => Verdict::Final,
        }
    }

    fn falls_back(&self, on: Fallback) -> bool {
        match &self.route {
            Some(route) => route.fallback_on.contains(&on),
            // Of one model, another key is asked where this one has to rest.
            None => on == Fallback::RateLimit,
        }
    }

    fn note(&mut self, turn: &Turn, error: Option<&str>, usage: Option<Usage>) {
        if turn.pass.is_none() {
            return;
        }
        if self.log.len() >= KEPT_ATTEMPTS {
            self.log.remove(0);
        }
        self.log.push(CallAttempt {
            provider: turn.target.provider.clone(),
            model: turn.target.model.clone(),
            key: turn.key + 1,
            error: error.map(str::to_owned),
            duration_ms: u64::try_from(turn.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            usage,
        });
    }
}

/// Whether it lies with the key, and not with the model.
fn is_of_key(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Auth | FaultKind::InsufficientQuota)
}

/// What a failure says about those who were asked.
fn tell(pass: Pass, error: &Error) {
    let Error::Provider(fault) = error else {
        return drop(pass);
    };
    let now = Instant::now();
    let asked_for = fault.retry_after_ms.map(Duration::from_millis);
    match fault.kind {
        FaultKind::RateLimited => {
            let pause = asked_for.unwrap_or(RATE_LIMITED);
            pass.rests(now, pause.min(LONGEST_REST));
        }
        FaultKind::Auth | FaultKind::InsufficientQuota => pass.rests(now, BAD_KEY),
        FaultKind::Failed(_)
        | FaultKind::Unreachable
        | FaultKind::Slow
        | FaultKind::Garbage
        | FaultKind::Cut
        | FaultKind::ModelNotFound
        | FaultKind::Blocked => match asked_for {
            Some(pause) => pass.rests(now, pause.min(LONGEST_REST)),
            None => pass.failed(now),
        },
        // Whoever refuses a question lives.
        FaultKind::ContextLength
        | FaultKind::Refused(_)
        | FaultKind::Unsupported
        | FaultKind::Invalid
        | FaultKind::ContentPolicy
        | FaultKind::Unfit
        | FaultKind::Withheld
        | FaultKind::Script
        | FaultKind::Schema => drop(pass),
    }
}
