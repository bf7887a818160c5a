//! What a node of the type `approval` asks a person, and the person's answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Execution;
use crate::{
    Access, Permission, Role,
    id::{ExecutionId, UserId},
    message::request,
};

/// What a person is asked, as it is shown. The first answer counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct PendingAnswer {
    /// The node that waits.
    pub node: String,
    pub title: String,
    /// Markdown.
    pub text: String,
    /// JSON Schema of the values that are filled in; none are when absent.
    pub form: Option<Value>,
    pub buttons: Vec<AnswerButton>,
    /// Who has this role, or one above it, may answer.
    pub least_role: Option<Role>,
    /// These may answer. Where neither is set, everyone may who may approve.
    pub users: Vec<UserId>,
    /// Who may answer too, when nobody has until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub escalation: Option<Escalation>,
    /// How often they are reminded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub remind_every_seconds: Option<u32>,
    /// How often they were reminded.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", oai(default))]
    pub reminders: u32,
    pub asked_at: DateTime<Utc>,
    /// When nobody needs to answer any more, and the execution goes on at the port `deadline`.
    pub until: Option<DateTime<Utc>>,
}

/// Others who may answer, from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct Escalation {
    pub at: DateTime<Utc>,
    /// Who has this role, or one above it, may answer.
    pub least_role: Option<Role>,
    /// These may answer.
    pub users: Vec<UserId>,
    /// Whether the moment has come.
    pub reached: bool,
}

/// A way in which the execution may go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct AnswerButton {
    pub port: String,
    pub label: String,
}

impl PendingAnswer {
    /// The port at which the execution goes on when nobody answered in time.
    pub const DEADLINE_PORT: &'static str = "deadline";

    pub fn may_answer(&self, user: UserId, role: Role) -> bool {
        let is_open = self.users.is_empty() && self.least_role.is_none();
        is_open
            || self.users.contains(&user)
            || self.least_role.is_some_and(|least| role.covers(least))
            || self.reached().is_some_and(|others| {
                others.users.contains(&user)
                    || others.least_role.is_some_and(|least| role.covers(least))
            })
    }

    /// Those who may answer too by now.
    fn reached(&self) -> Option<&Escalation> {
        self.escalation.as_ref().filter(|others| others.reached)
    }
}

/// Answers what a node asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerExecution {
    pub execution_id: ExecutionId,
    pub node: String,
    /// That of the chosen button.
    pub port: String,
    /// What the form asks for; null where it asks for nothing.
    #[serde(default)]
    pub values: Value,
    /// Up to 1,000 characters.
    #[serde(default)]
    pub comment: String,
}
request!(AnswerExecution => Execution, "execution.answer", Access::Permission(Permission::ExecutionApprove), objects: &["execution_id"],
    example: AnswerExecution { execution_id: ExecutionId::EXAMPLE, node: "review".into(), port: "approve".into(), values: Value::Null, comment: String::new() });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_may_answer() {
        let asked = |least_role, users| PendingAnswer {
            node: "review".into(),
            title: "Review".into(),
            text: String::new(),
            form: None,
            buttons: Vec::new(),
            least_role,
            users,
            escalation: None,
            remind_every_seconds: None,
            reminders: 0,
            asked_at: DateTime::UNIX_EPOCH,
            until: None,
        };
        let (named, other) = (UserId::generate(), UserId::generate());
        assert!(asked(None, vec![]).may_answer(other, Role::Operator));
        assert!(!asked(Some(Role::Admin), vec![]).may_answer(other, Role::Editor));
        assert!(asked(Some(Role::Admin), vec![]).may_answer(other, Role::Owner));
        assert!(!asked(None, vec![named]).may_answer(other, Role::Owner));
        let either = asked(Some(Role::Admin), vec![named]);
        assert!(either.may_answer(named, Role::Operator) && either.may_answer(other, Role::Admin));
        let escalation = |reached| Escalation {
            at: DateTime::UNIX_EPOCH,
            least_role: None,
            users: vec![other],
            reached,
        };
        let with = |reached| PendingAnswer {
            escalation: Some(escalation(reached)),
            ..asked(None, vec![named])
        };
        assert!(!with(false).may_answer(other, Role::Operator));
        assert!(with(true).may_answer(other, Role::Operator));
    }
}
