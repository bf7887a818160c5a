//! The rules of identity: what an email, a password and a name look like, what a token says, how long things live.
//!
//! **Invariant:** no I/O, no clock, no randomness.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use contracts::{
    FieldProblem, Role,
    id::{ExecutionId, SessionId, TenantId, UserId},
    principal::Claims,
    tenant::Membership,
};

pub(crate) mod callout;
pub(crate) mod connections;
mod password;

pub(crate) use password::check_password;

/// The moment as the database keeps it, so that an answer before and after storing says the same.
pub(crate) fn storable(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.trunc_subsecs(6)
}

/// Life of an access token, of users and of runs.
pub(crate) const ACCESS_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A session ends this long after login, however often it was refreshed.
pub(crate) const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A session ends after this long without a refresh.
pub(crate) const IDLE_LIFETIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Wrong passwords that an account takes within [`TRIES_WINDOW`].
pub(crate) const TRIES: u32 = 10;
pub(crate) const TRIES_WINDOW: Duration = Duration::from_secs(60);

/// An email address in the one spelling in which accounts are found: trimmed, lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Email(String);

impl Email {
    /// Addresses are not checked further: only a mail that arrives proves one.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim().to_lowercase();
        if text.len() > 254 {
            return Err("must have 254 bytes at most");
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("must have no spaces");
        }
        match text.split_once('@') {
            Some((local, domain))
                if !local.is_empty() && !domain.is_empty() && !domain.contains('@') =>
            {
                Ok(Self(text))
            }
            _ => Err("must look like `name@example.com`"),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name of a person or an organization, trimmed.
pub(crate) fn parse_name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if !(1..=200).contains(&text.chars().count()) {
        return Err("must have 1 to 200 characters");
    }
    if text.chars().any(char::is_control) {
        return Err("must have no control characters");
    }
    Ok(text.to_owned())
}

/// A registration that keeps the rules.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) email: Email,
    pub(crate) password: String,
    pub(crate) name: String,
    pub(crate) organization: String,
}

impl Registration {
    /// Names everything that is wrong, not the first thing only.
    pub(crate) fn parse(request: contracts::auth::Register) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut note = |path: &str, message: &str| {
            problems.push(FieldProblem {
                path: path.to_owned(),
                message: message.to_owned(),
            });
        };
        let email = Email::parse(&request.email).map_err(|why| note("/email", why));
        let name = parse_name(&request.name).map_err(|why| note("/name", why));
        let organization =
            parse_name(&request.organization).map_err(|why| note("/organization", why));
        let of = email.as_ref().map_or("", Email::as_str);
        let password = check_password(&request.password, of).map_err(|why| note("/password", why));
        match (email, name, organization, password) {
            (Ok(email), Ok(name), Ok(organization), Ok(())) => Ok(Self {
                email,
                password: request.password,
                name,
                organization,
            }),
            _ => Err(problems),
        }
    }
}

/// For whom an access token is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) user: UserId,
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    pub(crate) session: Option<SessionId>,
    pub(crate) execution: Option<ExecutionId>,
}

/// What the access token says; `jti` names it.
pub(crate) fn claims(grant: Grant, jti: String, now: DateTime<Utc>) -> Claims {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Claims {
        iss: Claims::ISSUER.to_owned(),
        aud: Claims::AUDIENCE.to_owned(),
        sub: grant.user,
        tid: grant.tenant,
        role: grant.role,
        sid: grant.session,
        exec: grant.execution,
        iat: seconds,
        nbf: seconds,
        exp: seconds + ACCESS_LIFETIME.as_secs(),
        jti,
        iat_ms: u64::try_from(now.timestamp_millis()).unwrap_or_default(),
    }
}

/// When a session began, was last refreshed, and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionTimes {
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) refreshed_at: DateTime<Utc>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
}

impl SessionTimes {
    pub(crate) fn beginning(now: DateTime<Utc>) -> Self {
        Self {
            created_at: now,
            refreshed_at: now,
            ended_at: None,
        }
    }

