//! Users, sessions, tokens.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Role,
    id::{ExecutionId, TenantId, UserId},
    message::request,
    tenant::{Member, Organization},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

/// A signed-in user in one organization.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Session {
    pub user: User,
    pub organization: Organization,
    pub role: Role,
    /// For `Authorization: Bearer`, or as the password of a NATS connection.
    pub access_token: String,
    /// Good for one `auth.refresh`.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

/// Creates a user with an organization of their own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Register {
    pub email: String,
    /// 10 to 128 characters, none of the well-known ones.
    pub password: String,
    /// 1 to 200 characters.
    pub name: String,
    /// The organization's name: 1 to 200 characters.
    pub organization: String,
}
request!(Register => Session, "auth.register", Access::Public, example: Register {
    email: "ada@example.com".into(), password: "correct horse battery staple".into(), name: "Ada Lovelace".into(), organization: "Analytical Engines".into() });

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct Login {
    pub email: String,
    pub password: String,
    /// Which organization to enter; the one joined first when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub organization_id: Option<TenantId>,
}
request!(Login => Session, "auth.login", Access::Public, example: Login {
    email: "ada@example.com".into(), password: "correct horse battery staple".into(), organization_id: None });

/// Trades a refresh token for a new pair. A token used twice ends the session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    pub refresh_token: String,
}
request!(Refresh => Session, "auth.refresh", Access::Public, example: Refresh { refresh_token: "example".into() });

/// Ends the session of a refresh token; an unknown token is no error.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    pub refresh_token: String,
}
request!(Logout => (), "auth.logout", Access::Public, example: Logout { refresh_token: "example".into() });

/// Lets a client open a WebSocket, where it cannot send headers. Good for one use within 30 seconds; the socket lives as
/// long as the access token that asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeTicket {}
request!(MakeTicket => Ticket, "auth.ws_ticket", Access::SignedIn, example: MakeTicket {});

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Ticket {
    /// For `GET /ws?ticket=`.
    pub ticket: String,
    pub expires_at: DateTime<Utc>,
}

/// Uses a ticket up. The gateway asks, when a WebSocket is opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemTicket {
    pub ticket: String,
}
request!(RedeemTicket => RedeemedTicket, "auth.redeem_ticket", Access::Public, example: RedeemTicket { ticket: "example".into() });

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemedTicket {
    /// Says what the token that asked for the ticket says, and ends with it.
    pub access_token: String,
}

/// The signed-in user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetMe {}
request!(GetMe => Me, "auth.me", Access::SignedIn, example: GetMe {});

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Me {
    pub user: User,
    /// The organization of the access token.
    pub organization: Organization,
    pub role: Role,
    /// All organizations the user is a member of.
    pub organizations: Vec<Organization>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct UpdateMe {
    pub name: String,
}
request!(UpdateMe => User, "auth.update_me", Access::SignedIn, example: UpdateMe { name: "Ada King".into() });

/// Adds a registered user to the organization by email.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(deny_unknown_fields)
)]
pub struct AddMember {
    pub email: String,
    pub role: Role,
}
request!(AddMember => Member, "auth.add_member", Access::Permission(crate::Permission::MemberWrite), example: AddMember {
    email: "grace@example.com".into(), role: Role::Editor });

/// A short-lived token that acts for a run in its principal's name. Refused once the principal lost their membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunToken {
    pub user_id: UserId,
    pub execution_id: ExecutionId,
}
request!(RunToken => RunTokenReply, "auth.run_token", Access::Internal, example: RunToken {
    user_id: UserId::EXAMPLE, execution_id: ExecutionId::EXAMPLE });

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTokenReply {
    pub access_token: String,
    /// Seconds.
    pub expires_in: u64,
}

/// The role that a user has in the organization at this moment. Refused once they lost their membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleOf {
    pub user_id: UserId,
}
request!(RoleOf => RoleOfReply, "auth.role_of", Access::Internal, example: RoleOf { user_id: UserId::EXAMPLE });

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleOfReply {
    pub role: Role,
}
