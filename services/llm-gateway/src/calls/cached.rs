//! Questions that were answered before, and those that are being answered at this moment.
//!
//! **Invariant:** of equal questions that come to one process at the same time one is put; only whole answers are kept,
//! and only within their organization.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use contracts::{
    id::TenantId,
    llm::{Complete, Completion, Delta, FinishReason, Message, RouteSpec, ToolCallDelta},
};
use futures::{StreamExt, stream, stream::BoxStream};
use kernel::Ear;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time::timeout};

use super::{alike::is_for_others, cancelled};
use crate::{
    Error, State,
    domain::piece::{Extra, Piece, Tokens},
    provider::Fault,
    store::{Meaning, Store},
};

/// Bytes of an answer that is kept, at most.
const MAX_KEPT: usize = 256 * 1024;
/// Characters of a text in one piece of an answer that is told again.
const PIECE: usize = 80;

/// How long an equal question waits for the answer to another, at most; then it is put by itself.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) type Key = [u8; 32];
type Landing = watch::Receiver<Option<Arc<Kept>>>;

/// An answer that is told again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) message: Message,
    pub(super) finish_reason: FinishReason,
    prompt_tokens: u64,
    completion_tokens: u64,
    pub(super) dropped: Vec<String>,
    /// How near the question was that it is told for; none where that is equal.
    #[serde(skip)]
    pub(super) similarity: Option<f64>,
}

/// The questions under way whose answers will be kept.
#[derive(Default)]
pub(crate) struct Flights {
    flights: Mutex<HashMap<(TenantId, Key), Landing>>,
}

/// A question whose answer others wait for, and that is kept.
pub(super) struct Flight {
    flights: Arc<Flights>,
    store: Arc<Store>,
    tenant: TenantId,
    key: Key,
    ttl_s: u32,
    /// What the question means, where later ones are compared with it.
    pub(super) meaning: Option<Meaning>,
    tell: watch::Sender<Option<Arc<Kept>>>,
}

pub(super) enum Look {
    Hit(Arc<Kept>),
    Miss(Flight),
}

/// What the cache has for a question of a route.
pub(super) async fn look(
    state: &State,
    tenant: TenantId,
    route: &RouteSpec,
    ask: &Complete,
    ear: Option<&Ear>,
) -> Result<Option<Look>, Error> {
    let Some(cache) = &route.cache else {
        return Ok(None);
    };
    let key = key(route, ask);
    loop {
        let mut landing = match state.flights.join(state, tenant, key, cache.ttl_s) {
            Ok(flight) => return Ok(Some(flight.look(state).await?)),
            Err(landing) => landing,
        };
        let landed = tokio::select! {
            biased;
            () = cancelled(ear) => return Err(Error::Cancelled),
            landed = timeout(LONGEST_WAIT, landing.wait_for(Option::is_some)) => landed,
        };
        // Whoever asked may be slow, or read slowly.
        let Ok(landed) = landed else {
            return Ok(None);
        };
        if let Some(kept) = landed.ok().and_then(|kept| kept.clone()) {
            return Ok(Some(Look::Hit(kept)));
        }
        // Whoever asked came to no whole answer: the next one asks.
    }
}

/// Equal questions to equal routes.
pub(super) fn key(route: &RouteSpec, ask: &Complete) -> Key {
    let asked = Complete {
        flow_id: None,
        node: None,
        idempotency_key: None,
        model: None,
        route: None,
        ..ask.clone()
    };
    let text = serde_json::to_vec(&(route, asked)).expect("a question can be written as JSON");
    Sha256::digest(text).into()
}

