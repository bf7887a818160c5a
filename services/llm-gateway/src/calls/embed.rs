//! Texts that become vectors.

use contracts::llm::{Embed, Embeddings};

use super::{Asker, asked, entry::Entry, listen};
use crate::{
    Error, State,
    domain::{answer::tokens_of_bytes, catalog::check_route, piece::Tokens, texts},
    provider::Texts,
};

/// Finds the model and asks it for the vectors.
pub(crate) async fn embed(state: &State, asker: Asker, ask: &Embed) -> Result<Embeddings, Error> {
    texts::check(ask)?;
    check_route(ask.route.as_deref())?;
    let known = state.known(asker.tenant).await?;
    let target = known.catalog().resolve_embedding(ask.model.as_deref())?;
    let provider = state.provider(asker.tenant, &known, &target)?;
    let ear = listen(state, asker);
    let bytes = ask.input.iter().map(String::len).sum();
    let estimate = tokens_of_bytes(bytes);
    let mut entry = Entry::begin(state.records.clone(), asker, &target, estimate);
    let texts = Texts {
        model: &target.model,
        input: &ask.input,
        dimensions: ask.dimensions,
    };
    let patience = state.settings.patience(false);
    let taken = asked(provider.embed(texts), &target, patience, ear.as_ref()).await;
    let vectors = taken.inspect_err(|error| entry.close_refused(error))?;
    let estimated = vectors.prompt_tokens.is_none();
    let mut usage = match vectors.prompt_tokens {
        Some(tokens) => entry.usage(&Tokens::new(tokens, 0)),
        None => entry.estimate(0),
    };
    entry.close(usage, estimated, None);
    if estimated {
        // The tokens are a guess, so the price is not known.
        usage.cost = None;
    }
    Ok(Embeddings {
        id: entry.record.id,
        rehearsal: target.is_rehearsal(),
        provider: target.provider,
        model: target.model,
        dimensions: vectors.dimensions,
        embeddings: vectors.list,
        usage,
    })
}
