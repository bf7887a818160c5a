//! How long to wait before connecting again.
//!
//! **Invariant:** between half a second and fifteen, so that a server that comes back is not stormed, nor missed for long.

const FIRST_MS: f64 = 500.0;
const MOST_MS: f64 = 15_000.0;

/// The pause before try number `failures`, from 1; `random` from 0 to 1 spreads the clients.
pub(crate) fn pause_ms(failures: u32, random: f64) -> f64 {
    let exponent = i32::try_from(failures.saturating_sub(1).min(10)).unwrap_or(10);
    let whole = (FIRST_MS * 2f64.powi(exponent)).min(MOST_MS);
    (whole * (0.5 + random.clamp(0.0, 1.0) / 2.0)).max(FIRST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_bounds() {
        assert_eq!(pause_ms(1, 0.0), 500.0);
        assert_eq!(pause_ms(1, 1.0), 500.0);
        assert_eq!(pause_ms(3, 1.0), 2000.0);
        assert_eq!(pause_ms(3, 0.0), 1000.0);
        assert_eq!(pause_ms(60, 1.0), 15_000.0);
    }
}
