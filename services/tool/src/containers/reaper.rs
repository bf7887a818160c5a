//! Removes containers that nobody removes any more: of an instance that was killed, or of a call given up half-way.
//!
//! **Invariant:** a container that a living instance uses is never touched: one is removed at once when its instance is
//! known to be gone, else one that runs when its time is over, and one that has ended, or that we do not know, when two
//! looks in a row find it.

use std::{
    collections::HashSet,
    time::{SystemTime, UNIX_EPOCH},
};

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};

use crate::{
    containers::{
        process,
        profile::{INSTANCE_LABEL, UNTIL_LABEL},
        running::Yard,
    },
    failure::Failure,
};

#[derive(Default)]
pub(super) struct Reaper {
    suspects: HashSet<String>,
}

impl Reaper {
    pub(super) async fn reap(&mut self, yard: &Yard) -> Result<(), Failure> {
        let found = yard.engine.list(&yard.group).await?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is past 1970")
            .as_secs();
        let mut suspects = HashSet::new();
        for container in found {
            let Some(id) = container.id.clone() else {
                continue;
            };
            match verdict(&container, now, &yard.instance, yard.is_live(&id)) {
                Verdict::Keep => {}
                Verdict::Suspect if !self.suspects.contains(&id) => {
                    suspects.insert(id);
                }
                Verdict::Suspect | Verdict::Remove => {
                    tracing::info!(
                        container.id = id,
                        "removing a container that was left behind"
                    );
                    yard.engine.remove(&id).await?;
                }
            }
        }
        self.suspects = suspects;
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    /// Remove it if the next look finds it as it is now.
    Suspect,
    Remove,
}

fn verdict(container: &ContainerSummary, now: u64, instance: &str, is_live: bool) -> Verdict {
    let label = |name: &str| container.labels.as_ref()?.get(name).map(String::as_str);
    let until = label(UNTIL_LABEL).and_then(|until| until.parse::<u64>().ok());
    let owner = label(INSTANCE_LABEL);
    let ours = owner == Some(instance);
    let runs = container.state == Some(ContainerSummaryStateEnum::RUNNING);
    let is_over = until.is_none_or(|until| until < now);
    if is_over || owner.is_some_and(process::is_gone) {
        Verdict::Remove
    } else if is_live || (!ours && runs) {
        Verdict::Keep
    } else {
        Verdict::Suspect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(instance: &str, until: u64, runs: bool, is_live: bool, expect: &Verdict) {
        let labels = [
            (INSTANCE_LABEL.to_owned(), instance.to_owned()),
            (UNTIL_LABEL.to_owned(), until.to_string()),
        ];
        let state = if runs {
            ContainerSummaryStateEnum::RUNNING
        } else {
            ContainerSummaryStateEnum::EXITED
        };
        let container = ContainerSummary {
            labels: Some(labels.into()),
            state: Some(state),
            ..ContainerSummary::default()
        };
        assert_eq!(&verdict(&container, 100, "we", is_live), expect);
    }

    #[test]
    fn only_what_nobody_uses_is_removed() {
        check("we", 200, true, true, &Verdict::Keep);
        check("we", 200, true, false, &Verdict::Suspect);
        check("they", 200, true, false, &Verdict::Keep);
        check("they", 200, false, false, &Verdict::Suspect);
        check("they", 99, true, false, &Verdict::Remove);
        check("we", 99, true, false, &Verdict::Remove);
        // The name of another process that had our number.
        let gone = format!("{}0", process::name());
        check(&gone, 200, true, false, &Verdict::Remove);
        check(&process::name(), 200, true, false, &Verdict::Keep);
    }
}
