//! Doing the harm of a scenario, and undoing it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use execution::failpoint;
use tokio::time::sleep;

use crate::{
    check::Streams,
    cluster::Cut,
    fleet::{ENGINES, FLOW, Fleet, GATEWAY},
    history::History,
    messages,
    random::Random,
    report::Violation,
    scenario::Scenario,
    servers::{self, Bus, Database, Room},
    signals::{self, Signal},
};

/// The age of a lease on a partition.
const LEASE: Duration = Duration::from_secs(2);
/// How long a server is stopped.
const PAUSE: Duration = Duration::from_secs(5);
/// From one fault to the next, where the platform is to recover in between.
const BETWEEN: Duration = Duration::from_secs(6);
/// After so long the platform says which streams take nothing: each write is waited for, and the alarm is given late.
const ALARM: Duration = Duration::from_secs(20);
/// How long a failpoint is there.
const AT_A_PLACE: Duration = Duration::from_secs(6);
/// Where Debian's package `faketime` puts its library.
const FAKE_TIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
];
/// Between two looks at the processes.
const LOOK: Duration = Duration::from_millis(200);

/// What a scenario works on.
pub(crate) struct Target<'a> {
    pub(crate) fleet: &'a mut Fleet,
    pub(crate) bus: &'a mut Bus,
    pub(crate) history: &'a History,
    pub(crate) random: Random,
    /// Where the NATS server stores, if it is a file system of its own.
    pub(crate) room: Option<&'a Room>,
    /// Processes that ended at failpoints.
    pub(crate) places: usize,
    /// Found out on the way, for the report.
    pub(crate) notes: Vec<String>,
}

