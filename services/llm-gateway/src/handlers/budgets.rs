//! The budgets of an organization.

use chrono::Utc;
use contracts::{
    id::BudgetId,
    llm::{Budget, BudgetSpec, CreateBudget, DeleteBudget, GetBudget, ListBudgets, UpdateBudget},
    page::Page,
};
use kernel::Ctx;

use crate::{
    Error, State,
    domain::budget::{self, Kept},
};

/// The service with what it answers about them.
pub(crate) fn on(service: kernel::Service<State>) -> kernel::Service<State> {
    service
        .on(create_budget)
        .on(budgets)
        .on(get_budget)
        .on(update_budget)
        .on(delete_budget)
}

async fn create_budget(ctx: Ctx<State>, request: CreateBudget) -> Result<Budget, Error> {
    check(&request.spec)?;
    let now = Utc::now();
    let kept = Kept {
        id: BudgetId::generate(),
        spec: request.spec,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let budget = ctx.state.store.insert_budget(ctx.tenant, kept).await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(budget)
}

async fn budgets(ctx: Ctx<State>, request: ListBudgets) -> Result<Page<Budget>, Error> {
    let store = &ctx.state.store;
    store.sweep(ctx.tenant).await?;
    store
        .budget_page(ctx.tenant, &request.paging, Utc::now())
        .await
}

async fn get_budget(ctx: Ctx<State>, request: GetBudget) -> Result<Budget, Error> {
    let store = &ctx.state.store;
    store.sweep(ctx.tenant).await?;
    store
        .budget(ctx.tenant, request.budget_id, Utc::now())
        .await
}

async fn update_budget(ctx: Ctx<State>, request: UpdateBudget) -> Result<Budget, Error> {
    let UpdateBudget {
        budget_id,
        spec,
        if_version,
    } = request;
    let store = &ctx.state.store;
    // Another organization's budget is not there, whatever is said about it.
    store.budget(ctx.tenant, budget_id, Utc::now()).await?;
    check(&spec)?;
    let budget = store
        .replace_budget(ctx.tenant, budget_id, (spec, if_version), Utc::now())
        .await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(budget)
}

async fn delete_budget(ctx: Ctx<State>, request: DeleteBudget) -> Result<(), Error> {
    let store = &ctx.state.store;
    store.delete_budget(ctx.tenant, request.budget_id).await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(())
}

fn check(spec: &BudgetSpec) -> Result<(), Error> {
    let problems = budget::check(spec);
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::InvalidBudget(problems)),
    }
}
