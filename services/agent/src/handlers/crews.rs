//! Crews and their versions.

use contracts::{
    agent::AgentVersion,
    crew::{
        CreateCrew, Crew, CrewSummary, DeleteCrew, GetCrew, ListCrewVersions, ListCrews, UpdateCrew,
    },
    id::CrewId,
    page::Page,
};

use crate::{
    domain::{
        crew,
        item::{Item, Kind},
    },
    error::Error,
    handlers::{Ctx, now},
    store::{Change, Listing},
};

pub(crate) async fn create(ctx: Ctx, request: CreateCrew) -> Result<Crew, Error> {
    crew::check(&request.spec)?;
    let item = Item::Crew(CrewId::generate());
    let change = Change::new(item, request.spec, ctx.principal().user_id, now());
    let stored = ctx.state.store.insert_crew(ctx.tenant, change).await?;
    Ok(crew::of(stored))
}

pub(crate) async fn get(ctx: Ctx, request: GetCrew) -> Result<Crew, Error> {
    let item = Item::Crew(request.crew_id);
    let store = &ctx.state.store;
    let stored = store.get(ctx.tenant, item, request.version).await?;
    Ok(crew::of(stored))
}

pub(crate) async fn list(ctx: Ctx, request: ListCrews) -> Result<Page<CrewSummary>, Error> {
    let listing = Listing {
        kind: Kind::Crew,
        search: request.search,
        paging: request.paging,
    };
    let page = ctx.state.store.list(ctx.tenant, &listing).await?;
    Ok(Page {
        items: page.items.into_iter().map(crew::summary).collect(),
        next: page.next,
    })
}

pub(crate) async fn update(ctx: Ctx, request: UpdateCrew) -> Result<Crew, Error> {
    crew::check(&request.spec)?;
    let item = Item::Crew(request.crew_id);
    let change = Change::new(item, request.spec, ctx.principal().user_id, now());
    let store = &ctx.state.store;
    let stored = store
        .update_crew(ctx.tenant, change, request.if_version)
        .await?;
    Ok(crew::of(stored))
}

pub(crate) async fn delete(ctx: Ctx, request: DeleteCrew) -> Result<(), Error> {
    let store = &ctx.state.store;
    store.delete_crew(ctx.tenant, request.crew_id, now()).await
}

pub(crate) async fn versions(
    ctx: Ctx,
    request: ListCrewVersions,
) -> Result<Page<AgentVersion>, Error> {
    let item = Item::Crew(request.crew_id);
    let store = &ctx.state.store;
    store.versions(ctx.tenant, item, &request.paging).await
}
