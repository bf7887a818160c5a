//! What a call costs, exactly.
//!
//! **Invariant:** a price that passed [`check`] times [`MAX_TOKENS`] fits a `Decimal` without rounding.

use std::{collections::BTreeMap, sync::Arc};

use contracts::llm::Price;
use rust_decimal::Decimal;

use super::piece::Tokens;

/// More tokens than this in one call are a provider's mistake.
pub(crate) const MAX_TOKENS: u64 = 1_000_000_000_000;
/// US dollars per million tokens.
const MAX_PRICE: u32 = 100_000;
const MAX_DECIMALS: u32 = 10;

/// Of the tokens written into a vendor's cache, those that it keeps for an hour, not for minutes.
pub(crate) const WRITTEN_1H: &str = "cache_creation_1h_tokens";

/// The tokens of a call at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Most {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
    /// Whether a vendor's cache may be told to keep the question for an hour.
    pub(crate) is_kept_long: bool,
}

/// The largest factor that a vendor's price is multiplied by, and its decimals.
const MAX_FACTOR: u32 = 10;
const FACTOR_DECIMALS: u32 = 2;

/// What a model costs, whatever the size of the question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tariff {
    /// For small questions under usual terms.
    pub(crate) price: Price,
    usual: Rates,
    /// What holds under other terms, by the vendor's word for them.
    terms: BTreeMap<String, Term>,
    /// The price table it is from; none where the organization said it: its price holds whatever the vendor's terms are.
    pub(crate) version: Option<Arc<str>>,
}

/// Prices by the size of the question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rates {
    price: Price,
    /// The smallest size first.
    tiers: Vec<Tier>,
}

/// What a vendor charges under terms that are not its usual ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    /// These prices in the place of the usual ones.
    Rates(Rates),
    /// So many times the price.
    Factor(Decimal),
}

/// The price of whole calls whose question has more tokens than this.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tier {
    pub(crate) above: u64,
    /// None where nobody knows it.
    pub(crate) price: Option<Price>,
}

impl Rates {
    /// The tiers may come in any order.
    pub(crate) fn new(price: Price, mut tiers: Vec<Tier>) -> Self {
        tiers.sort_by_key(|tier| tier.above);
        Self { price, tiers }
    }

    fn cost(&self, tokens: &Tokens) -> Option<Decimal> {
        let reached = self.tiers.iter().rev().find(|it| tokens.prompt > it.above);
        cost(reached.map_or(Some(self.price), |tier| tier.price)?, tokens)
    }

