//! What budgets say of themselves.

use contracts::llm::{Budget, BudgetPeriod, BudgetScope, BudgetSpec, BudgetUsage};

use crate::api::names::{Names, short};

pub(super) const SCOPES: [BudgetScope; 4] = [
    BudgetScope::Organization,
    BudgetScope::Flow,
    BudgetScope::Execution,
    BudgetScope::User,
];

/// As the API writes it, and in a form.
pub(super) const fn scope_look(scope: BudgetScope) -> (&'static str, &'static str) {
    match scope {
        BudgetScope::Organization => ("organization", "The whole organization"),
        BudgetScope::Flow => ("flow", "Flows"),
        BudgetScope::Execution => ("execution", "Each execution"),
        BudgetScope::User => ("user", "Users"),
    }
}

pub(super) const PERIODS: [BudgetPeriod; 3] =
    [BudgetPeriod::Day, BudgetPeriod::Month, BudgetPeriod::Total];

/// As the API writes it, and in a form.
pub(super) const fn period_look(period: BudgetPeriod) -> (&'static str, &'static str) {
    match period {
        BudgetPeriod::Day => ("day", "Each day"),
        BudgetPeriod::Month => ("month", "Each month"),
        BudgetPeriod::Total => ("total", "For ever"),
    }
}

/// Behind the limit.
pub(super) const fn period_text(period: BudgetPeriod) -> &'static str {
    match period {
        BudgetPeriod::Day => "a day",
        BudgetPeriod::Month => "a month",
        BudgetPeriod::Total => "in all",
    }
}

/// Whose spending it limits.
pub(super) fn scope_text(spec: &BudgetSpec, flows: &Names, members: &Names) -> String {
    match (spec.scope, spec.flow_id, spec.user_id) {
        (BudgetScope::Organization, ..) => "All together".into(),
        (BudgetScope::Execution, ..) => "Each execution by itself".into(),
        (BudgetScope::Flow, Some(flow), _) => format!("Flow {}", flows.of(flow)),
        (BudgetScope::Flow, None, _) => "Each flow by itself".into(),
        (BudgetScope::User, _, Some(user)) => format!("User {}", members.of(user)),
        (BudgetScope::User, _, None) => "Each user by itself".into(),
    }
}

/// Since when it counts; nothing where it does for ever.
pub(super) fn since_text(budget: &Budget) -> Option<String> {
    let start = budget.period_start?;
    Some(format!("since {}", start.format("%-d %b %Y")))
}

/// Whose spending a figure is; nothing where the budget is of one alone.
pub(super) fn subject_text(
    spec: &BudgetSpec,
    usage: &BudgetUsage,
    flows: &Names,
    members: &Names,
) -> Option<String> {
    let id = usage.subject.as_deref()?;
    match spec.scope {
        BudgetScope::Organization => None,
        BudgetScope::Execution => Some(short(id)),
        BudgetScope::Flow => spec.flow_id.is_none().then(|| flows.of(id)),
        BudgetScope::User => spec.user_id.is_none().then(|| members.of(id)),
    }
}

#[cfg(test)]
mod tests {
    use contracts::id::FlowId;

    use super::*;

    #[test]
    fn words_are_those_of_the_api() {
        for scope in SCOPES {
            let word = serde_json::to_value(scope).expect("a word");
            assert_eq!(word, scope_look(scope).0);
        }
        for period in PERIODS {
            let word = serde_json::to_value(period).expect("a word");
            assert_eq!(word, period_look(period).0);
        }
    }

    #[test]
    fn a_figure_is_named_where_there_are_several() {
        let names = Names::default();
        let usage = BudgetUsage {
            subject: Some(FlowId::EXAMPLE.to_string()),
            spent: BudgetSpec::example().limit,
            reserved: BudgetSpec::example().limit,
        };
        let mut spec = BudgetSpec::example();
        let told = |spec: &BudgetSpec| {
            let subject = subject_text(spec, &usage, &names, &names);
            (scope_text(spec, &names, &names), subject)
        };
        assert_eq!(told(&spec), ("All together".into(), None));
        spec.scope = BudgetScope::Flow;
        let flow = short(&FlowId::EXAMPLE.to_string());
        assert_eq!(
            told(&spec),
            ("Each flow by itself".into(), Some(flow.clone()))
        );
        spec.flow_id = Some(FlowId::EXAMPLE);
        assert_eq!(told(&spec), (format!("Flow {flow}"), None));
    }
}
