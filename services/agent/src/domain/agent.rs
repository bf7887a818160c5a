//! What an agent must look like, and how it is shown.

use contracts::{
    agent::{Agent, AgentSpec, AgentSummary, Framework},
    id::AgentId,
};
use graph::expression;

use crate::{
    domain::{
        checks,
        item::{Line, Shown, Spec, Stored},
        problems::Problems,
    },
    error::Error,
};

const MAX_TOOLS: usize = 64;
const MAX_BASES: usize = 8;
const MAX_GUARDRAILS: usize = 8;
const MAX_GUARDRAIL: usize = 4000;

impl Spec for AgentSpec {
    fn shown(&self) -> Shown<'_> {
        Shown {
            name: &self.name,
            about: &self.role,
            goal: Some(&self.goal),
            mode: self.framework.as_str(),
        }
    }
}

/// # Errors
/// [`Error::InvalidInput`] with all that is wrong, but for tools and knowledge bases that do not exist.
pub(crate) fn check(spec: &AgentSpec) -> Result<(), Error> {
    let mut problems = Problems::under("/spec");
    collect(&mut problems, spec);
    problems.outcome()
}

/// All that is wrong with an agent by itself.
pub(crate) fn collect(problems: &mut Problems, spec: &AgentSpec) {
    checks::text(problems, "/name", &spec.name, 1..=100);
    checks::text(problems, "/role", &spec.role, 1..=500);
    checks::text(problems, "/goal", &spec.goal, 1..=2000);
    checks::text(problems, "/backstory", &spec.backstory, 0..=8000);
    let framework = spec.framework.as_str();
    let text = format!("no runtime of the framework `{framework}` is registered");
    problems.require(spec.framework == Framework::Native, "/framework", text);
    checks::model(problems, "/model", spec.model.as_deref());
    checks::list(problems, "/tools", &spec.tools, MAX_TOOLS);
    checks::list(problems, "/knowledge", &spec.knowledge, MAX_BASES);
    guardrails(problems, spec);
    checks::schema(problems, "/output_schema", spec.output_schema.as_ref());
    checks::limits(problems, &spec.limits);
    checks::size(problems, spec);
}

fn guardrails(problems: &mut Problems, spec: &AgentSpec) {
    let count = spec.guardrails.len();
    let text = format!("has {count} entries; at most {MAX_GUARDRAILS} are allowed");
    problems.require(count <= MAX_GUARDRAILS, "/guardrails", text);
    for (place, guardrail) in spec.guardrails.iter().enumerate().take(MAX_GUARDRAILS) {
        let path = format!("/guardrails/{place}/expression");
        checks::text(problems, &path, &guardrail.expression, 1..=MAX_GUARDRAIL);
        let roots = [expression::OUTPUT];
        if let Err(error) = expression::check_condition(&guardrail.expression, &roots) {
            problems.refuse(&path, error.to_string());
        }
        let path = format!("/guardrails/{place}/message");
        checks::text(problems, &path, &guardrail.message, 1..=500);
    }
}

pub(crate) fn of(stored: Stored<AgentSpec>) -> Agent {
    let spec = stored.spec;
    Agent {
        id: AgentId::from_uuid(stored.id),
        version: stored.version,
        name: spec.name,
        role: spec.role,
        goal: spec.goal,
        backstory: spec.backstory,
        framework: spec.framework,
        model: spec.model,
        tools: spec.tools,
        knowledge: spec.knowledge,
        memory: spec.memory,
        guardrails: spec.guardrails,
        output_schema: spec.output_schema,
        limits: spec.limits,
        created_by: stored.created_by,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
    }
}

pub(crate) fn summary(line: Line) -> AgentSummary {
    AgentSummary {
        id: AgentId::from_uuid(line.id),
        version: line.version,
        name: line.name,
        role: line.about,
        // A framework of a newer release is none that runs here.
        framework: Framework::parse(&line.mode).unwrap_or_default(),
        updated_at: line.updated_at,
    }
}
