//! Who may answer, in words.

use chrono::{DateTime, Utc};
use contracts::{Role, execution::PendingAnswer, id::UserId};

use crate::format;

pub(super) fn who(
    asked: &PendingAnswer,
    name: impl Fn(UserId) -> String,
    now: DateTime<Utc>,
) -> String {
    let mut those = group(asked.least_role, &asked.users, &name);
    if those.is_empty() {
        return "Everyone who may approve can answer.".into();
    }
    let Some(others) = &asked.escalation else {
        return format!("{} can answer.", those.join(", "));
    };
    let too = group(others.least_role, &others.users, &name);
    if others.reached {
        those.extend(too);
        return format!("{} can answer.", those.join(", "));
    }
    format!(
        "{} can answer, {} {} too.",
        those.join(", "),
        format::ahead(others.at, now),
        too.join(", ")
    )
}

fn group(least: Option<Role>, users: &[UserId], name: impl Fn(UserId) -> String) -> Vec<String> {
    let role = least.map(|role| match role {
        Role::Owner => "Owners".to_owned(),
        Role::Admin => "Admins and owners".to_owned(),
        Role::Editor | Role::Operator | Role::Viewer => {
            format!("{}s and all above", capital(role.as_str()))
        }
    });
    role.into_iter()
        .chain(users.iter().map(|user| name(*user)))
        .collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use contracts::execution::Escalation;

    use super::*;

    #[test]
    fn those_who_may_answer_are_named() {
        let now = DateTime::UNIX_EPOCH;
        let mut asked = PendingAnswer {
            node: "review".into(),
            title: "Review".into(),
            text: String::new(),
            form: None,
            buttons: Vec::new(),
            least_role: None,
            users: Vec::new(),
            escalation: None,
            remind_every_seconds: None,
            reminders: 0,
            asked_at: now,
            until: None,
        };
        let told = |asked: &PendingAnswer| who(asked, |_| "Ada".into(), now);
        assert_eq!(told(&asked), "Everyone who may approve can answer.");
        asked.least_role = Some(Role::Editor);
        asked.users = vec![UserId::EXAMPLE];
        assert_eq!(told(&asked), "Editors and all above, Ada can answer.");
        let mut others = Escalation {
            at: now + TimeDelta::hours(3),
            least_role: Some(Role::Admin),
            users: Vec::new(),
            reached: false,
        };
        asked.users.clear();
        asked.escalation = Some(others.clone());
        assert_eq!(
            told(&asked),
            "Editors and all above can answer, in 3 h Admins and owners too."
        );
        others.reached = true;
        asked.escalation = Some(others);
        assert_eq!(
            told(&asked),
            "Editors and all above, Admins and owners can answer."
        );
    }
}
