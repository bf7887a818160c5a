//! `cargo xtask prices`: the price table of the LLM gateway, converted from the one that LiteLLM collects
//! (`model_prices_and_context_window.json`, MIT). Prices are facts that the vendors publish; each names its source.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use anyhow::{Context, Result, bail};
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
/// Our fields, and what theirs begin with.
const FIELDS: [(&str, &str); 4] = [
    ("prompt", "input_cost_per_token"),
    ("completion", "output_cost_per_token"),
    ("cache_read", "cache_read_input_token_cost"),
    ("cache_write", "cache_creation_input_token_cost"),
];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The downloaded `model_prices_and_context_window.json`
    file: PathBuf,
    /// What the table is called in the records of calls, for example `2026-11-22`
    #[arg(long)]
    version: String,
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
    std::fs::write(cargo::root().join(TABLE), table)?;
    println!("✓ {count} prices in {TABLE}");
    Ok(())
}

/// One line for each model, so that a change can be read.
fn table(theirs: &Map<String, Value>, version: &str) -> String {
    let mut lines = BTreeMap::new();
    for (name, entry) in theirs {
        if let Some((vendor, model, line)) = line(name, entry) {
            lines.entry((vendor, model)).or_insert(line);
        }
    }
    let lines: Vec<String> = lines.into_values().collect();
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

fn line(name: &str, entry: &Value) -> Option<(&'static str, String, String)> {
    let provider = entry["litellm_provider"].as_str()?;
    let (_, vendor) = VENDORS.iter().find(|(theirs, _)| *theirs == provider)?;
    if !matches!(entry["mode"].as_str()?, "chat" | "responses" | "embedding") {
        return None;
    }
    let model = name.strip_prefix(&format!("{provider}/")).unwrap_or(name);
    let price = price(entry, "")?;
    // Free for a while, or not known: either way nothing to count on.
    if price["prompt"] == "0" && price["completion"] == "0" {
        return None;
    }
    let mut line = json!({"vendor": vendor, "model": model});
    let fields = line.as_object_mut()?;
    fields.extend(price);
    let tiers = tiers(entry);
    if !tiers.is_empty() {
        fields.insert("tiers".to_owned(), tiers.into());
    }
    if let Some(source) = entry["source"].as_str() {
        fields.insert("source".to_owned(), source.into());
    }
    Some((vendor, model.to_owned(), line.to_string()))
}

/// The price behind a suffix of the fields' names; none where nobody knows what a question costs.
fn price(entry: &Value, suffix: &str) -> Option<Map<String, Value>> {
    let mut price = Map::new();
    for (ours, theirs) in FIELDS {
        if let Value::Number(number) = &entry[format!("{theirs}{suffix}")] {
            let per_million = per_million(&number.to_string())?;
            price.insert(ours.to_owned(), per_million.into());
        }
    }
    price.contains_key("prompt").then(|| {
        // Vectors have no answer to pay for.
        price.entry("completion").or_insert_with(|| "0".into());
        price
    })
}

/// Prices for questions beyond a size: `…_above_200k_tokens`.
fn tiers(entry: &Value) -> Vec<Value> {
    let fields = entry.as_object().into_iter().flatten();
    let sizes = fields.filter_map(|(name, _)| {
        let rest = name.strip_prefix("input_cost_per_token_above_")?;
        rest.strip_suffix("k_tokens")?.parse::<u64>().ok()
    });
    let mut sizes: Vec<u64> = sizes.collect();
    sizes.sort_unstable();
    let tier = |size: &u64| {
        let mut tier = price(entry, &format!("_above_{size}k_tokens"))?;
        tier.insert("above".to_owned(), (size * 1000).into());
        Some(Value::Object(tier))
    };
    sizes.iter().filter_map(tier).collect()
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
            "free": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
            "drawn": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_token": 1e-06},
        });
        let table = table(theirs.as_object().unwrap(), "v");
        let table: Value = serde_json::from_str(&table).unwrap();
        let tier = json!({"above": 200_000, "prompt": "2.5", "completion": "15"});
        let expect = json!([{"vendor": "gemini", "model": "big", "prompt": "1.25", "completion": "10",
            "cache_read": "0.125", "tiers": [tier], "source": "https://x/"}]);
        assert_eq!(
            (&table["version"], &table["models"]),
            (&json!("v"), &expect)
        );
    }
}
