//! `cargo xtask prices`: the price table of the LLM gateway, converted from the one that LiteLLM collects
//! (`model_prices_and_context_window.json`, MIT). Prices are facts that the vendors publish; each names its source.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cargo;

const TABLE: &str = "services/llm-gateway/src/domain/prices.json";
const NOTICE: &str = "US dollars per million tokens. Converted from LiteLLM's model_prices_and_context_window.json (MIT License, Copyright (c) 2023 Berri AI); sources are the vendors' pages.";
/// Their name for a vendor, and ours.
const VENDORS: [(&str, &str); 9] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("gemini", "gemini"),
    ("mistral", "mistral"),
    ("groq", "groq"),
    ("bedrock", "bedrock"),
    ("bedrock_converse", "bedrock"),
    ("deepseek", "deepseek"),
    ("xai", "xai"),
];

/// Behind the names of their fields, and what vendors call it.
const TERMS: [(&str, &str); 3] = [
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_batches", "batch"),
];
/// What Anthropic multiplies its prices by: where it answers, and how fast.
const FACTORS: [&str; 2] = ["us", "fast"];
const ANSWER: &str = "output_cost_per_token";

/// What a model costs, its fields in the order in which they are written.
#[derive(Serialize)]
struct Line<'a> {
    vendor: &'static str,
    model: &'a str,
    #[serde(flatten)]
    price: Price,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tiers: Vec<Tier>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    terms: BTreeMap<&'static str, Term>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
}

#[derive(Serialize)]
struct Tier {
    above: u64,
    /// None where the vendor does not say it.
    #[serde(flatten)]
    price: Option<Price>,
}

/// What a vendor charges under terms that are not its usual ones.
#[derive(Serialize)]
#[serde(untagged)]
enum Term {
    Factor {
        factor: String,
    },
    Rates {
        #[serde(flatten)]
        price: Price,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tiers: Vec<Tier>,
    },
}

#[derive(Serialize)]
struct Price {
    prompt: String,
    completion: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The downloaded `model_prices_and_context_window.json`
    file: PathBuf,
    /// What the table is called in the records of calls, for example `2026-11-22`
    #[arg(long)]
    version: String,
    /// Where the table goes, in the place of the built-in one
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let text = std::fs::read_to_string(&options.file)
        .with_context(|| format!("cannot read {}", options.file.display()))?;
    let theirs: Map<String, Value> = serde_json::from_str(&text).context("the file is no table")?;
    let table = table(&theirs, &options.version);
    let count = table.matches("\"vendor\"").count();
    if count == 0 {
        bail!("the file has no price of a vendor we know");
    }
    let built_in = || cargo::root().join(TABLE);
    let out = options.out.clone().unwrap_or_else(built_in);
    // Whoever reads it meanwhile sees the old one or the new one, not half of it.
    let draft = out.with_extension("new");
    std::fs::write(&draft, table)
        .and_then(|()| std::fs::rename(&draft, &out))
        .with_context(|| format!("cannot write {}", out.display()))?;
    println!("✓ {count} prices in {}", out.display());
    Ok(())
}

/// One line for each model, so that a change can be read.
fn table(theirs: &Map<String, Value>, version: &str) -> String {
    let mut lines = BTreeMap::new();
    // In the order of their names, whatever order the file has: of two names for one model the first counts.
    for (name, entry) in theirs.iter().collect::<BTreeMap<_, _>>() {
        if let Some(line) = line(name, entry) {
            lines.entry((line.vendor, line.model)).or_insert(line);
        }
    }
    let write = |line: &Line<'_>| serde_json::to_string(line).expect("a line can be written");
    let lines: Vec<String> = lines.values().map(write).collect();
    let mut text = String::new();
    write!(
        text,
        "{{\n\"version\": {},\n\"notice\": {},\n\"models\": [\n{}\n]\n}}\n",
        json!(version),
        json!(NOTICE),
        lines.join(",\n")
    )
    .expect("a String takes all");
    text
}

