//! What strategies and failures are called.

use contracts::llm::{Fallback, Redaction, RouteStrategy};

pub(super) const STRATEGIES: [RouteStrategy; 4] = [
    RouteStrategy::Ordered,
    RouteStrategy::Weighted,
    RouteStrategy::LeastLatency,
    RouteStrategy::Cheapest,
];

/// What it is called, and whom it asks first.
pub(super) const fn strategy_look(strategy: RouteStrategy) -> (&'static str, &'static str) {
    match strategy {
        RouteStrategy::Ordered => (
            "In order",
            "The first model, and the others in their order.",
        ),
        RouteStrategy::Weighted => (
            "By weight",
            "One by chance, as often as the weights say; then the others.",
        ),
        RouteStrategy::LeastLatency => (
            "Fastest",
            "The one that began to answer soonest of late; first those that were not asked yet.",
        ),
        RouteStrategy::Cheapest => (
            "Cheapest",
            "The one that would cost least for the question; those without a price come last.",
        ),
    }
}

/// As the API writes it, for a select.
pub(super) const fn strategy_word(strategy: RouteStrategy) -> &'static str {
    match strategy {
        RouteStrategy::Ordered => "ordered",
        RouteStrategy::Weighted => "weighted",
        RouteStrategy::LeastLatency => "least_latency",
        RouteStrategy::Cheapest => "cheapest",
    }
}

pub(super) const FALLBACKS: [Fallback; 4] = [
    Fallback::Error,
    Fallback::RateLimit,
    Fallback::ContextWindow,
    Fallback::ContentPolicy,
];

/// In a sentence of few words, and in one that explains.
pub(super) const fn fallback_look(fallback: Fallback) -> (&'static str, &'static str) {
    match fallback {
        Fallback::Error => (
            "on errors",
            "It fails, is too slow, lacks the model or cannot honour a parameter",
        ),
        Fallback::RateLimit => ("on limits", "It takes no more questions for now"),
        Fallback::ContextWindow => ("on length", "The question is too long for it"),
        Fallback::ContentPolicy => ("on content", "Its rules forbid the question"),
    }
}

pub(in crate::pages) const REDACTIONS: [Redaction; 4] = [
    Redaction::Email,
    Redaction::Phone,
    Redaction::Card,
    Redaction::Iban,
];

pub(in crate::pages) const fn redaction_look(kind: Redaction) -> &'static str {
    match kind {
        Redaction::Email => "Mail addresses",
        Redaction::Phone => "Phone numbers",
        Redaction::Card => "Numbers of payment cards",
        Redaction::Iban => "Numbers of bank accounts (IBAN)",
    }
}

pub(super) fn fallback_text(fallback_on: &[Fallback]) -> String {
    let named = FALLBACKS
        .iter()
        .filter(|fallback| fallback_on.contains(fallback))
        .map(|fallback| fallback_look(*fallback).0);
    let named: Vec<_> = named.collect();
    match named.is_empty() {
        true => "only where its key is refused".into(),
        false => named.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_api() {
        for strategy in STRATEGIES {
            let word = serde_json::to_value(strategy).expect("a word");
            assert_eq!(word, strategy_word(strategy));
        }
    }

    #[test]
    fn failures_are_told_in_one_order() {
        let both = [Fallback::ContextWindow, Fallback::Error];
        assert_eq!(fallback_text(&both), "on errors, on length");
        assert_eq!(fallback_text(&[]), "only where its key is refused");
    }
}
