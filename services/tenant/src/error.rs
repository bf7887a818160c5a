//! What this service answers when it does not do what it was asked.

use contracts::{
    ErrorCode, FieldProblem, Problem, Role,
    id::{TenantId, UserId},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("organization `{0}` does not exist")]
    UnknownOrganization(TenantId),
    #[error("organization `{0}` exists already and belongs to someone else")]
    OrganizationTaken(TenantId),
    #[error("user `{0}` is not a member of this organization")]
    UnknownMember(UserId),
    #[error("user `{0}` is a member of this organization already")]
    AlreadyMember(UserId),
    #[error("you are not a member of this organization any more")]
    NotAMember,
    #[error("role `{}` is above your own role `{}`", .wanted.as_str(), .own.as_str())]
    RoleAboveOwn { own: Role, wanted: Role },
    #[error(
        "the last owner can neither leave nor get another role: make someone else an owner first"
    )]
    LastOwner,
    #[error("the name of an organization has 1 to 200 characters and no control characters")]
    Name,
    #[error("the role `{0}` of a stored member is not known")]
    UnknownRole(String),
    #[error("the change cannot be made known to running sessions at present")]
    Revocation(#[source] bus::Error),
    #[error(transparent)]
    Sql(#[from] sql::Error),
}

impl Error {
    /// A finer word for programs, where several failures share a code.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::AlreadyMember(_) => Some("already_member"),
            Self::NotAMember => Some("not_a_member"),
            Self::RoleAboveOwn { .. } => Some("role_above_own"),
            Self::LastOwner => Some("last_owner"),
            Self::UnknownOrganization(_)
            | Self::OrganizationTaken(_)
            | Self::UnknownMember(_)
            | Self::Name
            | Self::UnknownRole(_)
            | Self::Revocation(_)
            | Self::Sql(_) => None,
        }
    }
}

impl kernel::ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownOrganization(_) | Self::UnknownMember(_) => ErrorCode::NotFound,
            Self::OrganizationTaken(_) | Self::AlreadyMember(_) | Self::LastOwner => {
                ErrorCode::Conflict
            }
            Self::NotAMember | Self::RoleAboveOwn { .. } => ErrorCode::Forbidden,
            Self::Name => ErrorCode::InvalidInput,
            Self::UnknownRole(_) => ErrorCode::Internal,
            Self::Revocation(_) => ErrorCode::Unavailable,
            Self::Sql(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        let mut problem = Problem::new(self.code(), self.to_string());
        problem.reason = self.reason().map(str::to_owned);
        if matches!(self, Self::Name) {
            problem.errors.push(FieldProblem {
                path: "/name".to_owned(),
                message: self.to_string(),
            });
        }
        problem
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Sql(error.into())
    }
}