    /// Whether the session may still be refreshed.
    pub(crate) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none()
            && now < self.created_at + SESSION_LIFETIME
            && now < self.refreshed_at + IDLE_LIFETIME
    }
}

/// Which organization a user enters: the one asked for, else the one joined first.
pub(crate) fn choose(memberships: Vec<Membership>, wanted: Option<TenantId>) -> Option<Membership> {
    memberships
        .into_iter()
        .find(|membership| wanted.is_none_or(|wanted| membership.organization.id == wanted))
}

#[cfg(test)]
mod tests {
    use contracts::{Request, auth::Register, tenant::Organization};

    use super::*;

    #[test]
    fn an_email_has_one_spelling() {
        assert_eq!(
            Email::parse("  Ada@Example.COM "),
            Email::parse("ada@example.com")
        );
        for text in [
            "",
            "ada",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a\r\n@c",
            "a@c\0",
            &format!("{}@c", "a".repeat(260)),
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_registration_names_all_that_is_wrong() {
        assert!(Registration::parse(Register::example()).is_ok());
        let wrong = Register {
            email: "x".into(),
            password: "short".into(),
            name: " ".into(),
            organization: "\u{7}".into(),
        };
        let paths: Vec<_> = Registration::parse(wrong)
            .err()
            .expect("problems")
            .into_iter()
            .map(|p| p.path)
            .collect();
        assert_eq!(paths, ["/email", "/name", "/organization", "/password"]);
    }

    #[test]
    fn a_token_lives_ten_minutes() {
        let now = DateTime::from_timestamp_millis(1_700_000_000_123).expect("a time");
        let grant = Grant {
            user: UserId::EXAMPLE,
            tenant: TenantId::EXAMPLE,
            role: Role::Viewer,
            session: None,
            execution: None,
        };
        let claims = claims(grant, "j".into(), now);
        assert_eq!(
            (claims.iat, claims.nbf, claims.exp),
            (1_700_000_000, 1_700_000_000, 1_700_000_600)
        );
        assert_eq!(claims.iat_ms, 1_700_000_000_123);
    }

    #[test]
    fn a_session_ends_by_age_by_silence_and_by_logout() {
        let start = DateTime::UNIX_EPOCH;
        let check = |refreshed_after: Duration, asked_after: Duration, expect: bool| {
            let times = SessionTimes {
                refreshed_at: start + refreshed_after,
                ..SessionTimes::beginning(start)
            };
            assert_eq!(
                times.is_open(start + asked_after),
                expect,
                "{refreshed_after:?} {asked_after:?}"
            );
            let ended = SessionTimes {
                ended_at: Some(start),
                ..times
            };
            assert!(!ended.is_open(start + asked_after));
        };
        let second = Duration::from_secs(1);
        check(Duration::ZERO, IDLE_LIFETIME - second, true);
        check(Duration::ZERO, IDLE_LIFETIME, false);
        check(
            SESSION_LIFETIME - second * 2,
            SESSION_LIFETIME - second,
            true,
        );
        check(SESSION_LIFETIME - second * 2, SESSION_LIFETIME, false);
    }

    #[test]
    fn the_organization_joined_first_is_entered() {
        let membership = |id| Membership {
            organization: Organization {
                id,
                name: "x".into(),
                created_at: DateTime::UNIX_EPOCH,
            },
            role: Role::Owner,
        };
        let (first, second) = (TenantId::generate(), TenantId::generate());
        let all = || vec![membership(first), membership(second)];
        let chosen = |wanted| choose(all(), wanted).map(|membership| membership.organization.id);
        assert_eq!(chosen(None), Some(first));
        assert_eq!(chosen(Some(second)), Some(second));
        assert_eq!(chosen(Some(TenantId::generate())), None);
        assert_eq!(choose(vec![], None), None);
    }
}
