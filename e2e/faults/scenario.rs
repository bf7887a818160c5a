//! The scenarios: which faults, how long, and how fast the platform must be back.

use std::time::Duration;

use clap::ValueEnum;

/// What is done to the platform while it is under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// One or both processes of the engine are killed, again and again.
    Kill,
    /// A process of the engine is stopped for three leases, and goes on.
    Zombie,
    /// The NATS server is killed, and stopped for a while.
    Nats,
    /// As above, PostgreSQL.
    Postgres,
    /// As above, MongoDB.
    Mongo,
    /// Work items, results and starts are delivered several times and in another order.
    Duplicates,
    /// Messages that nobody can read, or whose handler breaks down.
    Poison,
    /// The engine ends, breaks down or hangs at each of its failpoints.
    Failpoints,
    /// There is no room any more where NATS stores.
    Disk,
    /// The processes of the engine disagree about the time.
    Clock,
    /// Servers of a NATS cluster of three are cut off.
    Partition,
    /// Every service is asked to end and started again, one after the other.
    Rolling,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// What the tests run: the databases are shared there, so they are left alone.
    Smoke,
    Fast,
    Long,
}

impl Profile {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Fast => "fast",
            Self::Long => "long",
        }
    }

    pub(crate) fn scenarios(self) -> &'static [Scenario] {
        match self {
            Self::Smoke => &[Scenario::Kill],
            Self::Long => Scenario::value_variants(),
            Self::Fast => &[
                Scenario::Kill,
                Scenario::Zombie,
                Scenario::Nats,
                Scenario::Postgres,
                Scenario::Mongo,
                Scenario::Duplicates,
                Scenario::Poison,
                Scenario::Failpoints,
                Scenario::Clock,
                Scenario::Disk,
                Scenario::Rolling,
            ],
        }
    }

    /// Starts per second.
    pub(crate) const fn rate(self) -> u32 {
        match self {
            Self::Smoke => 5,
            Self::Fast => 10,
            Self::Long => 25,
        }
    }

    /// How often each fault happens, in one scenario.
    pub(crate) const fn rounds(self, scenario: Scenario) -> u32 {
        let (smoke, fast, long) = match scenario {
            // More than a thousand in the long suite.
            Scenario::Kill => (3, 8, 820),
            Scenario::Zombie => (1, 2, 30),
            Scenario::Nats | Scenario::Postgres | Scenario::Mongo => (1, 1, 15),
            Scenario::Duplicates | Scenario::Poison => (1, 1, 6),
            // One place each.
            Scenario::Failpoints => (1, 8, 96),
            Scenario::Clock | Scenario::Disk => (1, 1, 4),
            Scenario::Partition => (1, 1, 8),
            Scenario::Rolling => (1, 1, 10),
        };
        match self {
            Self::Smoke => smoke,
            Self::Fast => fast,
            Self::Long => long,
        }
    }
}

impl Scenario {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Zombie => "zombie",
            Self::Nats => "nats",
            Self::Postgres => "postgres",
            Self::Mongo => "mongo",
            Self::Duplicates => "duplicates",
            Self::Poison => "poison",
            Self::Failpoints => "failpoints",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Partition => "partition",
            Self::Rolling => "rolling",
        }
    }

    /// From a fault until starts are accepted again, the fault's own duration included.
    pub(crate) const fn recovery_goal(self) -> Duration {
        match self {
            // The lease of two seconds runs out, and the other process replays the log.
            Self::Kill => Duration::from_secs(5),
            Self::Zombie => Duration::from_secs(5),
            Self::Nats | Self::Postgres => Duration::from_secs(15),
            // Both processes may end, and one be started again, before a place is left alone.
            Self::Failpoints => Duration::from_secs(15),
            Self::Disk => Duration::from_secs(30),
            Self::Partition => Duration::from_secs(10),
            Self::Clock => Duration::from_secs(10),
            Self::Mongo | Self::Duplicates | Self::Poison | Self::Rolling => Duration::from_secs(2),
        }
    }

    /// Rounds after which the load ends and everything is checked.
    pub(crate) const fn rounds_together(self) -> u32 {
        match self {
            Self::Kill => 20,
            Self::Zombie => 3,
            Self::Failpoints => 16,
            Self::Clock | Self::Disk | Self::Partition => 1,
            Self::Nats
            | Self::Postgres
            | Self::Mongo
            | Self::Duplicates
            | Self::Poison
            | Self::Rolling => 2,
        }
    }

    /// Whether it stops processes for a while: see [`crate::check::Checker`].
    pub(crate) const fn pauses(self) -> bool {
        match self {
            Self::Zombie | Self::Nats | Self::Postgres | Self::Mongo | Self::Failpoints => true,
            // The time of a record is that of whoever wrote it.
            Self::Clock | Self::Partition => true,
            Self::Disk | Self::Kill | Self::Duplicates | Self::Poison | Self::Rolling => false,
        }
    }
}
