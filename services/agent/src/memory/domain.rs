//! The rules of memories: what may be kept, and who may see it.

use contracts::{
    FieldProblem,
    agent::{Fact, MemoryScope, Recall, Remember},
    id::UserId,
};

use crate::error::Error;

const MAX_FACTS: usize = 20;
const MAX_TEXT: usize = 2_000;
const MAX_ENTITY: usize = 200;

/// Whose memories are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) user: UserId,
    /// With those that were kept for the organization.
    pub(crate) shared: bool,
}

impl View {
    /// What the agent lets its users see.
    pub(crate) fn of(user: UserId, agent: MemoryScope) -> Self {
        let shared = agent == MemoryScope::Organization;
        Self { user, shared }
    }

    /// No wider than a run asks for: it may have begun at an earlier version of the agent.
    pub(crate) fn within(self, asked: MemoryScope) -> Self {
        let shared = self.shared && asked == MemoryScope::Organization;
        Self { shared, ..self }
    }
}

/// The name of a scope that keeps something.
pub(crate) const fn kept_as(scope: MemoryScope) -> Option<&'static str> {
    match scope {
        MemoryScope::Off => None,
        MemoryScope::User => Some("user"),
        MemoryScope::Organization => Some("organization"),
    }
}

/// # Errors
/// [`Error::InvalidInput`] with all that is wrong.
pub(crate) fn check_facts(request: &Remember) -> Result<(), Error> {
    let mut problems = Vec::new();
    if !(1..=MAX_FACTS).contains(&request.facts.len()) {
        refuse(
            &mut problems,
            "/facts",
            "a run keeps 1 to 20 facts at a time",
        );
    }
    for (n, fact) in request.facts.iter().take(MAX_FACTS).enumerate() {
        check_fact(n, fact, &mut problems);
    }
    let key = &request.idempotency_key;
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        let text = "a key has 1 to 255 printable ASCII characters";
        refuse(&mut problems, "/idempotency_key", text);
    }
    outcome(problems)
}

/// # Errors
/// [`Error::InvalidInput`] with all that is wrong.
pub(crate) fn check_recall(request: &Recall) -> Result<(), Error> {
    let mut problems = Vec::new();
    if request.query.trim().is_empty() || request.query.chars().count() > 4_000 {
        let text = "a query has 1 to 4,000 characters";
        refuse(&mut problems, "/query", text);
    }
    if !(1..=20).contains(&request.limit) {
        refuse(&mut problems, "/limit", "1 to 20 memories are recalled");
    }
    outcome(problems)
}

fn check_fact(n: usize, fact: &Fact, problems: &mut Vec<FieldProblem>) {
    if !fits(&fact.text, MAX_TEXT) {
        let text = "a fact has 1 to 2,000 characters";
        refuse(problems, &format!("/facts/{n}/text"), text);
    }
    if fact
        .entity
        .as_deref()
        .is_some_and(|entity| !fits(entity, MAX_ENTITY))
    {
        let text = "an entity has 1 to 200 characters";
        refuse(problems, &format!("/facts/{n}/entity"), text);
    }
}

fn fits(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.contains('\0')
}

fn refuse(problems: &mut Vec<FieldProblem>, path: &str, message: &str) {
    problems.push(FieldProblem {
        path: path.to_owned(),
        message: message.to_owned(),
    });
}

fn outcome(problems: Vec<FieldProblem>) -> Result<(), Error> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::InvalidInput(problems))
}

#[cfg(test)]
mod tests {
    use contracts::id::AgentId;

    use super::*;

    #[test]
    fn a_view_is_as_wide_as_the_agent_and_the_run_allow() {
        let check = |agent, asked, shared: bool| {
            let view = View::of(UserId::EXAMPLE, agent).within(asked);
            assert_eq!(view.shared, shared, "{agent:?} {asked:?}");
        };
        check(MemoryScope::Organization, MemoryScope::Organization, true);
        check(MemoryScope::Organization, MemoryScope::User, false);
        check(MemoryScope::User, MemoryScope::Organization, false);
        check(MemoryScope::Off, MemoryScope::Organization, false);
    }

    #[test]
    fn what_is_wrong_with_facts_is_named() {
        let check = |facts: Vec<(Option<&str>, &str)>, key: &str, expected: &[&str]| {
            let fact = |(entity, text): (Option<&str>, &str)| Fact {
                entity: entity.map(str::to_owned),
                text: text.to_owned(),
            };
            let request = Remember {
                agent_id: AgentId::EXAMPLE,
                facts: facts.into_iter().map(fact).collect(),
                idempotency_key: key.to_owned(),
            };
            let paths: Vec<_> = match check_facts(&request) {
                Ok(()) => Vec::new(),
                Err(Error::InvalidInput(problems)) => {
                    problems.into_iter().map(|problem| problem.path).collect()
                }
                Err(other) => panic!("{other}"),
            };
            assert_eq!(paths, expected);
        };
        check(vec![(Some("Ada"), "likes tea")], "k", &[]);
        check(vec![], "k", &["/facts"]);
        check(vec![(None, "x"); 21], "k", &["/facts"]);
        check(vec![(None, " ")], "k", &["/facts/0/text"]);
        let long = "x".repeat(2_001);
        check(
            vec![(None, "x"), (Some(""), &long)],
            "é",
            &["/facts/1/text", "/facts/1/entity", "/idempotency_key"],
        );
    }
}
