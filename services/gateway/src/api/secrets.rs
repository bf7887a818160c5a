//! `/secrets`: what tools send to the hosts they may be sent to; written, and never read back.

use contracts::{
    page::Page,
    tool::{DeleteSecret, ListSecrets, Secret, SetSecret},
};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use serde::Deserialize;

use super::{
    Tag,
    form::{Deleted, paging},
};
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct SecretBody {
    /// 1 to 16,384 characters; sealed and never read back.
    value: String,
    /// The hosts it may be sent to, `host` or `host:port`; nowhere else.
    hosts: Vec<String>,
}

#[OpenApi(prefix_path = "/secrets", tag = "Tag::Tools")]
impl Api {
    /// The organization's secrets, without their values
    #[oai(path = "/", method = "get", operation_id = "tool.secrets")]
    async fn list(
        &self,
        caller: Bearer,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Secret>>> {
        let paging = paging(cursor, limit);
        Ok(Json(caller.ask(&ListSecrets { paging }).await?))
    }

    /// Write a secret, new or in place of the old one
    #[oai(path = "/:name", method = "put", operation_id = "tool.set_secret")]
    async fn set(
        &self,
        caller: Bearer,
        name: Path<String>,
        body: Json<SecretBody>,
    ) -> poem::Result<Json<Secret>> {
        let SecretBody { value, hosts } = body.0;
        let request = SetSecret {
            name: name.0,
            value,
            hosts,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Delete a secret
    ///
    /// Calls of tools that name it fail from then on with `unknown_secret`.
    #[oai(
        path = "/:name",
        method = "delete",
        operation_id = "tool.delete_secret"
    )]
    async fn delete(&self, caller: Bearer, name: Path<String>) -> poem::Result<Deleted> {
        caller.ask(&DeleteSecret { name: name.0 }).await?;
        Ok(Deleted::Done)
    }
}
