//! The price table: what the models of known vendors cost where an organization says nothing itself.
//!
//! The table is `prices.json` beside this file, written by `cargo xtask prices`; each price names its source.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use contracts::llm::Price;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{
    price::{Tariff, Tier},
    settings::host,
};

const TABLE: &str = include_str!("prices.json");
/// Whose prices hold for a host. A server that only speaks a vendor's protocol has prices of its own.
const HOSTS: [(&str, &str); 7] = [
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gemini"),
    ("api.mistral.ai", "mistral"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "xai"),
];

#[derive(Deserialize)]
struct Table {
    version: Arc<str>,
    models: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    vendor: String,
    model: String,
    #[serde(flatten)]
    price: Amounts,
    #[serde(default)]
    tiers: Vec<Above>,
}

#[derive(Deserialize)]
struct Above {
    above: u64,
    #[serde(flatten)]
    price: Amounts,
}

#[derive(Clone, Copy, Deserialize)]
struct Amounts {
    prompt: Decimal,
    completion: Decimal,
    cache_read: Option<Decimal>,
    cache_write: Option<Decimal>,
}

type Prices = HashMap<(String, String), Arc<Tariff>>;

/// The price of a model of the vendor that a base URL leads to.
pub(crate) fn find(base_url: &str, model: &str) -> Option<Arc<Tariff>> {
    static PRICES: OnceLock<Prices> = OnceLock::new();
    let vendor = vendor(base_url)?;
    let prices = PRICES.get_or_init(|| read(TABLE).expect("the table was tested"));
    let key = (vendor.to_owned(), model.to_owned());
    prices.get(&key).cloned()
}

fn vendor(base_url: &str) -> Option<&'static str> {
    let host = host(base_url)?;
    let known = HOSTS.iter().find(|(name, _)| *name == host);
    if let Some((_, vendor)) = known {
        return Some(vendor);
    }
    let is_bedrock = host.starts_with("bedrock-runtime.") && host.ends_with(".amazonaws.com");
    is_bedrock.then_some("bedrock")
}

fn read(table: &str) -> serde_json::Result<Prices> {
    let Table { version, models } = serde_json::from_str(table)?;
    let line = |line: Line| {
        let tiers = line.tiers.into_iter().map(|tier| Tier {
            above: tier.above,
            price: tier.price.into(),
        });
        let tariff = Tariff::of_table(line.price.into(), tiers.collect(), version.clone());
        ((line.vendor, line.model), Arc::new(tariff))
    };
    Ok(models.into_iter().map(line).collect())
}

impl From<Amounts> for Price {
    fn from(amounts: Amounts) -> Self {
        Self {
            prompt: amounts.prompt,
            completion: amounts.completion,
            cache_read: amounts.cache_read,
            cache_write: amounts.cache_write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::price::check;

    #[test]
    fn every_price_of_the_table_can_be_used() {
        let prices = read(TABLE).unwrap();
        assert!(prices.len() > 100, "{}", prices.len());
        for ((vendor, model), tariff) in &prices {
            let price = tariff.price;
            let more = [price.cache_read, price.cache_write];
            let amounts = [price.prompt, price.completion].into_iter();
            for amount in amounts.chain(more.into_iter().flatten()) {
                assert_eq!(check(amount), Ok(()), "{vendor}/{model}");
            }
            assert!(tariff.version.is_some() && tariff.bound(1 << 30, 1 << 30).is_some());
        }
    }

    #[test]
    fn prices_hold_for_the_vendors_own_servers_alone() {
        let price = |url: &str, model: &str| find(url, model).map(|tariff| tariff.price);
        let known = price("https://API.openai.com/v1", "gpt-4o").unwrap();
        assert_eq!(known.prompt.to_string(), "2.5");
        assert_eq!(known.cache_read.unwrap().to_string(), "1.25");
        assert!(price("https://api.anthropic.com/v1", "claude-sonnet-4-5").is_some());
        assert!(price("http://127.0.0.1:8000/v1", "gpt-4o").is_none());
        assert!(price("https://api.openai.com.example.com/v1", "gpt-4o").is_none());
        assert!(price("https://api.openai.com/v1", "gpt-of-my-own").is_none());
        let bedrock = "https://bedrock-runtime.us-east-1.amazonaws.com";
        assert!(price(bedrock, "anthropic.claude-3-5-sonnet-20240620-v1:0").is_some());
    }
}
