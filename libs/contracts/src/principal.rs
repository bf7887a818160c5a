//! Who asks, and what they may do.

use serde::{Deserialize, Serialize};

use crate::id::{ExecutionId, SessionId, TenantId, UserId};

/// A member's role in an organization. Each role may do all that the following one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Enum),
    oai(rename_all = "snake_case")
)]
pub enum Role {
    Owner,
    Admin,
    Editor,
    Operator,
    Viewer,
}

impl Role {
    pub const ALL: [Self; 5] = [
        Self::Owner,
        Self::Admin,
        Self::Editor,
        Self::Operator,
        Self::Viewer,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether it is this role or one above it.
    pub const fn covers(self, other: Self) -> bool {
        self.rank() >= other.rank()
    }

    pub fn allows(self, permission: Permission) -> bool {
        self.rank() >= permission.least_role().rank()
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Owner => 4,
            Self::Admin => 3,
            Self::Editor => 2,
            Self::Operator => 1,
            Self::Viewer => 0,
        }
    }
}

/// What a request needs, written `<resource>:<action>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Permission {
    #[serde(rename = "organization:read")]
    OrganizationRead,
    #[serde(rename = "organization:write")]
    OrganizationWrite,
    #[serde(rename = "member:read")]
    MemberRead,
    #[serde(rename = "member:write")]
    MemberWrite,
    #[serde(rename = "flow:read")]
    FlowRead,
    #[serde(rename = "flow:write")]
    FlowWrite,
    #[serde(rename = "flow:execute")]
    FlowExecute,
    #[serde(rename = "execution:read")]
    ExecutionRead,
    #[serde(rename = "execution:cancel")]
    ExecutionCancel,
    #[serde(rename = "execution:delete")]
    ExecutionDelete,
    #[serde(rename = "provider:read")]
    ProviderRead,
    #[serde(rename = "provider:write")]
    ProviderWrite,
    #[serde(rename = "llm:complete")]
    LlmComplete,
    #[serde(rename = "tool:read")]
    ToolRead,
    #[serde(rename = "tool:write")]
    ToolWrite,
    #[serde(rename = "tool:invoke")]
    ToolInvoke,
    #[serde(rename = "secret:write")]
    SecretWrite,
    #[serde(rename = "agent:read")]
    AgentRead,
    #[serde(rename = "agent:write")]
    AgentWrite,
    #[serde(rename = "agent:run")]
    AgentRun,
    #[serde(rename = "memory:use")]
    MemoryUse,
    #[serde(rename = "knowledge:read")]
    KnowledgeRead,
    #[serde(rename = "knowledge:write")]
    KnowledgeWrite,
    #[serde(rename = "knowledge:search")]
    KnowledgeSearch,
    #[serde(rename = "chat:use")]
    ChatUse,
    #[serde(rename = "execution:approve")]
    ExecutionApprove,
    #[serde(rename = "dead_letter:read")]
    DeadLetterRead,
    #[serde(rename = "dead_letter:write")]
    DeadLetterWrite,
}

impl Permission {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrganizationRead => "organization:read",
            Self::OrganizationWrite => "organization:write",
            Self::MemberRead => "member:read",
            Self::MemberWrite => "member:write",
            Self::FlowRead => "flow:read",
            Self::FlowWrite => "flow:write",
            Self::FlowExecute => "flow:execute",
            Self::ExecutionRead => "execution:read",
            Self::ExecutionCancel => "execution:cancel",
            Self::ExecutionDelete => "execution:delete",
            Self::ProviderRead => "provider:read",
            Self::ProviderWrite => "provider:write",
            Self::LlmComplete => "llm:complete",
            Self::ToolRead => "tool:read",
            Self::ToolWrite => "tool:write",
            Self::ToolInvoke => "tool:invoke",
            Self::SecretWrite => "secret:write",
            Self::AgentRead => "agent:read",
            Self::AgentWrite => "agent:write",
            Self::AgentRun => "agent:run",
            Self::MemoryUse => "memory:use",
            Self::KnowledgeRead => "knowledge:read",
            Self::KnowledgeWrite => "knowledge:write",
            Self::KnowledgeSearch => "knowledge:search",
            Self::ChatUse => "chat:use",
            Self::ExecutionApprove => "execution:approve",
            Self::DeadLetterRead => "dead_letter:read",
            Self::DeadLetterWrite => "dead_letter:write",
        }
    }

    /// The role table: the lowest role that has this permission.
    pub const fn least_role(self) -> Role {
        match self {
            Self::OrganizationRead
            | Self::MemberRead
            | Self::FlowRead
            | Self::ExecutionRead
            | Self::ProviderRead
            | Self::ToolRead
            | Self::AgentRead
            | Self::KnowledgeRead => Role::Viewer,
            Self::FlowExecute
            | Self::ExecutionCancel
            | Self::ExecutionApprove
            | Self::LlmComplete
            | Self::ToolInvoke
            | Self::AgentRun
            | Self::MemoryUse
            | Self::KnowledgeSearch
            | Self::ChatUse => Role::Operator,
            Self::FlowWrite | Self::ToolWrite | Self::AgentWrite | Self::KnowledgeWrite => {
                Role::Editor
            }
            Self::OrganizationWrite
            | Self::MemberWrite
            | Self::ProviderWrite
            | Self::SecretWrite
            | Self::ExecutionDelete
            | Self::DeadLetterRead
            | Self::DeadLetterWrite => Role::Admin,
        }
    }
}

