//! `/llm/budgets`: how much may be spent on models.

use contracts::{
    id::BudgetId,
    llm::{Budget, BudgetSpec, CreateBudget, DeleteBudget, GetBudget, ListBudgets, UpdateBudget},
    page::Page,
};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Header, Path, Query},
};

use crate::{
    api::{
        PREFIX, Tag, etag,
        form::{Deleted, paging},
    },
    caller::Bearer,
    payload::Json,
};

pub(crate) struct Api;

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(
        Json<Budget>,
        #[oai(header = "Location")] String,
        /// The budget's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum OneBudget {
    #[oai(status = 200)]
    Ok(
        Json<Budget>,
        /// The budget's version, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[OpenApi(prefix_path = "/llm/budgets", tag = "Tag::Llm")]
impl Api {
    /// The budgets with what was spent of them, the oldest first
    #[oai(path = "/", method = "get", operation_id = "llm.budgets")]
    async fn list(
        &self,
        caller: Bearer,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Budget>>> {
        let paging = paging(cursor, limit);
        Ok(Json(caller.ask(&ListBudgets { paging }).await?))
    }

    /// Make a budget
    ///
    /// It counts from then on. Questions that it has no money for are refused with `budget_exceeded` (402).
    #[oai(path = "/", method = "post", operation_id = "llm.create_budget")]
    async fn create(&self, caller: Bearer, body: Json<BudgetSpec>) -> poem::Result<Created> {
        let budget = caller.ask(&CreateBudget { spec: body.0 }).await?;
        let location = format!("{PREFIX}/llm/budgets/{}", budget.id);
        let tag = etag::of(budget.version.into());
        Ok(Created::Created(Json(budget), location, tag))
    }

    /// One budget with what was spent of it
    #[oai(path = "/:budget_id", method = "get", operation_id = "llm.get_budget")]
    async fn get(&self, caller: Bearer, budget_id: Path<BudgetId>) -> poem::Result<OneBudget> {
        let request = GetBudget {
            budget_id: budget_id.0,
        };
        Ok(tagged(caller.ask(&request).await?))
    }

    /// Replace a budget; its scope and its period stay
    ///
    /// With `If-Match`, only while the budget still has that version: 412 otherwise.
    #[oai(
        path = "/:budget_id",
        method = "put",
        operation_id = "llm.update_budget"
    )]
    async fn update(
        &self,
        caller: Bearer,
        budget_id: Path<BudgetId>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Json<BudgetSpec>,
    ) -> poem::Result<OneBudget> {
        let request = UpdateBudget {
            budget_id: budget_id.0,
            spec: body.0,
            if_version: etag::parse_small(if_match.0.as_deref())?,
        };
        Ok(tagged(caller.ask(&request).await?))
    }

    /// Remove a budget with its figures
    #[oai(
        path = "/:budget_id",
        method = "delete",
        operation_id = "llm.delete_budget"
    )]
    async fn delete(&self, caller: Bearer, budget_id: Path<BudgetId>) -> poem::Result<Deleted> {
        let request = DeleteBudget {
            budget_id: budget_id.0,
        };
        caller.ask(&request).await?;
        Ok(Deleted::Done)
    }
}

fn tagged(budget: Budget) -> OneBudget {
    let tag = etag::of(budget.version.into());
    OneBudget::Ok(Json(budget), tag)
}
