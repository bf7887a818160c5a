//! From a definition to what the engine runs: everything it names is pinned.
//!
//! **Invariant:** what is pinned never changes: an execution sees one version of each agent, crew and tool to its end.

use contracts::{
    agent::Resolve,
    flow::{Definition, Executable, FlowProblem},
    tool::{FlowPin, ResolveTools},
};

use crate::{domain::pins, error::Error, handlers::Ctx, launch};

/// # Errors
/// [`Error::InvalidFlow`] with what is not there; that a service does not answer.
pub(super) async fn pin(ctx: &Ctx, definition: Definition) -> Result<Executable, Error> {
    let names = pins::Names::of(&definition);
    // What is only drawn is nothing to the engine.
    let mut executable = Executable {
        definition: Definition {
            notes: Vec::new(),
            groups: Vec::new(),
            ..definition
        },
        ..Executable::default()
    };
    executable.flows = pins::sub_flows(&executable.definition);
    if names.is_empty() && executable.flows.is_empty() {
        return Ok(executable);
    }
    let bases = resolve(ctx, &names, &mut executable).await?;
    let problems = names.problems(&executable, &bases);
    if !problems.is_empty() {
        return Err(Error::InvalidFlow(problems));
    }
    pin_flows(ctx, &mut executable).await?;
    pin_sub_flows(ctx, &mut executable).await?;
    Ok(executable)
}

async fn resolve(
    ctx: &Ctx,
    names: &pins::Names,
    executable: &mut Executable,
) -> Result<Vec<contracts::id::BaseId>, Error> {
    let request = Resolve {
        agents: pins::pins(&names.agents),
        crews: pins::pins(&names.crews),
        bases: names.bases.clone(),
    };
    let mut bases = Vec::new();
    if request != Resolve::default() {
        let resolved = ctx.call(&request).await.map_err(Error::Unresolved)?;
        let (agents, crews) = (resolved.agents.into_iter(), resolved.crews.into_iter());
        executable.agents = agents.map(|agent| (agent.id, agent)).collect();
        executable.crews = crews.map(|crew| (crew.id, crew)).collect();
        bases = resolved.bases.into_iter().map(|base| base.id).collect();
    }
    let tools = pins::pins(&names.tools);
    if !tools.is_empty() {
        let resolved = ctx.call(&ResolveTools { tools }).await;
        let items = resolved.map_err(Error::Unresolved)?.items;
        executable.tools = items.into_iter().map(|tool| (tool.id, tool)).collect();
    }
    Ok(bases)
}

/// Flows that are tools run at the revision that is newest now.
async fn pin_flows(ctx: &Ctx, executable: &mut Executable) -> Result<(), Error> {
    let mut problems = Vec::new();
    for pin in pins::flow_tools(executable) {
        match pin_flow(ctx, pin).await {
            Ok(()) => {}
            Err(Error::FlowNotFound(id) | Error::NotPublished(id)) => {
                problems.push(pins::unpublished(id));
            }
            Err(error) => return Err(error),
        }
    }
    refuse(problems)
}

/// Flows that nodes run, at the revision that the node names, or at the one that is newest now.
async fn pin_sub_flows(ctx: &Ctx, executable: &mut Executable) -> Result<(), Error> {
    let mut problems = Vec::new();
    for (node, pin) in &mut executable.flows {
        let id = pin.flow_id;
        let (key, code, message) = match pin_flow(ctx, pin).await {
            Ok(()) => continue,
            Err(Error::FlowNotFound(_)) => {
                let message = format!("flow `{id}` does not exist");
                ("flow_id", "unknown_flow", message)
            }
            Err(Error::NotPublished(_)) => {
                let message = format!("flow `{id}` is not published");
                ("flow_id", "flow_not_published", message)
            }
            Err(Error::RevisionNotFound { revision, .. }) => {
                let message = format!("flow `{id}` has no revision {revision}");
                ("revision", "unknown_revision", message)
            }
            Err(error) => return Err(error),
        };
        let problem = pins::no_sub_flow(&executable.definition, node, key, code, &message);
        problems.extend(problem);
    }
    refuse(problems)
}

async fn pin_flow(ctx: &Ctx, pin: &mut FlowPin) -> Result<(), Error> {
    let flow = ctx.state.get(ctx.tenant, pin.flow_id).await?;
    let newest = flow.revision.ok_or(Error::NotPublished(flow.id))?;
    let number = pin.revision.unwrap_or(newest);
    let called = ctx.state.executable(ctx.tenant, flow.id, number).await?;
    pin.revision = Some(number);
    pin.hash = Some(launch::hand_over(&ctx.bus, &called).await?);
    Ok(())
}

fn refuse(problems: Vec<FlowProblem>) -> Result<(), Error> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::InvalidFlow(problems))
    }
}
