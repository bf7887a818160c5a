//! What a call costs, exactly.
//!
//! **Invariant:** a price that passed [`check`] times [`MAX_TOKENS`] fits a `Decimal` without rounding.

use contracts::llm::Price;
use rust_decimal::Decimal;

/// More tokens than this in one call are a provider's mistake.
pub(crate) const MAX_TOKENS: u64 = 1_000_000_000_000;
/// US dollars per million tokens.
const MAX_PRICE: u32 = 100_000;
const MAX_DECIMALS: u32 = 10;

/// The cost in US dollars; none when the price is not known.
pub(crate) fn cost(
    price: Option<Price>,
    prompt_tokens: u64,
    completion_tokens: u64,
) -> Option<Decimal> {
    let price = price?;
    let prompt = price.prompt.checked_mul(Decimal::from(prompt_tokens))?;
    let completion = price
        .completion
        .checked_mul(Decimal::from(completion_tokens))?;
    let per_million = prompt.checked_add(completion)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check_cost(prompt: &str, completion: &str, tokens: (u64, u64), expect: &str) {
        let price = Price {
            prompt: decimal(prompt),
            completion: decimal(completion),
        };
        let cost = cost(Some(price), tokens.0, tokens.1).unwrap();
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
        let price = Price {
            prompt: decimal("99999.9999999999"),
            completion: decimal("0.0000000001"),
        };
        let cost = cost(Some(price), MAX_TOKENS, 1).unwrap();
        assert_eq!(cost, decimal("99999999999.9999000000000001"));
    }

    #[test]
    fn an_unknown_price_is_not_zero() {
        assert_eq!(cost(None, 1, 1), None);
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
