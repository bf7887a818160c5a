//! The organization's variables.

use contracts::flow::{GetVariables, SetVariables, Variables};

use crate::{domain, error::Error, handlers::Ctx};

pub(crate) async fn get(ctx: Ctx, _: GetVariables) -> Result<Variables, Error> {
    let variables = ctx.state.variables(ctx.tenant).await?;
    Ok(Variables { variables })
}

pub(crate) async fn set(ctx: Ctx, request: SetVariables) -> Result<Variables, Error> {
    domain::check_variables(&request.variables)?;
    ctx.state
        .set_variables(ctx.tenant, &request.variables)
        .await?;
    Ok(Variables {
        variables: request.variables,
    })
}
