//! What a line of a report on usage says, for all who show one.

use contracts::llm::UsageLine;

use crate::format;

/// The model that was asked.
pub(crate) fn model_name(line: &UsageLine) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&line.provider), part(&line.model))
}

/// The sum of the prices that are known; where none is, it is not nothing.
pub(crate) fn cost(line: &UsageLine) -> String {
    match line.calls > 0 && line.unpriced >= line.calls {
        true => "unknown".into(),
        false => format::cost(&line.usage),
    }
}

/// Of what was not asked for there is nothing to say.
pub(crate) fn unpriced(line: &UsageLine) -> Option<String> {
    let some = (1..line.calls).contains(&line.unpriced);
    some.then(|| format!("+ {} unpriced", format::count(line.unpriced)))
}

/// In hundredths of all that is known to be spent; where nothing is, of all tokens.
pub(crate) fn shares(lines: &[UsageLine]) -> Vec<f64> {
    let tokens = |line: &UsageLine| tokens(line) as f64;
    let spent: f64 = lines.iter().map(dollars).sum();
    let weight: &dyn Fn(&UsageLine) -> f64 = if spent > 0.0 { &dollars } else { &tokens };
    let whole: f64 = lines.iter().map(weight).sum();
    let share = |line| 100.0 * weight(line) / whole.max(f64::MIN_POSITIVE);
    lines.iter().map(share).collect()
}

pub(crate) fn dollars(line: &UsageLine) -> f64 {
    let cost = line.usage.cost.unwrap_or_default();
    f64::try_from(cost).unwrap_or_default()
}

pub(crate) fn tokens(line: &UsageLine) -> u64 {
    line.usage.prompt_tokens + line.usage.completion_tokens
}

#[cfg(test)]
pub(crate) mod testing {
    use contracts::execution::Usage;

    use super::*;

    /// A call of a model of that vendor.
    pub(crate) fn line(cost: &str, tokens: u64) -> UsageLine {
        UsageLine {
            day: None,
            provider: Some("vendor".into()),
            model: Some("large".into()),
            flow_id: None,
            user_id: None,
            calls: 1,
            failures: 0,
            usage: Usage {
                prompt_tokens: tokens,
                completion_tokens: 0,
                cost: cost.parse().ok(),
            },
            unpriced: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::line, *};

    #[test]
    fn shares_are_of_money_else_of_tokens() {
        assert_eq!(shares(&[line("3", 1), line("1", 99)]), [75.0, 25.0]);
        assert_eq!(shares(&[line("0", 1), line("0", 3)]), [25.0, 75.0]);
        assert_eq!(shares(&[line("0", 0)]), [0.0]);
        assert_eq!(model_name(&line("0", 0)), "vendor/large");
    }

    #[test]
    fn a_price_that_nobody_knows_is_not_nothing() {
        let some = |calls, unpriced| {
            let line = UsageLine {
                calls,
                unpriced,
                ..line("0", 1)
            };
            (cost(&line), super::unpriced(&line))
        };
        assert_eq!(some(2, 0), ("$0".into(), None));
        assert_eq!(some(2, 2), ("unknown".into(), None));
        let partly = Some("+ 1 unpriced".into());
        assert_eq!(some(2, 1), ("$0".into(), partly));
    }
}