fn line<'a>(name: &'a str, entry: &'a Value) -> Option<Line<'a>> {
    let provider = entry["litellm_provider"].as_str()?;
    let (_, vendor) = VENDORS.iter().find(|(theirs, _)| *theirs == provider)?;
    if !matches!(entry["mode"].as_str()?, "chat" | "responses" | "embedding") {
        return None;
    }
    let price = price(entry, "")?;
    // Free for a while, or not known: either way nothing to count on.
    if price.prompt == "0" && price.completion == "0" {
        return None;
    }
    Some(Line {
        vendor,
        model: name
            .strip_prefix(provider)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(name),
        price,
        tiers: tiers(entry),
        terms: terms(entry),
        source: entry["source"].as_str(),
    })
}

/// The price behind a suffix of the fields' names; none where nobody knows what a question costs.
fn price(entry: &Value, suffix: &str) -> Option<Price> {
    let completion = match entry["mode"].as_str() {
        // Vectors have no answer to pay for.
        Some("embedding") => "0".to_owned(),
        // A tier of questions alone leaves the answer at its price.
        _ => amount(entry, ANSWER, suffix).or_else(|| amount(entry, ANSWER, ""))?,
    };
    Some(Price {
        prompt: amount(entry, "input_cost_per_token", suffix)?,
        completion,
        cache_read: amount(entry, "cache_read_input_token_cost", suffix),
        cache_write: amount(entry, "cache_creation_input_token_cost", suffix),
    })
}

/// As [`price`], where each amount that the usual price has must be said.
fn price_of_term(entry: &Value, size: &str, term: &str) -> Option<Price> {
    let (usual, suffix) = (price(entry, size)?, format!("{size}{term}"));
    let has_answer = entry["mode"] == "embedding" || amount(entry, ANSWER, &suffix).is_some();
    let found = price(entry, &suffix).filter(|_| has_answer)?;
    let is_whole = usual.cache_read.is_some() == found.cache_read.is_some()
        && usual.cache_write.is_some() == found.cache_write.is_some();
    is_whole.then_some(found)
}

fn amount(entry: &Value, name: &str, suffix: &str) -> Option<String> {
    match &entry[format!("{name}{suffix}")] {
        Value::Number(number) => per_million(&number.to_string()),
        _ => None,
    }
}

/// The sizes beyond which questions have other prices: `…_above_200k_tokens`.
fn sizes(entry: &Value) -> Vec<u64> {
    let fields = entry.as_object().into_iter().flatten();
    let sizes = fields.filter_map(|(name, _)| {
        let rest = name.strip_prefix("input_cost_per_token_above_")?;
        rest.strip_suffix("k_tokens")?.parse::<u64>().ok()
    });
    let mut sizes: Vec<u64> = sizes.collect();
    sizes.sort_unstable();
    sizes
}

fn size_suffix(size: u64) -> String {
    format!("_above_{size}k_tokens")
}

fn tiers(entry: &Value) -> Vec<Tier> {
    let tier = |size: u64| Tier {
        above: size * 1000,
        price: price(entry, &size_suffix(size)),
    };
    sizes(entry).into_iter().map(tier).collect()
}

/// Flexible and preferred questions, those in batches, and places with prices of their own.
fn terms(entry: &Value) -> BTreeMap<&'static str, Term> {
    let rates = TERMS.into_iter().filter_map(|(suffix, word)| {
        let tier = |size: u64| Tier {
            above: size * 1000,
            price: price_of_term(entry, &size_suffix(size), suffix),
        };
        let term = Term::Rates {
            price: price_of_term(entry, "", suffix)?,
            tiers: sizes(entry).into_iter().map(tier).collect(),
        };
        Some((word, term))
    });
    let own = &entry["provider_specific_entry"];
    let is_anthropic = entry["litellm_provider"] == "anthropic";
    let factors = FACTORS.into_iter().filter(|_| is_anthropic);
    let factors = factors.filter_map(|word| {
        let factor = own[word].as_number()?.to_string();
        Some((word, Term::Factor { factor }))
    });
    rates.chain(factors).collect()
}

