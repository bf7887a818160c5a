//! Texts that become vectors.

use contracts::{
    id::FlowId,
    llm::{Embed, Embeddings},
};

use super::{Asker, asked, entry::Entry, listen, router::Router};
use crate::{
    Error, State,
    domain::{
        answer::tokens_of_bytes, budget::Bound, catalog::Wanted, piece::Tokens, texts, words,
    },
    provider::Texts,
};

/// What vectors are made for.
#[derive(Clone, Debug, Default)]
pub(super) struct Purpose {
    pub(super) flow: Option<FlowId>,
    pub(super) node: Option<String>,
}

/// Finds the model and asks it for the vectors.
pub(crate) async fn embed(state: &State, asker: Asker, ask: &Embed) -> Result<Embeddings, Error> {
    embed_for(state, asker, ask, Purpose::default()).await
}

pub(super) async fn embed_for(
    state: &State,
    asker: Asker,
    ask: &Embed,
    purpose: Purpose,
) -> Result<Embeddings, Error> {
    texts::check(ask)?;
    let known = state.known(asker.tenant).await?;
    let wanted = Wanted {
        model: ask.model.as_deref(),
        route: ask.route.as_deref(),
    };
    let mut plan = known.catalog().plan_embedding(wanted)?;
    let ear = listen(state, asker);
    let bytes = ask.input.iter().map(String::len).sum();
    let estimate = tokens_of_bytes(bytes);
    let records = state.records.clone();
    let mut entry = Entry::begin(records, asker, &plan, "embeddings", estimate);
    entry.record.flow_id = purpose.flow;
    entry.record.node = purpose.node;
    entry.records(state, known.recording(), |recording| {
        words::of_texts(&ask.input, recording)
    });
    let (id, tokens) = (entry.record.id, (estimate, 0));
    let patience = state.settings.patience(false);
    let asking = async {
        entry.admit(state, &known, estimate)?;
        let (payer, budgets) = (asker.payer(purpose.flow), known.budgets());
        if !budgets.is_empty() {
            let bound = Bound::of_texts(&ask.input);
            entry.hold(state, payer, budgets, &mut plan, bound).await?;
        }
        let mut router = Router::new(state, asker.tenant, &known, plan, id, tokens);
        loop {
            let turn = router.next(ear.as_ref()).await?;
            entry.turn_to(&turn.target);
            let provider = state.provider(asker.tenant, &known, &turn.target, turn.key)?;
            let texts = Texts {
                model: &turn.target.model,
                input: &ask.input,
                dimensions: ask.dimensions,
            };
            let tab = entry.put();
            let taken = asked(provider.embed(texts), &turn.target, patience, ear.as_ref()).await;
            let target = turn.target.clone();
            let outcome = match taken {
                Ok(vectors) => {
                    if let Some(tokens) = vectors.prompt_tokens {
                        tab.said(&Tokens::new(tokens, 0));
                    }
                    entry.admitted(router.succeeded(turn));
                    Ok(Some((target, vectors)))
                }
                Err(error) => {
                    if let Error::Provider(fault) = &error {
                        tab.failed(fault);
                    }
                    router.failed(turn, error, entry.spent_now()).map(|()| None)
                }
            };
            entry.note(router.attempts());
            if let Some(found) = outcome? {
                return Ok::<_, Error>(found);
            }
            entry.hold_more(state, payer, budgets).await?;
        }
    };
    let (target, vectors) = match asking.await {
        Ok(found) => found,
        Err(error) => return Err(entry.close_failed(error)),
    };
    let usage = entry.spent().told();
    entry.close(None);
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
