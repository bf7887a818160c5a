//! Budgets: how much money may be spent on models, by whom, in which time.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Access, Event, Permission,
    id::{BudgetId, FlowId, UserId},
    message::request,
    page::{Page, Paging},
};

/// Whose spending a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum BudgetScope {
    /// That of all together.
    Organization,
    /// That of the executions of one flow: of the one that is named, or of each by itself.
    Flow,
    /// That of each execution by itself.
    Execution,
    /// That of one user, by themselves and by executions in their name: of the one that is named, or of each by itself.
    User,
}

/// Days and months are UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum BudgetPeriod {
    Day,
    Month,
    /// For ever.
    Total,
}

/// What becomes of a question to a model whose price is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Unpriced {
    /// It is not put: nobody can say what it would cost.
    #[default]
    Refuse,
    /// It is put, and counts nothing.
    Ignore,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct BudgetSpec {
    /// Unique in the organization: 1 to 100 characters.
    pub name: String,
    pub scope: BudgetScope,
    /// Only with the scope `flow`: this flow alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub flow_id: Option<FlowId>,
    /// Only with the scope `user`: this user alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub user_id: Option<UserId>,
    pub period: BudgetPeriod,
    /// US dollars, exact: 0 to 1,000,000,000 with at most 10 decimals.
    pub limit: Decimal,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub unpriced: Unpriced,
}

impl BudgetSpec {
    /// A small budget for documentation and tests.
    pub fn example() -> Self {
        Self {
            name: "all of us".into(),
            scope: BudgetScope::Organization,
            flow_id: None,
            user_id: None,
            period: BudgetPeriod::Month,
            limit: Decimal::from(100),
            unpriced: Unpriced::Refuse,
        }
    }
}

/// What was spent of a budget in the present period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct BudgetUsage {
    /// The id of the flow, the execution or the user; null for the organization.
    pub subject: Option<String>,
    /// US dollars of calls that ended.
    pub spent: Decimal,
    /// US dollars that calls under way may take at most.
    pub reserved: Decimal,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Budget {
    pub id: BudgetId,
    pub spec: BudgetSpec,
    /// The first day of the present period; null for ever.
    pub period_start: Option<NaiveDate>,
    /// Those who spent most in the present period, 20 at most.
    pub usage: Vec<BudgetUsage>,
    /// Counts its changes, from 1.
    pub version: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBudget {
    pub spec: BudgetSpec,
}
request!(CreateBudget => Budget, "llm.create_budget", Access::Permission(Permission::ProviderWrite),
    example: CreateBudget { spec: BudgetSpec::example() });

/// The oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListBudgets {
    #[serde(default)]
    pub paging: Paging,
}
request!(ListBudgets => Page<Budget>, "llm.budgets", Access::Permission(Permission::ProviderRead), example: ListBudgets::default());

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetBudget {
    pub budget_id: BudgetId,
}
request!(GetBudget => Budget, "llm.get_budget", Access::Permission(Permission::ProviderRead), objects: &["budget_id"],
    example: GetBudget { budget_id: BudgetId::EXAMPLE });

/// The whole budget, in place of what it was. What was spent stays; scope and period stay too, as the figures are theirs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBudget {
    pub budget_id: BudgetId,
    pub spec: BudgetSpec,
    /// Only while it still has this version.
    #[serde(default)]
    pub if_version: Option<u32>,
}
request!(UpdateBudget => Budget, "llm.update_budget", Access::Permission(Permission::ProviderWrite), objects: &["budget_id"],
    example: UpdateBudget { budget_id: BudgetId::EXAMPLE, spec: BudgetSpec::example(), if_version: None });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteBudget {
    pub budget_id: BudgetId,
}
request!(DeleteBudget => (), "llm.delete_budget", Access::Permission(Permission::ProviderWrite), objects: &["budget_id"],
    example: DeleteBudget { budget_id: BudgetId::EXAMPLE });

/// A half, four fifths or all of a budget is spent, or it had to refuse a question; each is said once in a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetAlert {
    pub budget_id: BudgetId,
    pub name: String,
    /// As in [`BudgetUsage`].
    pub subject: Option<String>,
    pub period_start: Option<NaiveDate>,
    /// 50, 80 or 100.
    pub percent: u8,
    pub spent: Decimal,
    pub limit: Decimal,
    /// Whether a question was refused; then `percent` is 100, whatever was spent.
    pub refused: bool,
}

impl Event for BudgetAlert {
    const NAME: &'static str = "llm.budget_alert";
    fn id(&self) -> String {
        self.budget_id.to_string()
    }
    fn dedup_key(&self) -> String {
        let subject = self.subject.as_deref().unwrap_or("all");
        let start = self.period_start.map(|start| start.to_string());
        let start = start.as_deref().unwrap_or("total");
        format!(
            "budget.{}.{subject}.{start}.{}",
            self.budget_id, self.percent
        )
    }
}
