//! Effect keys and the pauses between attempts.

use std::time::Duration;

use contracts::{
    execution::StepError,
    flow::{Backoff, Retry},
    id::{ExecutionId, TenantId},
};

/// The longest pause that another side may ask for.
const MAX_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// The `Idempotency-Key` of a step: the same for all its attempts, different for every other step of every execution.
pub(crate) fn effect_key(
    tenant: TenantId,
    execution: ExecutionId,
    path: &str,
    iteration: u32,
) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tenant.uuid().as_bytes());
    hasher.update(execution.uuid().as_bytes());
    hasher.update(&(path.len() as u64).to_le_bytes());
    hasher.update(path.as_bytes());
    hasher.update(&iteration.to_le_bytes());
    hasher.finalize().to_hex().to_string()
}

/// Whether another attempt follows such an error.
pub(crate) fn is_tried_again(retry: &Retry, error: &StepError, attempt: u32) -> bool {
    let may_heal = match &retry.on {
        Some(codes) => codes.contains(&error.code),
        None => error.retryable,
    };
    may_heal && attempt < retry.max_attempts
}

/// The pause after the failed attempt number `attempt`. Of the policy's own pause the share `jitter` is spread by a hash
/// of the step's key and the attempt, so that the same step always pauses the same; a longer pause that the other side
/// asks for counts, up to a day.
pub(crate) fn pause(retry: &Retry, error: &StepError, key: &str, attempt: u32) -> Duration {
    let doublings = match retry.backoff {
        Backoff::Exponential => attempt.saturating_sub(1).min(63),
        Backoff::Fixed => 0,
    };
    let full = retry
        .backoff_ms
        .saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX))
        .min(retry.max_backoff_ms);
    let jitter = if retry.jitter.is_finite() {
        retry.jitter.clamp(0.0, 1.0)
    } else {
        0.0
    };
    // Milliseconds far below 2^52, so the conversions lose nothing that matters.
    let own = Duration::from_millis((full as f64 * (1.0 - jitter * spread(key, attempt))) as u64);
    let asked = Duration::from_millis(error.retry_after_ms.unwrap_or(0));
    own.max(asked.min(MAX_ASKED))
}

/// A number in `0..1` that depends on nothing but its arguments.
fn spread(key: &str, attempt: u32) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key.as_bytes());
    hasher.update(&attempt.to_le_bytes());
    let hash = hasher.finalize();
    let bytes = hash.as_bytes();
    let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry {
        max_attempts: 5,
        backoff: Backoff::Exponential,
        backoff_ms: 100,
        max_backoff_ms: 1000,
        jitter: 0.0,
        max_elapsed_ms: None,
        on: None,
    };

    fn failed() -> StepError {
        StepError::new("http_status", "503").retryable()
    }

    #[test]
    fn pauses_double_up_to_the_cap_or_stay() {
        let attempts = [1, 2, 3, 4, 5, 100, u32::MAX];
        let pauses = |retry: &Retry| {
            attempts.map(|attempt| pause(retry, &failed(), "k", attempt).as_millis())
        };
        assert_eq!(pauses(&RETRY), [100, 200, 400, 800, 1000, 1000, 1000]);
        let fixed = Retry {
            backoff: Backoff::Fixed,
            ..RETRY
        };
        assert_eq!(pauses(&fixed), [100; 7]);
    }

    #[test]
    fn a_longer_pause_that_is_asked_for_counts() {
        let asked = |pause_ms| pause(&RETRY, &failed().after(pause_ms), "k", 1).as_millis();
        assert_eq!(asked(None), 100);
        assert_eq!(asked(Some(20)), 100);
        assert_eq!(asked(Some(5000)), 5000);
        assert_eq!(asked(Some(u64::MAX)), 86_400_000);
    }

    #[test]
    fn what_is_tried_again_is_said_by_the_error_or_by_its_code() {
        let lasting = StepError::new("http_status", "404");
        assert!(is_tried_again(&RETRY, &failed(), 4));
        assert!(!is_tried_again(&RETRY, &failed(), 5));
        assert!(!is_tried_again(&RETRY, &lasting, 1));
        let named = Retry {
            on: Some(vec!["http_status".into()]),
            ..RETRY
        };
        assert!(is_tried_again(&named, &lasting, 1));
        let other = StepError::new("timeout", "slow").retryable();
        assert!(!is_tried_again(&named, &other, 1));
    }

    #[test]
    fn jitter_shortens_by_its_share_and_repeats() {
        let retry = Retry {
            jitter: 0.5,
            ..RETRY
        };
        let of = |key: &str, attempt| pause(&retry, &failed(), key, attempt);
        let pauses: Vec<_> = (0..200)
            .map(|i| of(&format!("key {i}"), 5).as_millis())
            .collect();
        assert!(pauses.iter().all(|ms| (500..=1000).contains(ms)));
        assert!(pauses.iter().any(|ms| *ms < 600) && pauses.iter().any(|ms| *ms > 900));
        assert_eq!(of("k", 3), of("k", 3));
        let hostile = Retry {
            jitter: f64::NAN,
            backoff_ms: u64::MAX,
            max_backoff_ms: u64::MAX,
            ..RETRY
        };
        let most = Duration::from_millis(u64::MAX);
        assert_eq!(pause(&hostile, &failed(), "k", 70), most);
    }

    #[test]
    fn keys_differ_by_everything_they_name() {
        let (tenant, execution) = (TenantId::EXAMPLE, ExecutionId::EXAMPLE);
        let key = effect_key(tenant, execution, "a", 0);
        assert_eq!(key, effect_key(tenant, execution, "a", 0));
        assert_eq!(key.len(), 64);
        let others = [
            effect_key(TenantId::generate(), execution, "a", 0),
            effect_key(tenant, ExecutionId::generate(), "a", 0),
            effect_key(tenant, execution, "b", 0),
            effect_key(tenant, execution, "a", 1),
        ];
        assert!(others.iter().all(|other| *other != key));
    }
}
