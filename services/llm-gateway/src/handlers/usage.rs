//! `llm.usage`: what the calls of an organization took.

use chrono::{TimeDelta, Utc};
use contracts::llm::{GetUsage, UsageReport};
use documents::UsageQuestion;
use kernel::Ctx;

use crate::{Error, State, domain::settings};

/// A report spans at most this many days.
const LONGEST_DAYS: i64 = 400;

pub(crate) async fn usage(ctx: Ctx<State>, request: GetUsage) -> Result<UsageReport, Error> {
    let question = question(&request)?;
    Ok(ctx.state.archive.usage(ctx.tenant, question).await?)
}

fn question(request: &GetUsage) -> Result<UsageQuestion, Error> {
    let until = request.until.unwrap_or_else(Utc::now);
    let wrong =
        |field: &str, what: String| Err(Error::InvalidUsage(vec![settings::problem(field, &what)]));
    if until < request.since {
        return wrong("/until", "lies before `since`".to_owned());
    }
    if until - request.since > TimeDelta::days(LONGEST_DAYS) {
        return wrong(
            "/since",
            format!("lies more than {LONGEST_DAYS} days before the end"),
        );
    }
    Ok(UsageQuestion {
        since: request.since,
        until,
        by: request.by,
        daily: request.daily,
    })
}

#[cfg(test)]
mod tests {
    use contracts::llm::UsageBy;

    use super::*;

    #[test]
    fn a_report_has_an_order_and_an_end() {
        let ask = |since: &str, until: &str| {
            question(&GetUsage {
                since: since.parse().expect("a time"),
                until: Some(until.parse().expect("a time")),
                by: UsageBy::Model,
                daily: false,
            })
        };
        let pointer = |outcome: Result<UsageQuestion, Error>| match outcome {
            Err(Error::InvalidUsage(problems)) => problems[0].path.clone(),
            _ => "fine".to_owned(),
        };
        let (day, next) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        assert_eq!(pointer(ask(day, next)), "fine");
        assert_eq!(pointer(ask(day, day)), "fine");
        assert_eq!(pointer(ask(next, day)), "/until");
        assert_eq!(pointer(ask(day, "2027-06-01T00:00:00Z")), "/since");
    }
}
