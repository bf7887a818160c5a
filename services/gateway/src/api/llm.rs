//! `/llm-providers`, `/llm/models`, `/llm/usage`, `/llm/calls`, `/llm/routes`,
//! `/llm/limits`, `/llm/recording` and `/llm/budgets`.

pub(crate) mod budgets;
pub(crate) mod calls;
pub(crate) mod limits;
pub(crate) mod recording;
pub(crate) mod routes;

use chrono::{DateTime, Utc};
use contracts::{
    id::ProviderId,
    llm::{
        CreateProvider, DeleteProvider, GetProvider, GetUsage, ListModels, ListProviders, Model,
        Provider, ProviderModel, ProviderTest, RateLimits, TestProvider, UpdateProvider, UsageBy,
        UsageReport,
    },
    page::Page,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
};
use serde::Deserialize;

use super::{
    PREFIX, Tag,
    form::{Deleted, paging},
};
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

/// What is present is changed.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct ProviderBody {
    #[serde(default)]
    base_url: Option<String>,
    /// Replaces all keys; it is sealed and never read back.
    #[serde(default)]
    api_key: Option<String>,
    /// Only with `api_key`: the keys behind it, at most 19.
    #[serde(default)]
    #[oai(default)]
    more_api_keys: Vec<String>,
    /// How much it is asked at a time; what is absent in it is not limited any more.
    #[serde(default)]
    limits: Option<RateLimits>,
    #[serde(default)]
    models: Option<Vec<ProviderModel>>,
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Created(Json<Provider>, #[oai(header = "Location")] String),
}

#[OpenApi(tag = "Tag::Llm")]
impl Api {
    /// The models and routes that can be named in a request
    #[oai(path = "/llm/models", method = "get", operation_id = "llm.models")]
    async fn models(&self, caller: Bearer) -> poem::Result<Json<Page<Model>>> {
        Ok(Json(caller.ask(&ListModels {}).await?))
    }

    /// What the organization's calls to models took
    ///
    /// A call counts within seconds of its end. At most 5,000 lines; days are UTC.
    #[oai(path = "/llm/usage", method = "get", operation_id = "llm.usage")]
    async fn usage(
        &self,
        caller: Bearer,
        /// Only calls that began then or later.
        since: Query<DateTime<Utc>>,
        /// Only calls that began before; now when absent. At most 400 days after `since`.
        until: Query<Option<DateTime<Utc>>>,
        /// By what calls are put together; `model` when absent.
        by: Query<Option<UsageBy>>,
        /// A line for each day instead of one for the whole time.
        daily: Query<Option<bool>>,
    ) -> poem::Result<Json<UsageReport>> {
        let request = GetUsage {
            since: since.0,
            until: until.0,
            by: by.0.unwrap_or_default(),
            daily: daily.0.unwrap_or_default(),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// The configured providers
    #[oai(
        path = "/llm-providers",
        method = "get",
        operation_id = "llm.providers"
    )]
    async fn list(
        &self,
        caller: Bearer,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Provider>>> {
        let paging = paging(cursor, limit);
        Ok(Json(caller.ask(&ListProviders { paging }).await?))
    }

    /// Configure a provider
    #[oai(
        path = "/llm-providers",
        method = "post",
        operation_id = "llm.create_provider"
    )]
    async fn create(&self, caller: Bearer, body: Json<CreateProvider>) -> poem::Result<Created> {
        let provider = caller.ask(&body.0).await?;
        let location = format!("{PREFIX}/llm-providers/{}", provider.id);
        Ok(Created::Created(Json(provider), location))
    }

    /// One provider
    #[oai(
        path = "/llm-providers/:provider_id",
        method = "get",
        operation_id = "llm.get_provider"
    )]
    async fn get(
        &self,
        caller: Bearer,
        provider_id: Path<ProviderId>,
    ) -> poem::Result<Json<Provider>> {
        let request = GetProvider {
            provider_id: provider_id.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Change a provider
    #[oai(
        path = "/llm-providers/:provider_id",
        method = "put",
        operation_id = "llm.update_provider"
    )]
    async fn update(
        &self,
        caller: Bearer,
        provider_id: Path<ProviderId>,
        body: Json<ProviderBody>,
    ) -> poem::Result<Json<Provider>> {
        let ProviderBody {
            base_url,
            api_key,
            more_api_keys,
            limits,
            models,
        } = body.0;
        let request = UpdateProvider {
            provider_id: provider_id.0,
            base_url,
            api_key,
            more_api_keys,
            limits,
            models,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Remove a provider with its key
    #[oai(
        path = "/llm-providers/:provider_id",
        method = "delete",
        operation_id = "llm.delete_provider"
    )]
    async fn delete(&self, caller: Bearer, provider_id: Path<ProviderId>) -> poem::Result<Deleted> {
        let request = DeleteProvider {
            provider_id: provider_id.0,
        };
        caller.ask(&request).await?;
        Ok(Deleted::Done)
    }

    /// Ask the provider for one token and say how it went
    #[oai(
        path = "/llm-providers/:provider_id/test",
        method = "post",
        operation_id = "llm.test_provider"
    )]
    async fn test(
        &self,
        caller: Bearer,
        provider_id: Path<ProviderId>,
    ) -> poem::Result<Json<ProviderTest>> {
        let request = TestProvider {
            provider_id: provider_id.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }
}