/// Dollars per token as they are written, times a million: the digits stay, the point moves.
fn per_million(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Where the point stands, counted from the first digit.
    let point = i32::try_from(whole.len()).ok()? + exponent + 6;
    let padded = match usize::try_from(point) {
        Ok(point) => format!("{digits:0<point$}"),
        Err(_) => format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
    };
    let (whole, fraction) = padded.split_at(usize::try_from(point).unwrap_or(0));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    Some(match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_stay_and_the_point_moves() {
        let check = |text: &str, expect: &str| {
            assert_eq!(per_million(text).as_deref(), Some(expect), "{text}");
        };
        check("2.5e-6", "2.5");
        check("1e-5", "10");
        check("0.00000015", "0.15");
        check("3.75e-6", "3.75");
        check("0", "0");
        check("0.0", "0");
        check("1.5e-9", "0.0015");
        check("1e-8", "0.01");
        check("0.002", "2000");
        assert_eq!(per_million("x"), None);
    }

    #[test]
    fn entries_are_converted_with_their_tiers_and_sources() {
        let theirs = json!({
            "sample_spec": {"mode": "chat"},
            "gemini/big": {"litellm_provider": "gemini", "mode": "chat", "source": "https://x/",
                "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05,
                "input_cost_per_token_above_200k_tokens": 2.5e-06, "output_cost_per_token_above_200k_tokens": 1.5e-05,
                "cache_read_input_token_cost": 1.25e-07},
            "unknown": {"litellm_provider": "openai", "mode": "chat"},
            "half": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06},
            "long": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
                "input_cost_per_token_above_128k_tokens": 3e-06},
            "vectors": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-08},
            "swift": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2e-06, "output_cost_per_token": 8e-06,
                "input_cost_per_token_above_272k_tokens": 4e-06, "cache_read_input_token_cost": 2e-07,
                "input_cost_per_token_priority": 4e-06, "output_cost_per_token_priority": 1.6e-05, "cache_read_input_token_cost_priority": 4e-07,
                "input_cost_per_token_flex": 1e-06, "output_cost_per_token_flex": 4e-06,
                "input_cost_per_token_batches": 1e-06},
            "placed": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 5e-06, "output_cost_per_token": 2.5e-05,
                "provider_specific_entry": {"us": 1.1, "odd": 3}},
            "free": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
            "drawn": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_token": 1e-06},
        });
        let table = table(theirs.as_object().unwrap(), "v");
        let table: Value = serde_json::from_str(&table).unwrap();
        let tier = json!({"above": 200_000, "prompt": "2.5", "completion": "15"});
        let gemini = json!({"vendor": "gemini", "model": "big", "prompt": "1.25", "completion": "10",
            "cache_read": "0.125", "tiers": [tier], "source": "https://x/"});
        let tier = json!({"above": 128_000, "prompt": "3", "completion": "2"});
        let long = json!({"vendor": "openai", "model": "long", "prompt": "1", "completion": "2", "tiers": [tier]});
        let vectors =
            json!({"vendor": "openai", "model": "vectors", "prompt": "0.02", "completion": "0"});
        let placed = json!({"vendor": "anthropic", "model": "placed", "prompt": "5", "completion": "25",
            "terms": {"us": {"factor": "1.1"}}});
        // Of `flex` nobody says what cached tokens cost, of `batch` what an answer does.
        let priority = json!({"prompt": "4", "completion": "16", "cache_read": "0.4", "tiers": [{"above": 272_000}]});
        let tier = json!({"above": 272_000, "prompt": "4", "completion": "8"});
        let swift = json!({"vendor": "openai", "model": "swift", "prompt": "2", "completion": "8", "cache_read": "0.2",
            "tiers": [tier], "terms": {"priority": priority}});
        let expect = json!([placed, gemini, long, swift, vectors]);
        assert_eq!(
            (&table["version"], &table["models"]),
            (&json!("v"), &expect)
        );
    }
}
