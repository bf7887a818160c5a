//! Texts that become vectors.

use contracts::{
    id::FlowId,
    llm::{Embeddings, Guardrails},
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
        budget::Bound,
        catalog::{Plan, Target, Wanted},
        guard,
        piece::Tokens,
        texts::{self, Ask, Input, Vectors},
        words,
    },
    provider::{Fault, Texts, TokenIds, fault::FaultKind},
    state::Known,
};

/// What vectors are made for.
#[derive(Clone, Debug, Default)]
pub(super) struct Purpose {
    pub(super) flow: Option<FlowId>,
    pub(super) node: Option<String>,
}

/// Finds the model and asks it for the vectors.
pub(crate) async fn embed(state: &State, asker: Asker, ask: Ask) -> Result<Embeddings, Error> {
    embed_for(state, asker, ask, Purpose::default()).await
}

pub(super) async fn embed_for(
    state: &State,
    asker: Asker,
    mut ask: Ask,
    purpose: Purpose,
) -> Result<Embeddings, Error> {
    texts::check(&ask)?;
    let known = state.known(asker.tenant).await?;
    let wanted = Wanted {
        model: ask.model.as_deref(),
        route: ask.route.as_deref(),
    };
    let plan = known.catalog().plan_embedding(wanted)?;
    let route = plan.route.as_ref();
    if let Some((route, rails)) = route.and_then(|it| Some((it, it.guardrails.as_ref()?))) {
        look_at(&mut ask.input, rails, &route.name)?;
    }
    let estimate = ask.input.tokens();
    let records = state.records.clone();
    let mut entry = Entry::begin(records, asker, &plan, "embeddings", estimate);
    entry.record.flow_id = purpose.flow;
    entry.record.node = purpose.node;
    entry.records(state, known.recording(), |recording| {
        words::of_input(&ask.input, recording)
    });
    let embedding = Embedding {
        state,
        known: &known,
        asker,
        ask: &ask,
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

/// Makes of the texts what their route lets out.
fn look_at(input: &mut Input, rails: &Guardrails, route: &str) -> Result<(), Error> {
    match input {
        Input::Texts(texts) => {
            guard::texts(texts, rails).map_err(|guard::Blocked| Error::Guarded(route.to_owned()))
        }
        Input::Tokens(_) if guard::looks_at_answers(rails) => Err(Error::InvalidQuestion {
            parameter: "input",
            what: format!("the guardrails of route `{route}` look at texts, and these are tokens"),
        }),
        Input::Tokens(_) => Ok(()),
    }
}

/// Texts on their way to whoever may make their vectors.
struct Embedding<'a> {
    state: &'a State,
    known: &'a Known,
    asker: Asker,
    ask: &'a Ask,
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
            let bound = Bound::of_input(&self.ask.input);
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
        let (model, dimensions) = (target.model.as_str(), self.ask.dimensions);
        let asking = match &self.ask.input {
            Input::Texts(input) => provider.embed(Texts {
                model,
                input,
                dimensions,
            }),
            Input::Tokens(input) => {
                let ids = TokenIds {
                    model,
                    input,
                    dimensions,
                };
                let refused = || Fault::new(&target.provider, FaultKind::Unsupported);
                let asking = provider.embed_tokens(ids);
                asking.ok_or_else(|| refused().because("it takes texts, and no tokens"))?
            }
        };
        let patience = state.settings.patience(false);
        let tab = entry.put();
        match asked(asking, target, patience, ear).await {
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
