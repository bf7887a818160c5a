//! Organizations and their members.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Permission, Role,
    id::{TenantId, UserId},
    message::request,
    page::{Page, Paging},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Organization {
    pub id: TenantId,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Member {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub joined_at: DateTime<Utc>,
}

/// A user's place in one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub organization: Organization,
    pub role: Role,
}

/// Creates the organization of the subject's tenant: catalogue row, schema, owner. Idempotent by tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provision {
    pub name: String,
    pub owner_id: UserId,
    pub owner_email: String,
    pub owner_name: String,
}
request!(Provision => Organization, "tenant.provision", Access::Internal, example: Provision {
    name: "Analytical Engines".into(), owner_id: UserId::EXAMPLE, owner_email: "ada@example.com".into(), owner_name: "Ada Lovelace".into() });

/// All organizations of a user, the first joined first. On tenant `platform`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembershipsOf {
    pub user_id: UserId,
}
request!(MembershipsOf => Vec<Membership>, "tenant.memberships_of", Access::Internal, example: MembershipsOf { user_id: UserId::EXAMPLE });

/// Adds a user whom `auth` knows to the subject's tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinOrganization {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    /// Who adds them: nobody gives a role above their own.
    pub by_role: Role,
}
request!(JoinOrganization => Member, "tenant.join", Access::Internal, example: JoinOrganization {
    user_id: UserId::EXAMPLE, email: "grace@example.com".into(), name: "Grace Hopper".into(), role: Role::Editor, by_role: Role::Owner });

/// The caller's organizations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListOrganizations {}
request!(ListOrganizations => Page<Organization>, "tenant.list", Access::SignedIn, example: ListOrganizations {});

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetOrganization {
    pub organization_id: TenantId,
}
request!(GetOrganization => Organization, "tenant.get", Access::Permission(Permission::OrganizationRead), objects: &["organization_id"],
    example: GetOrganization { organization_id: TenantId::EXAMPLE });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateOrganization {
    pub organization_id: TenantId,
    pub name: String,
}
request!(UpdateOrganization => Organization, "tenant.update", Access::Permission(Permission::OrganizationWrite), objects: &["organization_id"],
    example: UpdateOrganization { organization_id: TenantId::EXAMPLE, name: "Difference Engines".into() });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListMembers {
    pub organization_id: TenantId,
    #[serde(default)]
    pub paging: Paging,
}
request!(ListMembers => Page<Member>, "tenant.members", Access::Permission(Permission::MemberRead), objects: &["organization_id"],
    example: ListMembers { organization_id: TenantId::EXAMPLE, paging: Paging::default() });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    pub organization_id: TenantId,
    pub user_id: UserId,
    pub role: Role,
}
request!(UpdateMember => Member, "tenant.update_member", Access::Permission(Permission::MemberWrite), objects: &["organization_id", "user_id"],
    example: UpdateMember { organization_id: TenantId::EXAMPLE, user_id: UserId::EXAMPLE, role: Role::Viewer });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    pub organization_id: TenantId,
    pub user_id: UserId,
}
request!(RemoveMember => (), "tenant.remove_member", Access::Permission(Permission::MemberWrite), objects: &["organization_id", "user_id"],
    example: RemoveMember { organization_id: TenantId::EXAMPLE, user_id: UserId::EXAMPLE });
