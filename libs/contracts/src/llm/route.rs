//! Routes: one name for several models, of which another is asked where one fails.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AnswerCache, Guardrails, RateLimits};
use crate::{
    Access, Permission,
    id::RouteId,
    message::request,
    page::{Page, Paging},
};

/// Whom a route asks first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum RouteStrategy {
    /// The first deployment, and the others in their order.
    #[default]
    Ordered,
    /// By chance, as often as the weights say.
    Weighted,
    /// Who began to answer soonest of late; first those who have not been asked yet.
    LeastLatency,
    /// Whose question and longest answer would cost least; last those whose price is unknown.
    Cheapest,
}

/// After which failures the next deployment is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Fallback {
    /// It fails, is too slow, refuses our credential, lacks the model or cannot honour a parameter.
    Error,
    /// It takes no more questions for now.
    RateLimit,
    /// The question is longer than the model takes.
    ContextWindow,
    /// Its rules on content forbid the question.
    ContentPolicy,
}

/// A model that a route may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Deployment {
    /// The provider's name.
    pub provider: String,
    pub model: String,
    /// 1 to 1,000: its share where the strategy is `weighted`.
    #[serde(default = "Deployment::default_weight")]
    #[cfg_attr(feature = "openapi", oai(default = "Deployment::default_weight"))]
    pub weight: u32,
}

impl Deployment {
    const fn default_weight() -> u32 {
        1
    }
}

/// What a route is. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct RouteSpec {
    /// Unique in the organization: 1 to 64 letters, digits, `_` or `-`. It goes before a model of the same name.
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub strategy: RouteStrategy,
    /// 1 to 20.
    pub deployments: Vec<Deployment>,
    /// All but `content_policy` when absent.
    #[serde(default = "RouteSpec::default_fallback_on")]
    #[cfg_attr(feature = "openapi", oai(default = "RouteSpec::default_fallback_on"))]
    pub fallback_on: Vec<Fallback>,
    /// All attempts of one question: 1 to 20.
    #[serde(default = "RouteSpec::default_max_attempts")]
    #[cfg_attr(feature = "openapi", oai(default = "RouteSpec::default_max_attempts"))]
    pub max_attempts: u32,
    /// The pause once all deployments have failed, doubled each time: 0 to 10,000.
    #[serde(default = "RouteSpec::default_backoff_ms")]
    #[cfg_attr(feature = "openapi", oai(default = "RouteSpec::default_backoff_ms"))]
    pub backoff_ms: u64,
    /// All pauses of one question together, also those that providers ask for with `Retry-After`: 0 to 120,000.
    #[serde(default = "RouteSpec::default_max_wait_ms")]
    #[cfg_attr(feature = "openapi", oai(default = "RouteSpec::default_max_wait_ms"))]
    pub max_wait_ms: u64,
    /// How long a deployment may take to begin its answer: 1 to 900,000; the gateway's own bound when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub first_token_timeout_ms: Option<u64>,
    /// How long it may be silent within its answer: 1 to 900,000; the gateway's own bound when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub token_timeout_ms: Option<u64>,
    /// How much it takes at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub limits: Option<RateLimits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub cache: Option<AnswerCache>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub guardrails: Option<Guardrails>,
}

impl RouteSpec {
    fn default_fallback_on() -> Vec<Fallback> {
        vec![
            Fallback::Error,
            Fallback::RateLimit,
            Fallback::ContextWindow,
        ]
    }
    const fn default_max_attempts() -> u32 {
        4
    }
    const fn default_backoff_ms() -> u64 {
        250
    }
    const fn default_max_wait_ms() -> u64 {
        10_000
    }

    /// A route of this name that asks these models in their order.
    pub fn ordered<'a>(
        name: impl Into<String>,
        deployments: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let deployment = |(provider, model): (&str, &str)| Deployment {
            provider: provider.to_owned(),
            model: model.to_owned(),
            weight: Deployment::default_weight(),
        };
        Self {
            name: name.into(),
            strategy: RouteStrategy::Ordered,
            deployments: deployments.into_iter().map(deployment).collect(),
            fallback_on: Self::default_fallback_on(),
            max_attempts: Self::default_max_attempts(),
            backoff_ms: Self::default_backoff_ms(),
            max_wait_ms: Self::default_max_wait_ms(),
            first_token_timeout_ms: None,
            token_timeout_ms: None,
            limits: None,
            cache: None,
            guardrails: None,
        }
    }

    /// A small route for documentation and tests.
    pub fn example() -> Self {
        Self::ordered("careful", [("rehearsal", "rehearsal")])
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Route {
    pub id: RouteId,
    pub spec: RouteSpec,
    /// Counts its changes, from 1.
    pub version: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRoute {
    pub spec: RouteSpec,
}
request!(CreateRoute => Route, "llm.create_route", Access::Permission(Permission::ProviderWrite),
    example: CreateRoute { spec: RouteSpec::example() });

/// The oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRoutes {
    #[serde(default)]
    pub paging: Paging,
}
request!(ListRoutes => Page<Route>, "llm.routes", Access::Permission(Permission::ProviderRead), example: ListRoutes::default());

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetRoute {
    pub route_id: RouteId,
}
request!(GetRoute => Route, "llm.get_route", Access::Permission(Permission::ProviderRead), objects: &["route_id"],
    example: GetRoute { route_id: RouteId::EXAMPLE });

/// The whole route, in place of what it was. The name stays: agents and flows know the route by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRoute {
    pub route_id: RouteId,
    pub spec: RouteSpec,
    /// Only while it still has this version.
    #[serde(default)]
    pub if_version: Option<u32>,
}
request!(UpdateRoute => Route, "llm.update_route", Access::Permission(Permission::ProviderWrite), objects: &["route_id"],
    example: UpdateRoute { route_id: RouteId::EXAMPLE, spec: RouteSpec::example(), if_version: None });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteRoute {
    pub route_id: RouteId,
}
request!(DeleteRoute => (), "llm.delete_route", Access::Permission(Permission::ProviderWrite), objects: &["route_id"],
    example: DeleteRoute { route_id: RouteId::EXAMPLE });
