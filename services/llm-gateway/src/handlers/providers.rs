//! The providers of an organization, and the models they offer.

use chrono::Utc;
use contracts::{
    FieldProblem,
    id::ProviderId,
    llm::{
        Complete, CreateProvider, DeleteProvider, Embed, GetProvider, ListModels, ListProviders,
        Message, Model, ModelKind, Provider, ProviderKind, ProviderTest, TestProvider,
        UpdateProvider,
    },
    page::Page,
};
use kernel::Ctx;
use tokio::time::Instant;

use crate::{
    Error, State,
    calls::{self, Asker},
    domain::{meter, settings},
    store::{Change, Keys},
};

/// Tokens of the answer to a test: models that think say nothing with fewer.
const TEST_TOKENS: u32 = 256;

pub(crate) async fn models(ctx: Ctx<State>, _: ListModels) -> Result<Page<Model>, Error> {
    let known = ctx.state.known(ctx.tenant).await?;
    Ok(Page {
        items: known.catalog().models(),
        next: None,
    })
}

pub(crate) async fn create_provider(
    ctx: Ctx<State>,
    request: CreateProvider,
) -> Result<Provider, Error> {
    let mut problems = Vec::new();
    settings::check_name(&request.name, &mut problems);
    settings::check_models(&request.models, &mut problems);
    settings::check_base_url(&request.base_url, &mut problems);
    if let Some(limits) = &request.limits {
        meter::check(limits, "/limits", &mut problems);
    }
    let key = request.api_key.as_deref();
    settings::check_keys(key, &request.more_api_keys, &mut problems);
    if request.kind == ProviderKind::Rehearsal {
        let text = "`rehearsal` is built in and cannot be configured";
        problems.push(settings::problem("/kind", text));
    }
    refuse(problems)?;
    let key_hint = key.and_then(settings::hint);
    let keys = request
        .api_key
        .map(|key| Keys::new(key, request.more_api_keys));
    let provider = Provider {
        id: ProviderId::generate(),
        name: request.name,
        kind: request.kind,
        base_url: settings::base_url(&request.base_url),
        key_hint,
        keys: keys.as_ref().map_or(0, Keys::count),
        limits: request.limits,
        models: request.models,
        created_at: Utc::now(),
    };
    let provider = ctx.state.store.insert(ctx.tenant, provider, keys).await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(provider)
}

pub(crate) async fn providers(
    ctx: Ctx<State>,
    request: ListProviders,
) -> Result<Page<Provider>, Error> {
    ctx.state.store.page(ctx.tenant, &request.paging).await
}

pub(crate) async fn get_provider(ctx: Ctx<State>, request: GetProvider) -> Result<Provider, Error> {
    ctx.state.store.get(ctx.tenant, request.provider_id).await
}

pub(crate) async fn update_provider(
    ctx: Ctx<State>,
    request: UpdateProvider,
) -> Result<Provider, Error> {
    let mut problems = Vec::new();
    if let Some(url) = &request.base_url {
        settings::check_base_url(url, &mut problems);
    }
    let key = request.api_key.as_deref();
    settings::check_keys(key, &request.more_api_keys, &mut problems);
    if let Some(limits) = &request.limits {
        meter::check(limits, "/limits", &mut problems);
    }
    if let Some(models) = &request.models {
        settings::check_models(models, &mut problems);
    }
    refuse(problems)?;
    let change = Change {
        base_url: request.base_url.as_deref().map(settings::base_url),
        key_hint: key.and_then(settings::hint),
        keys: request
            .api_key
            .map(|key| Keys::new(key, request.more_api_keys)),
        limits: request.limits,
        models: request.models,
    };
    let store = &ctx.state.store;
    let provider = store
        .update(ctx.tenant, request.provider_id, change)
        .await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(provider)
}

pub(crate) async fn delete_provider(ctx: Ctx<State>, request: DeleteProvider) -> Result<(), Error> {
    let store = &ctx.state.store;
    store.delete(ctx.tenant, request.provider_id).await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(())
}

/// Asks for one token. That the provider fails is an answer, not an error.
pub(crate) async fn test_provider(
    ctx: Ctx<State>,
    request: TestProvider,
) -> Result<ProviderTest, Error> {
    let provider = ctx.state.store.get(ctx.tenant, request.provider_id).await?;
    let Some(model) = provider.models.first() else {
        return Ok(ProviderTest {
            ok: false,
            message: format!("provider `{}` offers no model to ask", provider.name),
            duration_ms: 0,
        });
    };
    // What is tested is what is stored now.
    ctx.state.forget(ctx.tenant).await;
    let name = format!("{}/{}", provider.name, model.name);
    let begun = Instant::now();
    // The caller waits for the verdict, not for the end of its own patience.
    let patience = ctx.remaining().mul_f32(0.9);
    let outcome = tokio::time::timeout(patience, ask_once(&ctx, name, model.kind)).await;
    let (ok, message) = match outcome {
        Ok(Ok(())) => (true, format!("model `{}` answers", model.name)),
        Ok(Err(error)) => (false, error.to_string()),
        Err(_) => (
            false,
            format!("provider `{}` did not answer in time", provider.name),
        ),
    };
    Ok(ProviderTest {
        ok,
        message,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

async fn ask_once(ctx: &Ctx<State>, model: String, kind: ModelKind) -> Result<(), Error> {
    let asker = Asker::of(ctx.principal());
    match kind {
        ModelKind::Chat => {
            let ask = Complete {
                model: Some(model),
                messages: vec![Message::user("Say ok.")],
                max_tokens: Some(TEST_TOKENS),
                ..Complete::default()
            };
            let mut call = calls::begin(&ctx.state, asker, &ask, false).await?;
            while call.next().await?.is_some() {}
        }
        ModelKind::Embedding => {
            let ask = Embed {
                model: Some(model),
                input: vec!["ok".to_owned()],
                ..Embed::default()
            };
            calls::embed(&ctx.state, asker, ask.into()).await?;
        }
    }
    Ok(())
}

fn refuse(problems: Vec<FieldProblem>) -> Result<(), Error> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::InvalidProvider(problems))
}