impl Target<'_> {
    pub(crate) async fn harm(&mut self, scenario: Scenario, rounds: u32) -> Result<()> {
        for _ in 0..rounds {
            match scenario {
                Scenario::Kill => self.kill().await?,
                Scenario::Zombie => self.zombie().await?,
                Scenario::Nats => self.nats().await?,
                Scenario::Postgres => self.database(Database::Postgres).await?,
                Scenario::Mongo => self.database(Database::Mongo).await?,
                Scenario::Duplicates => self.duplicates().await?,
                Scenario::Poison => self.poison().await?,
                Scenario::Failpoints => self.failpoint().await?,
                Scenario::Disk => self.disk().await?,
                Scenario::Clock => self.clock().await?,
                Scenario::Partition => self.partition().await?,
                Scenario::Rolling => self.rolling().await?,
            }
        }
        if scenario == Scenario::Failpoints {
            ensure!(
                self.places > 0,
                "no process ended: the binary has no failpoints"
            );
            self.notes
                .push(format!("{} processes ended at failpoints", self.places));
        }
        Ok(())
    }

    /// One of the engine's processes, at times both, for at most a second and a half.
    async fn kill(&mut self) -> Result<()> {
        let pause = self.random.millis(600, 2500);
        self.rest(pause).await?;
        let first = self.random.pick(&ENGINES);
        let victims: Vec<&str> = if self.random.one_in(4) {
            ENGINES.into()
        } else {
            vec![first]
        };
        for victim in &victims {
            self.fleet.kill(victim)?;
        }
        self.history
            .fault(format!("killed {}", victims.join(" and ")));
        let pause = self.random.millis(0, 1500);
        self.rest(pause).await?;
        for victim in &victims {
            self.fleet.begin(victim)?;
        }
        Ok(())
    }

    async fn zombie(&mut self) -> Result<()> {
        for victim in ENGINES {
            self.fleet.signal(victim, Signal::Stop)?;
            self.history.fault(format!("stopped {victim}"));
            self.rest(LEASE * 3).await?;
            self.fleet.signal(victim, Signal::Continue)?;
            let pause = self.random.millis(1500, 3000);
            self.rest(pause).await?;
        }
        Ok(())
    }

    async fn nats(&mut self) -> Result<()> {
        let pause = self.random.millis(500, 1500);
        self.rest(pause).await?;
        self.history.fault("killed the NATS server");
        self.bus.server()?.kill();
        let pause = self.random.millis(200, 2000);
        self.rest(pause).await?;
        self.bus.server()?.restart().await;
        self.rest(BETWEEN).await?;
        self.history.fault("stopped the NATS server");
        let process = [self.bus.server()?.process_id()];
        signals::send(Signal::Stop, &process)?;
        self.rest(PAUSE).await?;
        signals::send(Signal::Continue, &process)?;
        self.rest(BETWEEN).await?;
        Ok(())
    }

    async fn database(&mut self, database: Database) -> Result<()> {
        let pause = self.random.millis(500, 1500);
        self.rest(pause).await?;
        self.history.fault(format!("killed {database:?}"));
        database.kill().await?;
        self.rest(BETWEEN).await?;
        self.history.fault(format!("stopped {database:?}"));
        database.pause(PAUSE).await?;
        self.rest(BETWEEN).await?;
        Ok(())
    }

    async fn duplicates(&mut self) -> Result<()> {
        let time = BETWEEN * 2;
        // What the other engine owns takes the queue.
        self.end_and_begin(ENGINES[0]).await?;
        self.history
            .fault("messages come several times, in another order");
        let sent = messages::repeat(&self.bus.url(), &mut self.random, time).await?;
        ensure!(
            sent.has_both(),
            "no work item or no request came by, {sent:?}: the scenario proves nothing"
        );
        self.notes.push(format!("{sent:?} were sent once more"));
        Ok(())
    }

    async fn poison(&mut self) -> Result<()> {
        self.history.fault("messages that nobody can read");
        let note = messages::poison(&self.bus.url()).await?;
        self.notes.push(note);
        Ok(())
    }

    /// A server of the cluster is cut off, in each way.
    async fn partition(&mut self) -> Result<()> {
        for cut in Cut::ALL {
            let node = self.random.pick(&[1, 2, 3]);
            self.history
                .fault(format!("cut off server {node}: {cut:?}"));
            self.bus.cluster()?.cut(node, cut)?;
            self.rest(PAUSE).await?;
            self.bus.cluster()?.heal(node)?;
            self.rest(BETWEEN).await?;
        }
        Ok(())
    }

    /// Each is asked to end while the load goes on, and started again.
    async fn rolling(&mut self) -> Result<()> {
        for member in [ENGINES[0], ENGINES[1], FLOW, GATEWAY] {
            self.rest(Duration::from_secs(1)).await?;
            self.end_and_begin(member).await?;
        }
        Ok(())
    }

    async fn end_and_begin(&mut self, member: &'static str) -> Result<()> {
        self.history.fault(format!("asked {member} to end"));
        let (took, went_well) = self.fleet.terminate(member).await?;
        self.notes
            .push(format!("{member} ended in {} ms", took.as_millis()));
        ensure!(went_well, "{member} did not end well");
        self.fleet.begin(member)?;
        self.fleet.ready().await
    }

    /// Both processes of the engine come to grief at one place, until two have ended there or it was passed for a while.
    async fn failpoint(&mut self) -> Result<()> {
        let place = self.random.pick(&failpoint::ALL);
        let (what, ends) = self.random.pick(&[
            ("10%return", 2),
            ("10%return", 2),
            ("5%panic", 0),
            ("5%sleep(4000)", 0),
        ]);
        let variable = ("FAILPOINTS".to_owned(), format!("{place}={what}"));
        for engine in ENGINES {
            self.fleet.set_variables(engine, vec![variable.clone()])?;
        }
        self.history.fault(format!("{place} does {what}"));
        for engine in ENGINES {
            self.fleet.kill(engine)?;
            self.fleet.begin(engine)?;
        }
        let (until, mut ended) = (Instant::now() + AT_A_PLACE, 0);
        while Instant::now() < until && (ends == 0 || ended < ends) {
            // Here they are to end.
            ended += self.fleet.revive()?.len();
            sleep(LOOK).await;
        }
        if ends > 0 && ended == 0 {
            self.notes.push(format!("nothing ended at {place}"));
        }
        self.places += ended;
        for engine in ENGINES {
            self.fleet.set_variables(engine, Vec::new())?;
            self.fleet.kill(engine)?;
            self.fleet.begin(engine)?;
        }
        self.fleet.ready().await
    }

    /// No byte can be written where NATS stores, for a while.
    async fn disk(&mut self) -> Result<()> {
        let Some(room) = self.room else {
            self.notes
                .push("no file system can be mounted here: nothing was done".to_owned());
            return Ok(());
        };
        self.history.fault("the disk of the NATS server is full");
        room.fill()?;
        self.rest(PAUSE).await?;
        room.empty()?;
        self.history.fault("there is room again");
        self.rest(ALARM).await?;
        let streams = Streams::new(servers::operator(&self.bus.url()).await?);
        let written = async {
            streams.write(1).await?;
            streams.lease().await
        };
        let refused = match written.await {
            Err(error) => Some(format!("{error:#}")),
            Ok(()) => self.fleet.unwritable().await,
        };
        if let Some(refused) = refused {
            self.notes.push(format!(
                "the NATS server had to be started again: {refused}"
            ));
            self.bus.server()?.restart().await;
        }
        self.rest(BETWEEN).await
    }

    /// One process of the engine is ahead of the time, the other behind; then the other way round.
    async fn clock(&mut self) -> Result<()> {
        let Some(library) = FAKE_TIME.iter().find(|path| Path::new(path).exists()) else {
            self.notes
                .push("libfaketime is not installed: nothing was done".to_owned());
            return Ok(());
        };
        for offsets in [["+30s", "-30s"], ["-30s", "+30s"], ["+0s", "+0s"]] {
            for (engine, offset) in ENGINES.into_iter().zip(offsets) {
                let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                let variables = vec![
                    set("LD_PRELOAD", library),
                    set("FAKETIME", offset),
                    // Steps of the time leave the other clock alone.
                    set("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
                ];
                self.fleet.set_variables(engine, variables)?;
                self.history.fault(format!("{engine} lives at {offset}"));
                self.fleet.kill(engine)?;
                self.fleet.begin(engine)?;
                self.rest(BETWEEN / 2).await?;
            }
        }
        for engine in ENGINES {
            self.fleet.set_variables(engine, Vec::new())?;
        }
        Ok(())
    }

    /// Lets time pass. A process that ends by itself meanwhile is a violation, and started again.
    async fn rest(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        loop {
            for member in self.fleet.revive()? {
                let text = format!("`{member}` ended by itself");
                self.history.wrong(Violation::new("I1", text));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            sleep(left.min(LOOK)).await;
        }
    }
}
