//! Texts that become vectors.

use contracts::{
    id::FlowId,
    llm::{Embed, Embeddings},
};

use kernel::Ear;

use super::{
    Asker, asked,
    entry::Entry,
    listen,
    router::{Router, Turn},
};
use crate::{
    Error, State,
    domain::{
        answer::tokens_of_bytes,
        budget::Bound,
        catalog::{Plan, Target, Wanted},
        piece::Tokens,
        texts::{self, Vectors},
        words,
    },
    provider::Texts,
    state::Known,
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
    let plan = known.catalog().plan_embedding(wanted)?;
    let bytes = ask.input.iter().map(String::len).sum();
    let estimate = tokens_of_bytes(bytes);
    let records = state.records.clone();
    let mut entry = Entry::begin(records, asker, &plan, "embeddings", estimate);
    entry.record.flow_id = purpose.flow;
    entry.record.node = purpose.node;
    entry.records(state, known.recording(), |recording| {
        words::of_texts(&ask.input, recording)
    });
    let embedding = Embedding {
        state,
        known: &known,
        asker,
        ask,
        flow: purpose.flow,
        estimate,
    };
    let (target, vectors) = match embedding.ask(&mut entry, plan).await {
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

/// Texts on their way to whoever may make their vectors.
struct Embedding<'a> {
    state: &'a State,
    known: &'a Known,
    asker: Asker,
    ask: &'a Embed,
    flow: Option<FlowId>,
    /// Tokens of the texts, about.
    estimate: u64,
}

impl Embedding<'_> {
    /// Asks the limits and the budgets, then one provider after the other.
    async fn ask(&self, entry: &mut Entry, mut plan: Plan) -> Result<(Target, Vectors), Error> {
        let (state, known, tenant) = (self.state, self.known, self.asker.tenant);
        let ear = listen(state, self.asker);
        entry.admit(state, known, self.estimate)?;
        let (payer, budgets) = (self.asker.payer(self.flow), known.budgets());
        if !budgets.is_empty() {
            let bound = Bound::of_texts(&self.ask.input);
            entry.hold(state, payer, budgets, &mut plan, bound).await?;
        }
        let (id, tokens) = (entry.record.id, (self.estimate, 0));
        let mut router = Router::new(state, tenant, known, plan, id, tokens);
        loop {
            let turn = router.next(ear.as_ref()).await?;
            entry.turn_to(&turn.target);
            let target = turn.target.clone();
            let outcome = match self.attempt(&turn, entry, ear.as_ref()).await {
                Ok(vectors) => {
                    entry.admitted(router.succeeded(turn));
                    Ok(Some(vectors))
                }
                Err(error) => router.failed(turn, error, entry.spent_now()).map(|()| None),
            };
            entry.note(router.attempts());
            if let Some(vectors) = outcome? {
                return Ok((target, vectors));
            }
            entry.hold_more(state, payer, budgets).await?;
        }
    }

    async fn attempt(
        &self,
        turn: &Turn,
        entry: &Entry,
        ear: Option<&Ear>,
    ) -> Result<Vectors, Error> {
        let (state, target) = (self.state, &turn.target);
        let provider = state.provider(self.asker.tenant, self.known, target, turn.key)?;
        let texts = Texts {
            model: &target.model,
            input: &self.ask.input,
            dimensions: self.ask.dimensions,
        };
        let patience = state.settings.patience(false);
        let tab = entry.put();
        match asked(provider.embed(texts), target, patience, ear).await {
            Ok(vectors) => {
                if let Some(tokens) = vectors.prompt_tokens {
                    tab.said(&Tokens::new(tokens, 0));
                }
                Ok(vectors)
            }
            Err(Error::Provider(fault)) => {
                tab.failed(&fault);
                Err(fault.into())
            }
            Err(error) => Err(error),
        }
    }
}