/// Who asks: a user in one organization, or a run acting for that user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    pub user_id: UserId,
    pub tenant: TenantId,
    pub role: Role,
    /// The session whose revocation ends this principal; none for runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Set on run tokens: the principal may only do what a run needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
}

impl Principal {
    pub fn allows(&self, permission: Permission) -> bool {
        let run_may = self.execution_id.is_none()
            || matches!(
                permission,
                Permission::LlmComplete
                    | Permission::ToolInvoke
                    | Permission::MemoryUse
                    | Permission::KnowledgeSearch
            );
        run_may && self.role.allows(permission)
    }
}

/// The claims of an access token: an EdDSA-signed JWT (RFC 7519, RFC 9068) of ten minutes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The user.
    pub sub: UserId,
    /// The organization.
    pub tid: TenantId,
    pub role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The execution, on run tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecutionId>,
    /// Unix seconds.
    pub iat: u64,
    pub nbf: u64,
    pub exp: u64,
    pub jti: String,
    /// Unix milliseconds of issue: what a revocation is compared with.
    pub iat_ms: u64,
}

impl Claims {
    pub const ISSUER: &'static str = "troupe";
    pub const AUDIENCE: &'static str = "troupe";
    /// The JWT header's `typ`: a refresh or id token is never taken for an access token.
    pub const TYPE: &'static str = "at+jwt";

    pub fn principal(&self) -> Principal {
        Principal {
            user_id: self.sub,
            tenant: self.tid,
            role: self.role,
            session_id: self.sid,
            execution_id: self.exec,
        }
    }
}

/// A public signing key as auth publishes it and every kernel reads it (JWK, RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    pub kid: String,
    /// The Ed25519 public key, base64url without padding.
    pub x: String,
}

/// Why a token no longer counts before it expires. An entry of the bucket `REVOCATIONS`: the key says whom it meets,
/// the value is the Unix time in milliseconds; tokens issued until then are refused.
pub mod revocation {
    use crate::id::{SessionId, TenantId, UserId};

    /// The key that ends a session.
    pub fn of_session(session: SessionId) -> String {
        format!("session.{session}")
    }

    /// The key that ends what a user's tokens may do in one organization: role changed, or membership ended.
    pub fn of_member(tenant: TenantId, user: UserId) -> String {
        format!("member.{tenant}.{user}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_may_only_do_what_a_run_needs() {
        let user = Principal {
            user_id: UserId::EXAMPLE,
            tenant: TenantId::EXAMPLE,
            role: Role::Owner,
            session_id: None,
            execution_id: None,
        };
        assert!(user.allows(Permission::MemberWrite));
        let run = Principal {
            execution_id: Some(ExecutionId::EXAMPLE),
            ..user
        };
        assert!(run.allows(Permission::LlmComplete));
        assert!(!run.allows(Permission::MemberWrite));
        assert!(!run.allows(Permission::FlowRead));
    }

    #[test]
    fn roles_grow() {
        assert!(Role::Viewer.allows(Permission::FlowRead));
        assert!(!Role::Viewer.allows(Permission::FlowExecute));
        assert!(!Role::Operator.allows(Permission::FlowWrite));
        assert!(!Role::Editor.allows(Permission::MemberWrite));
        assert!(Role::Admin.allows(Permission::MemberWrite));
    }
}
