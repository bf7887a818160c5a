//! Sessions: each belongs to the user who began it.

use contracts::{
    agent::GetAgent,
    chat::{ChatSession, CreateSession, GetSession, ListSessions, UpdateSession},
    crew::GetCrew,
    flow::{GetFlow, TurnTarget},
    id::ChatId,
    page::Page,
};

use crate::{
    domain::checks,
    error::Error,
    handlers::{Ctx, now},
};

pub(crate) async fn create(ctx: Ctx, request: CreateSession) -> Result<ChatSession, Error> {
    let target = checks::target(&request)?;
    request.title.as_deref().map_or(Ok(()), checks::title)?;
    see(&ctx, target).await?;
    let now = now();
    let session = ChatSession {
        id: ChatId::generate(),
        title: request.title.unwrap_or_default(),
        agent_id: request.agent_id,
        crew_id: request.crew_id,
        flow_id: request.flow_id,
        concurrency: request.concurrency,
        head: None,
        created_by: ctx.principal().user_id,
        created_at: now,
        updated_at: now,
    };
    let store = &ctx.state.store;
    store.insert_session(ctx.tenant, &session).await?;
    Ok(session)
}

pub(crate) async fn get(ctx: Ctx, request: GetSession) -> Result<ChatSession, Error> {
    let owner = ctx.principal().user_id;
    let store = &ctx.state.store;
    store.session(ctx.tenant, owner, request.session_id).await
}

pub(crate) async fn list(ctx: Ctx, request: ListSessions) -> Result<Page<ChatSession>, Error> {
    let owner = ctx.principal().user_id;
    ctx.state.store.sessions(ctx.tenant, owner, &request).await
}

pub(crate) async fn update(ctx: Ctx, request: UpdateSession) -> Result<ChatSession, Error> {
    request.title.as_deref().map_or(Ok(()), checks::title)?;
    let owner = ctx.principal().user_id;
    let store = &ctx.state.store;
    store
        .update_session(ctx.tenant, owner, request, now())
        .await
}

/// Whether the one who shall answer is there, for the caller: asked in the caller's name.
async fn see(ctx: &Ctx, target: TurnTarget) -> Result<(), Error> {
    let seen = match target {
        TurnTarget::Agent { agent_id } => {
            let get = GetAgent {
                agent_id,
                version: None,
            };
            ctx.call(&get).await.map(drop)
        }
        TurnTarget::Crew { crew_id } => {
            let get = GetCrew {
                crew_id,
                version: None,
            };
            ctx.call(&get).await.map(drop)
        }
        TurnTarget::Flow { flow_id } => ctx.call(&GetFlow { flow_id }).await.map(drop),
    };
    seen.map_err(Error::Target)
}
