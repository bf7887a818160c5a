//! Sums over the calls to large language models.

use chrono::{DateTime as Time, NaiveDate, Utc};
use contracts::{
    execution::Usage,
    id::{FlowId, TenantId, UserId},
    llm::{UsageBy, UsageLine, UsageReport},
};
use mongodb::bson::{Bson, DateTime, Document, doc};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{Archive, Error, calls::COLLECTION};

/// Lines of one report at most.
const LINES: usize = 5_000;

/// Which calls, and how they are put together.
#[derive(Clone, Copy, Debug)]
pub struct UsageQuestion {
    pub since: Time<Utc>,
    /// Not included.
    pub until: Time<Utc>,
    pub by: UsageBy,
    /// A line for each day (UTC).
    pub daily: bool,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "_id")]
    key: Key,
    calls: i64,
    failures: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    /// A decimal, or the number 0 where no price is known.
    cost: Bson,
    unpriced: i64,
}

#[derive(Deserialize)]
struct Key {
    #[serde(default)]
    day: Option<String>,
    #[serde(default)]
    provider: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    flow: Option<String>,
    #[serde(default)]
    user: Option<String>,
}

impl Archive {
    /// What the calls of an organization took.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Timeout`].
    pub async fn usage(
        &self,
        tenant: TenantId,
        question: UsageQuestion,
    ) -> Result<UsageReport, Error> {
        self.ensure_indexes().await?;
        let collection = self.collection(COLLECTION);
        let aggregate = collection
            .aggregate(pipeline(tenant, question))
            .with_type::<Group>();
        let groups: Vec<Group> = self
            .within(async { futures::TryStreamExt::try_collect(aggregate.await?).await })
            .await?;
        Ok(UsageReport {
            cut: groups.len() > LINES,
            items: groups.into_iter().take(LINES).map(line).collect(),
        })
    }
}

fn pipeline(tenant: TenantId, question: UsageQuestion) -> Vec<Document> {
    let time = |at: Time<Utc>| DateTime::from_millis(at.timestamp_millis());
    let mut key = match question.by {
        UsageBy::Model => doc! {"provider": "$provider", "model": "$model"},
        UsageBy::Flow => doc! {"flow": "$flow"},
        UsageBy::User => doc! {"user": "$user"},
    };
    if question.daily {
        key.insert(
            "day",
            doc! {"$dateToString": {"format": "%Y-%m-%d", "date": "$ts"}},
        );
    }
    let count_if = |condition: Document| doc! {"$sum": {"$cond": [condition, 1, 0]}};
    let during = doc! {"$gte": time(question.since), "$lt": time(question.until)};
    let limit = i64::try_from(LINES + 1).expect("a small number");
    vec![
        doc! {"$match": {"tenant": tenant.to_string(), "ts": during}},
        doc! {"$group": {
            "_id": key,
            "calls": {"$sum": 1_i64},
            "failures": count_if(doc! {"$ne": ["$error", Bson::Null]}),
            "prompt_tokens": {"$sum": "$prompt_tokens"},
            "completion_tokens": {"$sum": "$completion_tokens"},
            "cost": {"$sum": "$cost"},
            "unpriced": count_if(doc! {"$eq": ["$cost", Bson::Null]}),
        }},
        // The key at the end makes the order of equal lines the same each time.
        doc! {"$sort": {"_id.day": 1, "cost": -1, "calls": -1, "_id": 1}},
        doc! {"$limit": limit},
    ]
}

fn line(group: Group) -> UsageLine {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let Key {
        day,
        provider,
        model,
        flow,
        user,
    } = group.key;
    UsageLine {
        day: day.and_then(|day| day.parse::<NaiveDate>().ok()),
        provider,
        model,
        flow_id: flow.and_then(|id| id.parse::<FlowId>().ok()),
        user_id: user.and_then(|id| id.parse::<UserId>().ok()),
        calls: count(group.calls),
        failures: count(group.failures),
        usage: Usage {
            prompt_tokens: count(group.prompt_tokens),
            completion_tokens: count(group.completion_tokens),
            cost: Some(decimal(&group.cost)),
        },
        unpriced: count(group.unpriced),
    }
}

fn decimal(cost: &Bson) -> Decimal {
    match cost {
        Bson::Decimal128(cost) => {
            let text = cost.to_string();
            let plain = text.parse().or_else(|_| Decimal::from_scientific(&text));
            plain.unwrap_or_default()
        }
        _ => Decimal::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_stay_exact() {
        let read = |text: &str| decimal(&Bson::Decimal128(text.parse().expect("a decimal")));
        assert_eq!(read("0.000123").to_string(), "0.000123");
        assert_eq!(read("1E-7").to_string(), "0.0000001");
        assert_eq!(decimal(&Bson::Int32(0)), Decimal::ZERO);
    }
}
