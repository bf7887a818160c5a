//! The tools that come with the platform. Each has a schema of its own that arguments must fit, whatever the tool's says.

mod calculator;
mod http;
mod json_query;
mod time;

use contracts::tool::ToolProblem;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    State,
    domain::arguments,
    error::Error,
    kinds::{Call, read, stored},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    name: Name,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Time,
    Calculator,
    JsonQuery,
    Http,
}

pub(super) fn problems(config: &Value) -> Vec<ToolProblem> {
    read::<Config>(config).err().into_iter().collect()
}

/// # Errors
/// [`Error::InvalidArguments`]; what each of them says.
pub(super) async fn run(state: &State, call: &Call<'_>) -> Result<Value, Error> {
    let Config { name } = stored(&call.tool.config)?;
    let schema = match name {
        Name::Time => time::schema(),
        Name::Calculator => calculator::schema(),
        Name::JsonQuery => json_query::schema(),
        Name::Http => http::schema(),
    };
    arguments::fits(&schema, call.arguments)?;
    match name {
        Name::Time => Ok(time::run(call.arguments, chrono::Utc::now())?),
        Name::Calculator => Ok(calculator::run(call.arguments)?),
        Name::JsonQuery => Ok(json_query::run(call.arguments)?),
        Name::Http => Ok(http::run(state, call).await?),
    }
}
