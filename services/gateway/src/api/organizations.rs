//! `/organizations`: the caller's organizations and the members of the present one.

use contracts::{
    ErrorCode, Problem, Role,
    auth::AddMember,
    id::{TenantId, UserId},
    page::Page,
    tenant::{
        GetOrganization, ListMembers, ListOrganizations, Member, Organization, RemoveMember,
        UpdateMember, UpdateOrganization,
    },
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
};
use serde::Deserialize;

use super::{Tag, form::paging};
use crate::{caller::Bearer, payload::Json, problem::Refusal};

pub(crate) struct Api;

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct OrganizationBody {
    /// 1 to 200 characters.
    name: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct RoleBody {
    role: Role,
}

#[derive(ApiResponse)]
enum Added {
    #[oai(status = 201)]
    Created(Json<Member>),
}

#[derive(ApiResponse)]
enum Removed {
    #[oai(status = 204)]
    Done,
}

#[OpenApi(prefix_path = "/organizations", tag = "Tag::Organizations")]
impl Api {
    /// The caller's organizations
    #[oai(path = "/", method = "get", operation_id = "tenant.list")]
    async fn list(&self, caller: Bearer) -> poem::Result<Json<Page<Organization>>> {
        Ok(Json(caller.ask(&ListOrganizations {}).await?))
    }

    /// One organization
    #[oai(
        path = "/:organization_id",
        method = "get",
        operation_id = "tenant.get"
    )]
    async fn get(
        &self,
        caller: Bearer,
        organization_id: Path<TenantId>,
    ) -> poem::Result<Json<Organization>> {
        let request = GetOrganization {
            organization_id: organization_id.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Rename an organization
    #[oai(
        path = "/:organization_id",
        method = "put",
        operation_id = "tenant.update"
    )]
    async fn update(
        &self,
        caller: Bearer,
        organization_id: Path<TenantId>,
        body: Json<OrganizationBody>,
    ) -> poem::Result<Json<Organization>> {
        let request = UpdateOrganization {
            organization_id: organization_id.0,
            name: body.0.name,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// The members of an organization
    #[oai(
        path = "/:organization_id/members",
        method = "get",
        operation_id = "tenant.members"
    )]
    async fn members(
        &self,
        caller: Bearer,
        organization_id: Path<TenantId>,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<Member>>> {
        let request = ListMembers {
            organization_id: organization_id.0,
            paging: paging(cursor, limit),
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Add a registered user to the organization by email
    #[oai(
        path = "/:organization_id/members",
        method = "post",
        operation_id = "auth.add_member"
    )]
    async fn add_member(
        &self,
        caller: Bearer,
        organization_id: Path<TenantId>,
        body: Json<AddMember>,
    ) -> poem::Result<Added> {
        own(&caller, organization_id.0)?;
        Ok(Added::Created(Json(caller.ask(&body.0).await?)))
    }

    /// Change a member's role
    #[oai(
        path = "/:organization_id/members/:user_id",
        method = "put",
        operation_id = "tenant.update_member"
    )]
    async fn update_member(
        &self,
        caller: Bearer,
        organization_id: Path<TenantId>,
        user_id: Path<UserId>,
        body: Json<RoleBody>,
    ) -> poem::Result<Json<Member>> {
        let request = UpdateMember {
            organization_id: organization_id.0,
            user_id: user_id.0,
            role: body.0.role,
        };
        Ok(Json(caller.ask(&request).await?))
    }

    /// Remove a member
    #[oai(
        path = "/:organization_id/members/:user_id",
        method = "delete",
        operation_id = "tenant.remove_member"
    )]
    async fn remove_member(
        &self,
        caller: Bearer,
        organization_id: Path<TenantId>,
        user_id: Path<UserId>,
    ) -> poem::Result<Removed> {
        let request = RemoveMember {
            organization_id: organization_id.0,
            user_id: user_id.0,
        };
        caller.ask(&request).await?;
        Ok(Removed::Done)
    }
}

/// `auth.add_member` has no organization in its body: it adds to the caller's own. Any other is unknown to the caller.
fn own(caller: &Bearer, organization_id: TenantId) -> Result<(), Refusal> {
    if caller.principal.tenant == organization_id {
        return Ok(());
    }
    let detail = format!("organization `{organization_id}` does not exist");
    Err(Refusal(Problem::new(ErrorCode::NotFound, detail)))
}
