//! Questions that mean what an earlier one meant: they get its answer, where their route says so.
//!
//! **Invariant:** whatever fails here, the question is put as if there were no such answer.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use contracts::llm::{Embed, FinishReason, RouteSpec, SemanticCache};
use tokio::time::timeout;

use super::{
    cached::{Flight, Kept, Look, key},
    embed::{Purpose, embed_for},
    opening::Opening,
};
use crate::{
    Error,
    domain::likeness::{nearest, pack, split},
    store::Meaning,
};

/// A question waits no longer than this for its vector.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks for an answer to a question that means the same. `flight` found none to an equal one.
///
/// # Errors
/// When the execution is cancelled meanwhile.
pub(super) async fn alike(
    opening: &Opening<'_>,
    route: &RouteSpec,
    mut flight: Flight,
) -> Result<Look, Error> {
    let semantic = route.cache.as_ref().and_then(|it| it.semantic.as_ref());
    let Some((semantic, (words, rest))) = semantic.zip(split(opening.ask)) else {
        return Ok(Look::Miss(flight));
    };
    let Some(vector) = vector(opening, semantic, words).await? else {
        return Ok(Look::Miss(flight));
    };
    let meaning = Meaning {
        route: route.name.clone(),
        scope: key(route, &rest).to_vec(),
        vector,
        max_entries: semantic.max_entries,
    };
    let found = find(opening, semantic, &meaning).await;
    match found {
        Ok(Some(kept)) => Ok(Look::Hit(flight.tell(kept))),
        Ok(None) => {
            flight.meaning = Some(meaning);
            Ok(Look::Miss(flight))
        }
        Err(error) => {
            tracing::warn!(%error, "earlier questions cannot be compared");
            Ok(Look::Miss(flight))
        }
    }
}

/// What the words mean, as its model says. That is a call of its own, with a price and a record.
async fn vector(
    opening: &Opening<'_>,
    semantic: &SemanticCache,
    words: String,
) -> Result<Option<Vec<u8>>, Error> {
    let ask = Embed {
        model: Some(semantic.model.clone()),
        input: vec![words],
        ..Embed::default()
    };
    let purpose = Purpose {
        flow: opening.ask.flow_id,
        node: opening.ask.node.clone(),
    };
    let asking = embed_for(opening.state, opening.asker, ask.into(), purpose);
    match timeout(PATIENCE, asking).await {
        Ok(Ok(made)) => Ok(made.embeddings.first().and_then(|vector| pack(vector))),
        Ok(Err(Error::Cancelled)) => Err(Error::Cancelled),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a question has no vector: it is put without a look at earlier ones");
            Ok(None)
        }
        Err(_) => {
            tracing::warn!(
                "a question's vector took too long: it is put without a look at earlier ones"
            );
            Ok(None)
        }
    }
}

async fn find(
    opening: &Opening<'_>,
    semantic: &SemanticCache,
    meaning: &Meaning,
) -> Result<Option<Arc<Kept>>, Error> {
    let (store, tenant) = (&opening.state.store, opening.asker.tenant);
    let now = Utc::now();
    let kept = store.meanings(tenant, meaning, now).await?;
    let Some((key, similarity)) = nearest::<Vec<u8>>(&meaning.vector, kept, semantic.threshold)
    else {
        return Ok(None);
    };
    let text = store.answer(tenant, &key, now).await?;
    let kept = text.and_then(|text| Kept::read(&text));
    Ok(kept.map(|mut kept| {
        kept.similarity = Some(similarity);
        Arc::new(kept)
    }))
}

/// Whether an answer may be told to a question that is not equal: what it calls has arguments of its own question.
pub(super) fn is_for_others(kept: &Kept) -> bool {
    kept.finish_reason == FinishReason::Stop && kept.message.tool_calls.is_empty()
}
