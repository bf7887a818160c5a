//! `/users/me`: the signed-in user.

use contracts::auth::{GetMe, Me, UpdateMe, User};
use poem_openapi::OpenApi;

use super::Tag;
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/users", tag = "Tag::Users")]
impl Api {
    /// The signed-in user, their organization and role
    #[oai(path = "/me", method = "get", operation_id = "auth.me")]
    async fn me(&self, caller: Bearer) -> poem::Result<Json<Me>> {
        Ok(Json(caller.ask(&GetMe {}).await?))
    }

    /// Change the signed-in user's name
    #[oai(path = "/me", method = "put", operation_id = "auth.update_me")]
    async fn update(&self, caller: Bearer, body: Json<UpdateMe>) -> poem::Result<Json<User>> {
        Ok(Json(caller.ask(&body.0).await?))
    }
}