    fn bound(&self, most: Most) -> Option<Decimal> {
        let Most {
            prompt, completion, ..
        } = most;
        let reachable = self.tiers.iter().filter(|tier| prompt > tier.above);
        let prices = std::iter::once(self.price).chain(reachable.filter_map(|tier| tier.price));
        let tokens = Tokens::new(prompt, completion);
        let bounds = prices.map(|price| {
            let written = match most.is_kept_long {
                false => price.cache_write.unwrap_or_default(),
                true => write_1h(price),
            };
            let dearest = price.prompt.max(written);
            let price = Price {
                prompt: dearest,
                ..price
            };
            cost(price, &tokens)
        });
        bounds.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

impl Tariff {
    pub(crate) fn new(price: Price) -> Self {
        Self {
            price,
            usual: Rates::new(price, Vec::new()),
            terms: BTreeMap::new(),
            version: None,
        }
    }

    pub(crate) fn of_table(usual: Rates, terms: BTreeMap<String, Term>, version: Arc<str>) -> Self {
        Self {
            price: usual.price,
            usual,
            terms,
            version: Some(version),
        }
    }

    /// What the call cost; none where it cannot be said exactly, also where the vendor charged by terms of which nobody
    /// knows the price.
    pub(crate) fn cost(&self, tokens: &Tokens) -> Option<Decimal> {
        // The table knows what text costs: sound and drawn images have other prices.
        if self.version.is_some() && has_media(tokens) {
            return None;
        }
        let (mut rates, mut factor) = (&self.usual, Decimal::ONE);
        let said = tokens.terms.iter().filter(|_| self.version.is_some());
        for term in said {
            match self.terms.get(term)? {
                Term::Rates(other) => rates = other,
                Term::Factor(by) => factor = factor.checked_mul(*by)?,
            }
        }
        times(rates.cost(tokens)?, factor)
    }

    /// What a call costs at most under usual terms that has no more tokens than these, whatever of them the vendor's cache
    /// takes or gives.
    pub(crate) fn bound(&self, most: Most) -> Option<Decimal> {
        self.usual.bound(most)
    }

    /// As [`Self::bound`], whichever terms the vendor takes it under.
    pub(crate) fn bound_of_all(&self, most: Most) -> Option<Decimal> {
        let mut dearest = self.bound(most)?;
        let mut factor = Decimal::ONE;
        for term in self.terms.values() {
            match term {
                Term::Rates(rates) => dearest = dearest.max(rates.bound(most)?),
                Term::Factor(by) => factor = factor.checked_mul((*by).max(Decimal::ONE))?,
            }
        }
        times(dearest, factor)
    }
}

/// What Anthropic charges for what its cache keeps for an hour: twice the price of the question, where writing has a price.
fn write_1h(price: Price) -> Decimal {
    let doubled = price.prompt.checked_mul(Decimal::TWO);
    match price.cache_write {
        None => price.prompt,
        Some(_) => doubled.unwrap_or(price.prompt),
    }
}

fn has_media(tokens: &Tokens) -> bool {
    let count = |details: &str, name: &str| tokens.details.get(details)?.get(name)?.as_u64();
    [
        ("prompt_tokens_details", "audio_tokens"),
        ("completion_tokens_details", "audio_tokens"),
        ("completion_tokens_details", "image_tokens"),
    ]
    .into_iter()
    .any(|(details, name)| count(details, name).is_some_and(|count| count > 0))
}

/// None where a digit would be lost.
fn times(amount: Decimal, factor: Decimal) -> Option<Decimal> {
    let product = amount.checked_mul(factor)?;
    let is_exact = product.is_zero() || product.scale() == amount.scale() + factor.scale();
    is_exact.then(|| product.normalize())
}

/// Why a factor cannot be used, if it cannot.
pub(crate) fn check_factor(factor: Decimal) -> Result<(), &'static str> {
    let is_used = factor > Decimal::ZERO
        && factor <= Decimal::from(MAX_FACTOR)
        && factor.normalize().scale() <= FACTOR_DECIMALS;
    match is_used {
        true => Ok(()),
        false => Err("a factor is above 0, at most 10, with at most 2 decimals"),
    }
}

/// The cost in US dollars.
fn cost(price: Price, tokens: &Tokens) -> Option<Decimal> {
    let detail = |name: &str| {
        let details = tokens.details.get("prompt_tokens_details");
        let count = details.and_then(|details| details.get(name)?.as_u64());
        count.unwrap_or(0)
    };
    // Both are part of the question's tokens, with every vendor we speak to.
    let read = detail("cached_tokens").min(tokens.prompt);
    let written = detail("cache_creation_tokens").min(tokens.prompt - read);
    let long = detail(WRITTEN_1H).min(written);
    let parts = [
        (price.prompt, tokens.prompt - read - written),
        (price.cache_read.unwrap_or(price.prompt), read),
        (price.cache_write.unwrap_or(price.prompt), written - long),
        (write_1h(price), long),
        (price.completion, tokens.completion),
    ];
    let mut per_million = Decimal::ZERO;
    for (price, count) in parts {
        per_million = per_million.checked_add(price.checked_mul(Decimal::from(count))?)?;
    }
    // Times one millionth moves the point; a division could round.
    Some(per_million.checked_mul(Decimal::new(1, 6))?.normalize())
}

/// Why a price cannot be used, if it cannot.
pub(crate) fn check(amount: Decimal) -> Result<(), &'static str> {
    if amount.is_sign_negative() && !amount.is_zero() {
        return Err("a price is not negative");
    }
    if amount > Decimal::from(MAX_PRICE) {
        return Err("a price is at most 100000 US dollars per million tokens");
    }
    if amount.normalize().scale() > MAX_DECIMALS {
        return Err("a price has at most 10 decimals");
    }
    Ok(())
}