impl Flights {
    /// A flight of one's own, or the landing of the one that is under way.
    fn join(
        self: &Arc<Self>,
        state: &State,
        tenant: TenantId,
        key: Key,
        ttl_s: u32,
    ) -> Result<Flight, Landing> {
        let mut flights = self.lock();
        if let Some(landing) = flights.get(&(tenant, key)) {
            return Err(landing.clone());
        }
        let (tell, landing) = watch::channel(None);
        flights.insert((tenant, key), landing);
        Ok(Flight {
            flights: self.clone(),
            store: state.store.clone(),
            tenant,
            key,
            ttl_s,
            meaning: None,
            tell,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(TenantId, Key), Landing>> {
        // Nothing is half-written when a holder panics.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// What was kept before, told to those who wait as well.
    async fn look(self, state: &State) -> Result<Look, Error> {
        let now = Utc::now();
        let text = state.store.answer(self.tenant, &self.key, now).await?;
        let kept = text.and_then(|text| Kept::read(&text));
        Ok(match kept {
            Some(kept) => Look::Hit(self.tell(Arc::new(kept))),
            None => Look::Miss(self),
        })
    }

    /// An answer that was kept, for those who wait as well.
    pub(super) fn tell(self, kept: Arc<Kept>) -> Arc<Kept> {
        self.tell.send_replace(Some(kept.clone()));
        kept
    }

    /// Keeps the answer and tells it to those who wait.
    pub(super) async fn land(self, done: &Completion) {
        let is_whole = matches!(
            done.finish_reason,
            FinishReason::Stop | FinishReason::ToolCalls
        );
        let kept = Kept {
            provider: done.provider.clone(),
            model: done.model.clone(),
            message: done.message.clone(),
            finish_reason: done.finish_reason,
            prompt_tokens: done.usage.prompt_tokens,
            completion_tokens: done.usage.completion_tokens,
            dropped: done.dropped.clone(),
            similarity: None,
        };
        let text = serde_json::to_string(&kept).expect("an answer can be written as JSON");
        if !is_whole || text.len() > MAX_KEPT {
            return;
        }
        let meaning = self.meaning.as_ref().filter(|_| is_for_others(&kept));
        self.tell.send_replace(Some(Arc::new(kept)));
        let now = Utc::now();
        let until = now + TimeDelta::seconds(self.ttl_s.into());
        let kept = self
            .store
            .keep_answer(self.tenant, &self.key, &text, meaning, (now, until))
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "an answer is not kept");
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.lock().remove(&(self.tenant, self.key));
    }
}

impl Kept {
    /// What an older version of ours wrote may be unreadable: then it is as if it were not there.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The answer as it is spoken again.
    pub(super) fn pieces(&self) -> BoxStream<'static, Result<Piece, Fault>> {
        let mut pieces = Vec::new();
        let mut extra = self.message.extra.clone();
        let thoughts = extra.remove("reasoning_content");
        if let Some(thoughts) = thoughts.as_ref().and_then(Value::as_str) {
            pieces.extend(cut(thoughts).map(|text| {
                Piece::delta(Delta {
                    reasoning_content: Some(text),
                    ..Delta::default()
                })
            }));
        }
        if let Some(text) = self.message.content.as_str() {
            pieces.extend(cut(text).map(Piece::text));
        }
        for (index, call) in (0..).zip(&self.message.tool_calls) {
            pieces.push(Piece::delta(Delta {
                tool_calls: vec![ToolCallDelta {
                    index,
                    id: Some(call.id.clone()),
                    name: Some(call.function.name.clone()),
                    arguments: call.function.arguments.clone(),
                    extra: call.extra.clone(),
                }],
                ..Delta::default()
            }));
        }
        if !extra.is_empty() {
            pieces.push(Piece::Delta {
                delta: Delta::default(),
                extra: Extra {
                    message: extra,
                    ..Extra::default()
                },
            });
        }
        let tokens = Tokens::new(self.prompt_tokens, self.completion_tokens);
        pieces.push(Piece::Tokens(tokens));
        pieces.push(Piece::Finish(self.finish_reason));
        stream::iter(pieces.into_iter().map(Ok)).boxed()
    }
}

fn cut(text: &str) -> impl Iterator<Item = String> {
    let characters: Vec<char> = text.chars().collect();
    let parts: Vec<String> = characters
        .chunks(PIECE)
        .map(|part| part.iter().collect())
        .collect();
    parts.into_iter()
}
