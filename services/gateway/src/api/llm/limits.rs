//! `/llm/limits`: how much the organization as a whole may ask at a time.

use contracts::llm::{GetLimits, RateLimits, SetLimits};
use poem_openapi::OpenApi;

use crate::{api::Tag, caller::Bearer, payload::Json};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/llm/limits", tag = "Tag::Llm")]
impl Api {
    /// The limits of the organization
    ///
    /// Providers and routes have their own beside.
    #[oai(path = "/", method = "get", operation_id = "llm.limits")]
    async fn get(&self, caller: Bearer) -> poem::Result<Json<RateLimits>> {
        Ok(Json(caller.ask(&GetLimits {}).await?))
    }

    /// Replace the limits of the organization
    ///
    /// What is absent is not limited any more. More is refused with 429 and `Retry-After`.
    #[oai(path = "/", method = "put", operation_id = "llm.set_limits")]
    async fn set(&self, caller: Bearer, body: Json<RateLimits>) -> poem::Result<Json<RateLimits>> {
        Ok(Json(caller.ask(&SetLimits { limits: body.0 }).await?))
    }
}