/// The tokens of a question that a vendor took from its cache and wrote into it.
#[cfg(test)]
pub(crate) fn cached(prompt: u64, completion: u64, read: u64, written: u64) -> Tokens {
    let mut tokens = Tokens::new(prompt, completion);
    let details = serde_json::json!({"cached_tokens": read, "cache_creation_tokens": written});
    tokens
        .details
        .insert("prompt_tokens_details".to_owned(), details);
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn price(prompt: &str, completion: &str) -> Price {
        Price {
            prompt: decimal(prompt),
            completion: decimal(completion),
            ..Price::default()
        }
    }

    fn most(prompt: u64, completion: u64) -> Most {
        Most {
            prompt,
            completion,
            is_kept_long: false,
        }
    }

    #[track_caller]
    fn check_cost(prompt: &str, completion: &str, tokens: (u64, u64), expect: &str) {
        let tariff = Tariff::new(price(prompt, completion));
        let cost = tariff.cost(&Tokens::new(tokens.0, tokens.1)).unwrap();
        assert_eq!(cost, decimal(expect));
        assert_eq!(cost.to_string(), expect);
    }

    #[test]
    fn cost_is_exact() {
        check_cost("0.15", "0.60", (11, 7), "0.00000585");
        check_cost("2.5", "10", (1_000_000, 1_000_000), "12.5");
        check_cost("0", "0", (5, 5), "0");
        check_cost("0.0000000001", "0", (1, 0), "0.0000000000000001");
        // In binary floating point this sum would be 0.30000000000000004.
        check_cost("100000", "200000", (1, 1), "0.3");
    }

    #[test]
    fn the_largest_cost_is_still_exact() {
        let tariff = Tariff::new(price("99999.9999999999", "0.0000000001"));
        let cost = tariff.cost(&Tokens::new(MAX_TOKENS, 1)).unwrap();
        assert_eq!(cost, decimal("99999999999.9999000000000001"));
    }

    #[test]
    fn what_a_vendors_cache_takes_and_gives_has_prices_of_its_own() {
        let tokens = cached(1_000_000, 0, 600_000, 300_000);
        let mut priced = price("3", "15");
        assert_eq!(Tariff::new(priced).cost(&tokens), Some(decimal("3")));
        priced.cache_read = Some(decimal("0.3"));
        priced.cache_write = Some(decimal("3.75"));
        // 100,000 plain, 600,000 read, 300,000 written.
        assert_eq!(Tariff::new(priced).cost(&tokens), Some(decimal("1.605")));
        // A vendor that counts more than there is.
        let odd = cached(10, 0, 99, 99);
        assert_eq!(Tariff::new(priced).cost(&odd), Some(decimal("0.000003")));
    }

    #[test]
    fn what_is_kept_for_an_hour_costs_twice_the_question() {
        let mut tokens = cached(1_000_000, 0, 0, 500_000);
        tokens.details["prompt_tokens_details"][WRITTEN_1H] = 400_000.into();
        let mut priced = price("3", "15");
        assert_eq!(Tariff::new(priced).cost(&tokens), Some(decimal("3")));
        priced.cache_write = Some(decimal("3.75"));
        // 500,000 plain, 100,000 written for minutes, 400,000 for an hour.
        assert_eq!(Tariff::new(priced).cost(&tokens), Some(decimal("4.275")));
    }

    #[test]
    fn sound_and_drawn_images_have_no_price_in_the_table() {
        let rates = Rates::new(price("1", "2"), Vec::new());
        let table = Tariff::of_table(rates, BTreeMap::new(), "v".into());
        let own = Tariff::new(price("1", "2"));
        for (details, name) in [
            ("prompt_tokens_details", "audio_tokens"),
            ("completion_tokens_details", "image_tokens"),
        ] {
            let mut tokens = Tokens::new(10, 0);
            let mut said = |count: u64| {
                let said = serde_json::json!({name: count});
                tokens.details.insert(details.to_owned(), said);
                (table.cost(&tokens), own.cost(&tokens))
            };
            let ten = Some(decimal("0.00001"));
            assert_eq!(said(0), (ten, ten));
            assert_eq!(said(3), (None, ten));
        }
    }

    #[test]
    fn a_tier_counts_for_the_whole_call() {
        let tier = |above, prompt, completion| Tier {
            above,
            price: Some(price(prompt, completion)),
        };
        let tiers = vec![tier(500_000, "5", "30"), tier(200_000, "2.5", "15")];
        let rates = Rates::new(price("1.25", "10"), tiers);
        let tariff = Tariff::of_table(rates, BTreeMap::new(), "v".into());
        let cost = |prompt| tariff.cost(&Tokens::new(prompt, 1_000_000)).unwrap();
        assert_eq!(cost(200_000), decimal("10.25"));
        assert_eq!(cost(200_001), decimal("15.5000025"));
        assert_eq!(cost(1_000_000), decimal("35"));
        // A bound knows the tier only where it can be reached.
        assert_eq!(tariff.bound(most(200_000, 0)), Some(decimal("0.25")));
        assert_eq!(tariff.bound(most(400_000, 0)), Some(decimal("1")));
    }

    #[test]
    fn other_terms_have_other_prices_or_none_that_is_known() {
        let far = Tier {
            above: 272_000,
            price: None,
        };
        let priority = Rates::new(price("5", "40"), vec![far]);
        let terms = [
            ("flex", Term::Rates(Rates::new(price("1", "8"), Vec::new()))),
            ("priority", Term::Rates(priority)),
            ("us", Term::Factor(decimal("1.1"))),
        ];
        let terms = terms.map(|(word, term)| (word.to_owned(), term));
        let usual = Rates::new(price("2", "16"), Vec::new());
        let tariff = Tariff::of_table(usual, terms.into(), "v".into());
        let tokens = |prompt: u64, words: &[&str]| {
            let mut tokens = Tokens::new(prompt, 0);
            words.iter().for_each(|word| tokens.under(Some(word)));
            tokens
        };
        let check = |words: &[&str], expect: Option<&str>| {
            let cost = tariff.cost(&tokens(100_000, words));
            assert_eq!(cost, expect.map(decimal), "{words:?}");
        };
        check(&[], Some("0.2"));
        check(&["default"], Some("0.2"));
        check(&["STANDARD", "not_available"], Some("0.2"));
        check(&["flex"], Some("0.1"));
        check(&["PRIORITY"], Some("0.5"));
        check(&["us"], Some("0.22"));
        check(&["flex", "us"], Some("0.11"));
        check(&["scale"], None);
        check(&["flex", "mars"], None);
        // Nobody knows what so long a question costs there.
        assert_eq!(tariff.cost(&tokens(300_000, &["priority"])), None);
        assert_eq!(tariff.bound(most(100_000, 0)), Some(decimal("0.2")));
        assert_eq!(tariff.bound_of_all(most(100_000, 0)), Some(decimal("0.55")));
        // What an organization says itself holds whatever the vendor's terms are.
        let own = Tariff::new(price("3", "9"));
        assert_eq!(own.cost(&tokens(100_000, &["scale"])), Some(decimal("0.3")));
    }

    #[test]
    fn odd_factors_are_refused() {
        for text in ["0", "-1", "11", "1.001"] {
            assert!(check_factor(decimal(text)).is_err(), "{text}");
        }
        assert!(check_factor(decimal("1.10")).is_ok());
    }

    #[test]
    fn a_bound_takes_the_cache_for_full() {
        let mut priced = price("3", "15");
        priced.cache_write = Some(decimal("3.75"));
        let mut question = most(1_000_000, 1_000_000);
        let bound = Tariff::new(priced).bound(question);
        assert_eq!(bound, Some(decimal("18.75")));
        question.is_kept_long = true;
        assert_eq!(Tariff::new(priced).bound(question), Some(decimal("21")));
    }

    #[test]
    fn odd_prices_are_refused() {
        for text in ["-0.1", "100000.1", "0.00000000001"] {
            assert!(check(decimal(text)).is_err(), "{text}");
        }
        for text in ["0", "-0", "0.150000000000", "75", "100000"] {
            assert!(check(decimal(text)).is_ok(), "{text}");
        }
    }
}
