//! The time axis of an execution and where things lie on it.
//!
//! **Invariant:** an axis is never empty, so that every moment has a place on it.

use chrono::{DateTime, Utc};

/// From the first to the last moment, in milliseconds of the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    pub start: f64,
    pub end: f64,
}

/// A stretch of the axis, in percent of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    pub left: f64,
    pub width: f64,
}

/// A mark of the scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub left: f64,
    pub label: String,
}

pub(crate) fn millis(moment: DateTime<Utc>) -> f64 {
    // Microseconds of this millennium are exact in a double.
    #[allow(clippy::cast_precision_loss)]
    let micros = moment.timestamp_micros() as f64;
    micros / 1000.0
}

impl Axis {
    /// An axis at least one millisecond long.
    pub(crate) fn new(start: f64, end: f64) -> Self {
        Self {
            start,
            end: end.max(start + 1.0),
        }
    }

    pub(crate) fn length(&self) -> f64 {
        self.end - self.start
    }

    /// The place of a moment, in percent, within the axis.
    pub(crate) fn place(&self, ms: f64) -> f64 {
        ((ms - self.start) / self.length() * 100.0).clamp(0.0, 100.0)
    }

    /// The stretch between two moments.
    pub(crate) fn stretch(&self, from: f64, to: f64) -> Stretch {
        let left = self.place(from);
        Stretch {
            left,
            width: (self.place(to) - left).max(0.0),
        }
    }

    /// Round moments since the start, `most` of them at most.
    pub(crate) fn ticks(&self, most: usize) -> Vec<Tick> {
        let step = round_step(self.length(), most);
        let mut ticks = Vec::new();
        let mut at = 0.0;
        while at <= self.length() {
            ticks.push(Tick {
                left: self.place(self.start + at),
                label: super::words::duration(at),
            });
            at += step;
        }
        ticks
    }
}

/// The smallest round number of milliseconds that cuts a length into at most so many stretches.
fn round_step(length: f64, most: usize) -> f64 {
    const ROUND: [f64; 25] = [
        1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3,
        60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 21600e3, 43200e3,
    ];
    let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
    let fits = |step: &f64| length / step <= most;
    let days = (length / most / 86_400e3).ceil() * 86_400e3;
    ROUND.into_iter().find(fits).unwrap_or(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_places() {
        let axis = Axis::new(1000.0, 3000.0);
        assert_eq!(axis.place(1500.0), 25.0);
        assert_eq!(axis.place(0.0), 0.0);
        assert_eq!(axis.place(9e9), 100.0);
        assert_eq!(
            axis.stretch(2000.0, 2500.0),
            Stretch {
                left: 50.0,
                width: 25.0
            }
        );
        assert_eq!(axis.stretch(2500.0, 2000.0).width, 0.0);
        assert_eq!(Axis::new(5.0, 5.0).place(5.0), 0.0);
    }

    #[test]
    fn ticks_are_round_and_few() {
        let labels = |length| {
            let ticks = Axis::new(7.0, 7.0 + length).ticks(6);
            ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(
            labels(2_400.0),
            ["0 ms", "500 ms", "1.0 s", "1.5 s", "2.0 s"]
        );
        assert_eq!(
            labels(290_000.0),
            ["0 ms", "1 m 00 s", "2 m 00 s", "3 m 00 s", "4 m 00 s"]
        );
        for length in [1.0, 3.0, 77.0, 12_345.0, 1e7, 1e9, 1e12] {
            assert!((1..=7).contains(&labels(length).len()), "{length}");
        }
    }
}
