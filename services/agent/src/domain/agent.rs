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

#[cfg(test)]
mod tests {
    use contracts::{
        agent::Guardrail,
        id::{BaseId, ToolId},
    };
    use rust_decimal::Decimal;
    use serde_json::json;

    use super::*;

    fn paths(change: impl FnOnce(&mut AgentSpec)) -> Vec<String> {
        let mut spec = AgentSpec::example();
        change(&mut spec);
        let mut problems = Problems::under("");
        collect(&mut problems, &spec);
        let found = problems.into_found().into_iter();
        found.map(|problem| problem.path).collect()
    }

    fn guardrail(expression: &str, message: &str) -> Guardrail {
        Guardrail {
            expression: expression.into(),
            message: message.into(),
        }
    }

    #[test]
    fn texts_have_their_lengths() {
        assert_eq!(paths(|_| {}), [""; 0]);
        for name in ["", " \n", "a\0b", &"ä".repeat(101)] {
            assert_eq!(paths(|spec| spec.name = name.into()), ["/name"], "{name:?}");
        }
        assert_eq!(paths(|spec| spec.name = "ä".repeat(100)), [""; 0]);
        assert_eq!(paths(|spec| spec.role = "x".repeat(501)), ["/role"]);
        assert_eq!(paths(|spec| spec.goal = "x".repeat(2001)), ["/goal"]);
        assert_eq!(
            paths(|spec| spec.backstory = "x".repeat(8001)),
            ["/backstory"]
        );
    }

    #[test]
    fn lists_have_their_lengths_and_nothing_twice() {
        let tools = |count| (0..count).map(|_| ToolId::generate()).collect();
        assert_eq!(paths(|spec| spec.tools = tools(64)), [""; 0]);
        assert_eq!(paths(|spec| spec.tools = tools(65)), ["/tools"]);
        assert_eq!(
            paths(|spec| spec.tools = vec![ToolId::EXAMPLE; 2]),
            ["/tools/1"]
        );
        let bases = (0..9).map(|_| BaseId::generate()).collect();
        assert_eq!(paths(|spec| spec.knowledge = bases), ["/knowledge"]);
        let guardrails = vec![guardrail("output", "No."); 9];
        assert_eq!(paths(|spec| spec.guardrails = guardrails), ["/guardrails"]);
    }

    #[test]
    fn models_frameworks_and_schemas_are_known() {
        for model in ["gpt", "/gpt", "openai/", "a b/gpt", "openai/g t"] {
            let found = paths(|spec| spec.model = Some(model.into()));
            assert_eq!(found, ["/model"], "{model}");
        }
        for model in ["openai/gpt-4.1", "router/meta/llama-3:free"] {
            assert_eq!(paths(|spec| spec.model = Some(model.into())), [""; 0]);
        }
        for framework in [Framework::Crewai, Framework::Langgraph, Framework::Agno] {
            assert_eq!(paths(|spec| spec.framework = framework), ["/framework"]);
        }
        let wrong = json!({"type": "strnig"});
        assert_eq!(
            paths(|spec| spec.output_schema = Some(wrong)),
            ["/output_schema"]
        );
    }

    #[test]
    fn guardrails_are_conditions_on_the_output() {
        for expression in ["output | length < 500", "output.score > 3 and output.ok"] {
            let fine = vec![guardrail(expression, "No.")];
            assert_eq!(
                paths(|spec| spec.guardrails = fine),
                [""; 0],
                "{expression}"
            );
        }
        for expression in ["output >", "input.x", "output | shout"] {
            let wrong = vec![guardrail(expression, "No.")];
            assert_eq!(
                paths(|spec| spec.guardrails = wrong),
                ["/guardrails/0/expression"],
                "{expression}"
            );
        }
        let silent = vec![guardrail("output", "x"), guardrail("output", "")];
        assert_eq!(
            paths(|spec| spec.guardrails = silent),
            ["/guardrails/1/message"]
        );
    }

    #[test]
    fn limits_have_bounds() {
        for (field, value) in [
            ("max_steps", 0),
            ("max_steps", 201),
            ("max_tool_calls", 1001),
            ("max_tokens", 0),
            ("max_tokens", 10_000_001),
            ("max_depth", 0),
            ("max_depth", 9),
        ] {
            let found = paths(|spec| {
                let mut limits = serde_json::to_value(spec.limits).unwrap();
                limits[field] = json!(value);
                spec.limits = serde_json::from_value(limits).unwrap();
            });
            assert_eq!(found, [format!("/limits/{field}")], "{value}");
        }
        let debt = Some(Decimal::new(-1, 2));
        assert_eq!(
            paths(|spec| spec.limits.max_cost = debt),
            ["/limits/max_cost"]
        );
    }
}
