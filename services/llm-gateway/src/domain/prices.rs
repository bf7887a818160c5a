//! The price table: what the models of known vendors cost where an organization says nothing itself.
//!
//! The built-in table is `prices.json` beside this file, written by `cargo xtask prices`; each price names its source.
//!
//! **Invariant:** every amount of a table passed [`check`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use contracts::llm::Price;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{
    price::{Rates, Tariff, Term, Tier, check, check_factor},
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

const BEDROCK: &str = "bedrock";
/// The regions of Amazon's that its prices without a region are for.
const HOME_REGIONS: [&str; 3] = ["us-east-1", "us-east-2", "us-west-2"];
/// What the names of inference profiles begin with, which have prices of their own wherever they are asked.
const PROFILES: [&str; 8] = [
    "us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "global.",
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
    /// By the vendor's word for them.
    #[serde(default)]
    terms: BTreeMap<String, Other>,
}

#[derive(Deserialize)]
struct Above {
    above: u64,
    /// None where it is not known.
    #[serde(flatten)]
    price: Option<Amounts>,
}

/// What holds under terms that are not the usual ones.
#[derive(Deserialize)]
#[serde(untagged)]
enum Other {
    Factor {
        factor: Decimal,
    },
    Rates {
        #[serde(flatten)]
        price: Amounts,
        #[serde(default)]
        tiers: Vec<Above>,
    },
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
        let host = host(base_url)?;
        let known = HOSTS.iter().find(|(name, _)| *name == host);
        if let Some((_, vendor)) = known {
            return self.of(vendor, model);
        }
        let region = host.strip_prefix("bedrock-runtime.")?;
        let region = region.strip_suffix(".amazonaws.com")?;
        let of_region = self.of(BEDROCK, &format!("{region}/{model}"));
        // A price without a region is that of the first ones; a profile names the regions it crosses itself.
        let is_told = HOME_REGIONS.contains(&region)
            || PROFILES.iter().any(|profile| model.starts_with(profile));
        of_region.or_else(|| self.of(BEDROCK, model).filter(|_| is_told))
    }

    fn of(&self, vendor: &str, model: &str) -> Option<Arc<Tariff>> {
        let key = (vendor.to_owned(), model.to_owned());
        self.tariffs.get(&key).cloned()
    }
}

impl Line {
    fn check(&self) -> Result<(), String> {
        let wrong = |what| format!("`{}` of `{}`: {what}", self.model, self.vendor);
        let mut all = amounts(&self.price, &self.tiers);
        for other in self.terms.values() {
            match other {
                Other::Factor { factor } => check_factor(*factor).map_err(wrong)?,
                Other::Rates { price, tiers } => all.extend(amounts(price, tiers)),
            }
        }
        all.into_iter()
            .try_for_each(|amount| check(amount).map_err(wrong))
    }

    fn tariff(self, version: &Arc<str>) -> Tariff {
        let term = |other| match other {
            Other::Factor { factor } => Term::Factor(factor),
            Other::Rates { price, tiers } => Term::Rates(rates(price, tiers)),
        };
        let terms = self.terms.into_iter();
        let terms = terms.map(|(word, other)| (word, term(other)));
        Tariff::of_table(
            rates(self.price, self.tiers),
            terms.collect(),
            version.clone(),
        )
    }
}

fn amounts(price: &Amounts, tiers: &[Above]) -> Vec<Decimal> {
    let tiers = tiers.iter().filter_map(|tier| tier.price.as_ref());
    let all = std::iter::once(price).chain(tiers);
    all.flat_map(Amounts::all).collect()
}

fn rates(price: Amounts, tiers: Vec<Above>) -> Rates {
    let tiers = tiers.into_iter().map(|tier| Tier {
        above: tier.above,
        price: tier.price.map(Price::from),
    });
    Rates::new(price.into(), tiers.collect())
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
    use crate::domain::{piece::Tokens, price::Most};

    #[test]
    fn every_price_of_the_built_in_table_can_be_used() {
        let table = PriceTable::built_in();
        assert!(table.tariffs.len() > 100, "{}", table.tariffs.len());
        let all = Most {
            prompt: 1 << 30,
            completion: 1 << 30,
            is_kept_long: true,
        };
        for tariff in table.tariffs.values() {
            assert_eq!(tariff.version.as_ref(), Some(&table.version));
            assert!(tariff.bound(all).is_some());
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
        let claude = "anthropic.claude-3-5-sonnet-20240620-v1:0";
        assert!(price(bedrock, claude).is_some());
    }

    #[test]
    fn a_region_has_its_own_price_or_none_that_is_known() {
        let table = PriceTable::built_in();
        let prompt = |region: &str, model: &str| {
            let url = format!("https://bedrock-runtime.{region}.amazonaws.com");
            let tariff = table.find(&url, model)?;
            Some(tariff.price.prompt.to_string())
        };
        let llama = "meta.llama3-70b-instruct-v1:0";
        assert_eq!(prompt("us-east-1", llama).as_deref(), Some("2.65"));
        assert_eq!(prompt("eu-west-2", llama).as_deref(), Some("3.45"));
        assert_eq!(prompt("eu-north-1", llama), None);
        assert!(prompt("eu-north-1", "eu.anthropic.claude-sonnet-4-6").is_some());
    }

    #[test]
    fn vendors_terms_are_in_the_table() {
        let table = PriceTable::built_in();
        let cost = |url: &str, model: &str, terms: &[&str]| {
            let mut tokens = Tokens::new(100_000, 0);
            terms.iter().for_each(|term| tokens.under(Some(term)));
            let cost = table.find(url, model).unwrap().cost(&tokens);
            cost.map(|cost| cost.to_string())
        };
        let gpt = |terms: &[&str]| cost("https://api.openai.com/v1", "gpt-5", terms);
        assert_eq!(gpt(&["default"]).as_deref(), Some("0.125"));
        assert_eq!(gpt(&["flex"]).as_deref(), Some("0.0625"));
        assert_eq!(gpt(&["priority"]).as_deref(), Some("0.25"));
        assert_eq!(gpt(&["scale"]), None);
        let claude =
            |terms: &[&str]| cost("https://api.anthropic.com/v1", "claude-opus-4-6", terms);
        assert_eq!(claude(&["standard", "global"]).as_deref(), Some("0.5"));
        assert_eq!(claude(&["standard", "us"]).as_deref(), Some("0.55"));
        assert_eq!(claude(&["priority"]), None);
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
        let with_term = |term: &str| {
            line("1", "1").replace(
                r#""completion""#,
                &format!(r#""terms": {{"us": {term}}}, "completion""#),
            )
        };
        check(&with_term(r#"{"factor": "99"}"#), "a factor is above 0");
        check(
            &with_term(r#"{"prompt": "-1", "completion": "1"}"#),
            "not negative",
        );
        check(&with_term(r#"{"prompt": "1"}"#), "Other");
    }
}
