//! A simulation of owners, a log, clients and workers, with everything that can go wrong between them: refused and lost
//! appends, appends that arrive after their owner was replaced, duplicated and lost requests, owners that stand still.
//!
//! Every run follows from its seed. A failure names it; `SIMULATION_SEED=<seed>` runs that one alone, `SIMULATION_SEEDS`
//! that many.

mod fake_index;
mod fake_log;
mod plans;
mod totals;
mod world;

use std::ops::Range;

use world::World;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).expect("below a small bound")
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// How many seeds until a long run says that it goes on.
const REPORTED: u64 = 50_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The share of one test, of those that run at the same time.
const SHARE: u64 = 2500;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_counts_twice() {
    match (number("SIMULATION_SEED"), number("SIMULATION_SEEDS")) {
        (Some(seed), _) => run_all(seed..seed + 1, 1),
        (None, Some(seeds)) => {
            let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
            run_all(0..seeds, threads);
        }
        (None, None) => run_all(0..SHARE, 1),
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_the_second_share() {
    run_all(SHARE..2 * SHARE, 1);
}

#[test]
fn nothing_acknowledged_is_lost_by_the_third_share() {
    run_all(2 * SHARE..3 * SHARE, 1);
}

#[test]
fn nothing_acknowledged_is_lost_by_the_fourth_share() {
    run_all(3 * SHARE..4 * SHARE, 1);
}

fn run_all(seeds: Range<u64>, threads: u64) {
    let mut totals = totals::Totals::default();
    std::thread::scope(|scope| {
        let seeds = &seeds;
        let shares = (0..threads).map(|share| {
            scope.spawn(move || {
                let mut totals = totals::Totals::default();
                for seed in seeds.clone().filter(|seed| seed % threads == share) {
                    totals.add(&run(seed));
                    if seed % REPORTED == REPORTED - 1 {
                        eprintln!("about {seed} of {} seeds", seeds.end);
                    }
                }
                totals
            })
        });
        for share in shares.collect::<Vec<_>>() {
            totals.add(&share.join().expect("no seed fails"));
        }
    });
    eprintln!("{totals:?}");
    if seeds.end - seeds.start >= 1000 {
        totals.assert_all_happened();
    }
}

fn run(seed: u64) -> totals::Totals {
    let run = std::panic::catch_unwind(|| {
        let mut world = World::new(Random(seed));
        world.suffer(120);
        world.heal();
        world.totals
    });
    run.unwrap_or_else(|panic| {
        eprintln!("SIMULATION_SEED={seed}");
        std::panic::resume_unwind(panic)
    })
}
