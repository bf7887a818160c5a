//! The price table: what the models of known vendors cost where an organization says nothing itself.
//!
//! The built-in table is `prices.json` beside this file, written by `cargo xtask prices`; each price names its source.
//!
//! **Invariant:** every amount of a table passed [`check`].

use std::{collections::HashMap, sync::Arc};

use contracts::llm::Price;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{
    price::{Tariff, Tier, check},
    settings::host,
};

const BUILT_IN: &str = include_str!("prices.json");
/// Characters of a version.
const MAX_VERSION: usize = 64;
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

/// Prices by vendor and model.
#[derive(Debug)]
pub(crate) struct PriceTable {
    pub(crate) version: Arc<str>,
    tariffs: HashMap<(String, String), Arc<Tariff>>,
}

impl PriceTable {
    pub(crate) fn built_in() -> Self {
        Self::read(BUILT_IN).expect("the table was tested")
    }

    /// What is wrong with the text, otherwise.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let table: Table = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let Table { version, models } = table;
        if !(1..=MAX_VERSION).contains(&version.chars().count()) {
            return Err(format!("`version` has 1 to {MAX_VERSION} characters"));
        }
        if models.is_empty() {
            return Err("`models` is empty".to_owned());
        }
        let mut tariffs = HashMap::with_capacity(models.len());
        for line in models {
            line.check()?;
            let key = (line.vendor.clone(), line.model.clone());
            tariffs.insert(key, Arc::new(line.tariff(&version)));
        }
        Ok(Self { version, tariffs })
    }

    /// The price of a model of the vendor that a base URL leads to.
    pub(crate) fn find(&self, base_url: &str, model: &str) -> Option<Arc<Tariff>> {
        let vendor = vendor(base_url)?;
        let key = (vendor.to_owned(), model.to_owned());
        self.tariffs.get(&key).cloned()
    }
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

impl Line {
    fn check(&self) -> Result<(), String> {
        let tiers = self.tiers.iter().map(|tier| &tier.price);
        let amounts = std::iter::once(&self.price)
            .chain(tiers)
            .flat_map(Amounts::all);
        for amount in amounts {
            let wrong = |what| format!("`{}` of `{}`: {what}", self.model, self.vendor);
            check(amount).map_err(wrong)?;
        }
        Ok(())
    }

    fn tariff(self, version: &Arc<str>) -> Tariff {
        let tiers = self.tiers.into_iter().map(|tier| Tier {
            above: tier.above,
            price: tier.price.into(),
        });
        Tariff::of_table(self.price.into(), tiers.collect(), version.clone())
    }
}

impl Amounts {
    fn all(&self) -> impl Iterator<Item = Decimal> + use<> {
        let always = [Some(self.prompt), Some(self.completion)];
        let cached = [self.cache_read, self.cache_write];
        always.into_iter().chain(cached).flatten()
    }
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

    #[test]
    fn every_price_of_the_built_in_table_can_be_used() {
        let table = PriceTable::built_in();
        assert!(table.tariffs.len() > 100, "{}", table.tariffs.len());
        for tariff in table.tariffs.values() {
            assert_eq!(tariff.version.as_ref(), Some(&table.version));
            assert!(tariff.bound(1 << 30, 1 << 30).is_some());
        }
    }

    #[test]
    fn prices_hold_for_the_vendors_own_servers_alone() {
        let table = PriceTable::built_in();
        let price = |url: &str, model: &str| table.find(url, model).map(|tariff| tariff.price);
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

    #[test]
    fn odd_tables_are_refused() {
        let check = |text: &str, expect: &str| {
            let what = PriceTable::read(text).unwrap_err();
            assert!(what.contains(expect), "{what}");
        };
        check("", "EOF");
        check(r#"{"version": "1"}"#, "models");
        check(r#"{"version": "1", "models": []}"#, "`models` is empty");
        let line = |version: &str, amount: &str| {
            let line = format!(
                r#"{{"vendor": "openai", "model": "m", "prompt": "{amount}", "completion": "1"}}"#
            );
            format!(r#"{{"version": "{version}", "models": [{line}]}}"#)
        };
        check(&line("", "1"), "`version`");
        check(&line("1", "-1"), "`m` of `openai`: a price is not negative");
        assert!(PriceTable::read(&line("1", "1")).is_ok());
    }
}
