//! Crews that come as files.

use contracts::{
    crew::{ImportCrew, ImportedCrew},
    id::{AgentId, CrewId},
};

use crate::{
    domain::{agent, crew, import, item::Item},
    error::Error,
    handlers::{Ctx, now},
    store::Change,
};

pub(crate) async fn import(ctx: Ctx, request: ImportCrew) -> Result<ImportedCrew, Error> {
    let import = import::read(&request, AgentId::generate)?;
    let (by, now) = (ctx.principal().user_id, now());
    let agents = import.agents.into_iter();
    let agents = agents.map(|(id, spec)| Change::new(Item::Agent(id), spec, by, now));
    let crew = Change::new(Item::Crew(CrewId::generate()), import.crew, by, now);
    let store = &ctx.state.store;
    let (agents, crew) = store.insert_all(ctx.tenant, agents.collect(), crew).await?;
    Ok(ImportedCrew {
        crew: crew::of(crew),
        agents: agents.into_iter().map(agent::of).collect(),
        ignored: import.ignored,
    })
}
