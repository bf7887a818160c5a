//! Effect keys and the pauses between attempts.

use std::time::Duration;

use contracts::{
    flow::Retry,
    id::{ExecutionId, TenantId},
};

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

/// The pause after the failed attempt number `attempt`: doubling from `backoff_ms` to `max_backoff_ms`, of which the share
/// `jitter` is spread by a hash of the step's key and the attempt, so that the same step always pauses the same.
pub(crate) fn pause(retry: &Retry, key: &str, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(63);
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
    let pause = full as f64 * (1.0 - jitter * spread(key, attempt));
    Duration::from_millis(pause as u64)
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
        backoff_ms: 100,
        max_backoff_ms: 1000,
        jitter: 0.0,
    };

    #[test]
    fn pauses_double_up_to_the_cap() {
        let pauses: Vec<_> = [1, 2, 3, 4, 5, 100, u32::MAX]
            .map(|attempt| pause(&RETRY, "k", attempt).as_millis())
            .to_vec();
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000, 1000]);
    }

    #[test]
    fn jitter_shortens_by_its_share_and_repeats() {
        let retry = Retry {
            jitter: 0.5,
            ..RETRY
        };
        let pauses: Vec<_> = (0..200)
            .map(|i| pause(&retry, &format!("key {i}"), 5).as_millis())
            .collect();
        assert!(pauses.iter().all(|ms| (500..=1000).contains(ms)));
        assert!(pauses.iter().any(|ms| *ms < 600) && pauses.iter().any(|ms| *ms > 900));
        assert_eq!(pause(&retry, "k", 3), pause(&retry, "k", 3));
        let hostile = Retry {
            jitter: f64::NAN,
            backoff_ms: u64::MAX,
            max_backoff_ms: u64::MAX,
            ..RETRY
        };
        assert_eq!(pause(&hostile, "k", 70), Duration::from_millis(u64::MAX));
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
