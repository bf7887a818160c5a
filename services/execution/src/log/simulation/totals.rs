//! How often things happened in a simulation.

/// How often things happened, so that a simulation in which nothing happens is noticed.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(super) executions: usize,
    pub(super) takeovers: usize,
    pub(super) fenced: usize,
    pub(super) late_appends: usize,
    pub(super) repeated_results: usize,
    pub(super) headless: usize,
    pub(super) cached: usize,
    pub(super) undone: usize,
    pub(super) handled: usize,
    pub(super) iterations: usize,
    pub(super) paused: usize,
    pub(super) reused: usize,
    pub(super) parked: usize,
    pub(super) woken: usize,
    pub(super) tails: usize,
    pub(super) indexed: usize,
    pub(super) unindexed: usize,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.executions += other.executions;
        self.takeovers += other.takeovers;
        self.fenced += other.fenced;
        self.late_appends += other.late_appends;
        self.repeated_results += other.repeated_results;
        self.headless += other.headless;
        self.cached += other.cached;
        self.undone += other.undone;
        self.handled += other.handled;
        self.iterations += other.iterations;
        self.paused += other.paused;
        self.reused += other.reused;
        self.parked += other.parked;
        self.woken += other.woken;
        self.tails += other.tails;
        self.indexed += other.indexed;
        self.unindexed += other.unindexed;
    }

    pub(crate) fn assert_all_happened(&self) {
        let all = [
            self.executions,
            self.takeovers,
            self.fenced,
            self.late_appends,
            self.repeated_results,
            self.headless,
            self.cached,
            self.undone,
            self.handled,
            self.iterations,
            self.paused,
            self.reused,
            self.parked,
            self.woken,
            self.tails,
            self.indexed,
            self.unindexed,
        ];
        assert!(all.iter().all(|count| *count > 0), "{self:?}");
    }
}
