//! What was typed into the form of a budget.

use contracts::{
    FieldProblem, Problem,
    llm::{BudgetPeriod, BudgetScope, BudgetSpec, Unpriced},
};

use crate::ui::problem::invalid;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) scope: BudgetScope,
    /// The id of a flow or a user; empty for each by itself.
    pub(super) subject: String,
    pub(super) period: BudgetPeriod,
    pub(super) limit: String,
    pub(super) refuses_unpriced: bool,
}

impl Draft {
    pub(super) fn fresh() -> Self {
        Self {
            name: String::new(),
            scope: BudgetScope::Organization,
            subject: String::new(),
            period: BudgetPeriod::Month,
            limit: String::new(),
            refuses_unpriced: true,
        }
    }

    pub(super) fn of(spec: &BudgetSpec) -> Self {
        let flow = spec.flow_id.map(|id| id.to_string());
        let user = spec.user_id.map(|id| id.to_string());
        Self {
            name: spec.name.clone(),
            scope: spec.scope,
            subject: flow.or(user).unwrap_or_default(),
            period: spec.period,
            limit: spec.limit.to_string(),
            refuses_unpriced: spec.unpriced == Unpriced::Refuse,
        }
    }

    /// A flow is no user.
    pub(super) fn choose(&mut self, scope: BudgetScope) {
        self.scope = scope;
        self.subject.clear();
    }

    pub(super) fn spec(&self) -> Result<BudgetSpec, Problem> {
        let text = self.limit.trim().trim_start_matches('$').trim_start();
        let Ok(limit) = text.parse() else {
            let (path, message) = ("/limit".to_owned(), "has to be an amount of dollars".into());
            let problem = FieldProblem { path, message };
            return Err(invalid("the budget is not valid", vec![problem]));
        };
        // The select offers nothing but ids.
        let subject = |scope| (self.scope == scope).then_some(self.subject.as_str());
        Ok(BudgetSpec {
            name: self.name.trim().into(),
            scope: self.scope,
            flow_id: subject(BudgetScope::Flow).and_then(|id| id.parse().ok()),
            user_id: subject(BudgetScope::User).and_then(|id| id.parse().ok()),
            period: self.period,
            limit,
            unpriced: match self.refuses_unpriced {
                true => Unpriced::Refuse,
                false => Unpriced::Ignore,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use contracts::id::FlowId;

    use super::*;

    #[test]
    fn what_is_not_touched_stays_as_it_was() {
        let mut spec = BudgetSpec::example();
        assert_eq!(Draft::of(&spec).spec(), Ok(spec.clone()));
        spec.scope = BudgetScope::Flow;
        spec.flow_id = Some(FlowId::EXAMPLE);
        spec.unpriced = Unpriced::Ignore;
        assert_eq!(Draft::of(&spec).spec(), Ok(spec));
    }

    #[test]
    fn another_scope_is_of_nobody_in_particular() {
        let mut draft = Draft::fresh();
        (draft.scope, draft.subject) = (BudgetScope::Flow, FlowId::EXAMPLE.to_string());
        draft.choose(BudgetScope::User);
        draft.limit = " $ 12.50 ".into();
        let spec = draft.spec().expect("a budget");
        assert_eq!((spec.flow_id, spec.user_id), (None, None));
        assert_eq!(spec.limit.to_string(), "12.50");
    }

    #[test]
    fn a_limit_is_an_amount() {
        for limit in ["", "much", "1,5"] {
            let mut draft = Draft::fresh();
            draft.limit = limit.into();
            let problem = draft.spec().expect_err("no amount");
            assert_eq!(problem.errors[0].path, "/limit", "{limit}");
        }
    }
}
