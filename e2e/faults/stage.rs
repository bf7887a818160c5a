//! Everything a scenario is played on: servers, services, organizations, the outside world.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use contracts::{id::ExecutionId, subject::partition_of};
use testkit::{FakeLlm, Ledger, Mongo, Postgres, fake_llm};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{self, COMPLETION_TOKENS, Checker, Counted, Histories, PROMPT_TOKENS, Streams},
    cluster::Cluster,
    fleet::Fleet,
    history::{self, Entry, History},
    injection::Target,
    load::{self, Load, User},
    random::Random,
    report::{Outcome, Report, Resources, Violation, millis},
    scenario::{Profile, Scenario},
    servers::{self, Bus, Room},
};

const PARTITIONS: u16 = 2;
/// The load alone, before the first fault and after the last.
const CALM: Duration = Duration::from_secs(2);
/// Clients have their answers so long after everything was healed.
const SETTLE: Duration = Duration::from_secs(60);
/// Half of what an access token is good for.
const SIGNED_IN: Duration = Duration::from_secs(300);
/// Violations of a part that are told before the report.
const SHOWN: usize = 20;
/// How long the outside takes for an answer: so that calls are under way when something happens.
const OUTSIDE: Duration = Duration::from_millis(120);

pub(crate) struct Stage {
    profile: Profile,
    seed: u64,
    folder: PathBuf,
    /// Before the servers, so that it ends before them.
    fleet: Fleet,
    users: Vec<User>,
    ledger: Ledger,
    _model: FakeLlm,
    bus: Bus,
    /// After the server that stores in it.
    room: Option<Room>,
    _database: Postgres,
    _archive: Mongo,
    next_run: u64,
    histories: Vec<(usize, Histories)>,
    outcomes: Vec<Outcome>,
}

impl Stage {
    pub(crate) async fn set(
        profile: Profile,
        seed: u64,
        folder: &Path,
        is_cluster: bool,
    ) -> Result<Self> {
        let (ledger, model) = (Ledger::start().await, FakeLlm::start().await);
        ledger.slow(OUTSIDE);
        let usage = fake_llm::Usage {
            prompt_tokens: PROMPT_TOKENS,
            completion_tokens: COMPLETION_TOKENS,
        };
        model.answer_by(move |question| {
            let answer = load::said(question).usage(usage);
            answer.slow(OUTSIDE, Duration::from_millis(20))
        });
        // The tests mount nothing.
        let room = match profile {
            Profile::Fast | Profile::Long if !is_cluster => Room::make(folder)?,
            Profile::Smoke | Profile::Fast | Profile::Long => None,
        };
        let bus = if is_cluster {
            Bus::Three(Cluster::start(folder).await?)
        } else {
            Bus::one(room.as_ref()).await
        };
        let (database, archive) = (Postgres::create().await, Mongo::create());
        let mut variables = e2e::settings(&bus.url(), &database, &archive);
        let allowed = format!("{},{}", ledger.address(), model.address());
        variables.push(("TROUPE_EGRESS_ALLOW", allowed));
        if is_cluster {
            variables.push(("TROUPE_NATS_REPLICAS", "3".to_owned()));
        }
        let fleet = Fleet::start(e2e::binary(), variables, &folder.join("logs")).await?;
        let users = load::users(&fleet.url(), &ledger, &model).await?;
        Ok(Self {
            profile,
            seed,
            folder: folder.to_owned(),
            fleet,
            users,
            ledger,
            _model: model,
            bus,
            room,
            _database: database,
            _archive: archive,
            next_run: 1,
            histories: Vec::new(),
            outcomes: Vec::new(),
        })
    }

    pub(crate) async fn play_all(
        &mut self,
        scenarios: &[&Scenario],
        report: &mut Report,
    ) -> Result<()> {
        let before = self.fleet.resources();
        for scenario in scenarios {
            self.play(**scenario).await?;
        }
        self.cold_start().await?;
        report.resources.extend(self.resources_since(&before));
        report.outcomes.append(&mut self.outcomes);
        Ok(())
    }

    /// All rounds of a scenario, in parts that are checked each.
    async fn play(&mut self, scenario: Scenario) -> Result<()> {
        let mut left = self.profile.rounds(scenario);
        while left > 0 {
            let rounds = left.min(scenario.rounds_together());
            self.play_part(scenario, rounds).await?;
            left -= rounds;
        }
        Ok(())
    }

    async fn play_part(&mut self, scenario: Scenario, rounds: u32) -> Result<()> {
        let begun = Instant::now();
        let part = format!("{}-{}", scenario.name(), self.outcomes.len());
        eprintln!("{part}");
        load::sign_in(&mut self.users).await?;
        let streams = Streams::new(servers::operator(&self.bus.url()).await?);
        let dead = streams.dead().await?;
        let history = Arc::new(History::open(&self.folder.join(format!("{part}.jsonl")))?);
        let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
        let mut client = JoinSet::new();
        let integrator = servers::operator(&self.bus.url()).await?;
        let load = self.load(&history, part, integrator);
        client.spawn(load.go(stop.clone(), give_up.clone()));
        sleep(CALM).await;
        let mut target = Target {
            fleet: &mut self.fleet,
            bus: &mut self.bus,
            history: &history,
            random: Random::new(self.seed, self.outcomes.len() as u64 + (1 << 40)),
            room: self.room.as_ref(),
            places: 0,
            notes: Vec::new(),
        };
        if let Err(error) = target.harm(scenario, rounds).await {
            history.wrong(Violation::new("scenario", format!("{error:#}")));
        }
        let notes = target.notes;
        sleep(CALM).await;
        stop.cancel();
        self.fleet.ready().await?;
        let healed = Instant::now();
        tokio::select! {
            () = sleep(SETTLE) => give_up.cancel(),
            () = settled(&mut client, &mut self.next_run) => {}
        }
        settled(&mut client, &mut self.next_run).await;
        let settled = healed.elapsed();
        let (counted, mut violations) = self.check(scenario, &history).await;
        let dead = (scenario != Scenario::Poison).then_some(dead);
        violations.extend(streams.check_left(dead).await?);
        let mut outcome = Outcome {
            seconds: begun.elapsed().as_secs_f64(),
            settled_ms: millis(settled),
            counted,
            notes,
            violations,
            ..Outcome::of(scenario)
        };
        tell(&mut outcome, &history.entries());
        let wrong = outcome.violations.len();
        eprintln!(
            "  {} runs, {wrong} violations, {:.0} s",
            outcome.counted.runs, outcome.seconds
        );
        // A run of hours may be broken off before its report.
        for violation in outcome.violations.iter().take(SHOWN) {
            eprintln!("  {violation}");
        }
        self.outcomes.push(outcome);
        Ok(())
    }

    fn load(
        &self,
        history: &Arc<History>,
        scenario: String,
        integrator: async_nats::Client,
    ) -> Load {
        Load {
            integrator: async_nats::jetstream::new(integrator),
            history: history.clone(),
            users: Arc::new(self.users.clone()),
            gateway: self.fleet.address(),
            seed: self.seed,
            scenario,
            first_run: self.next_run,
            rate: self.profile.rate(),
        }
    }

    async fn check(&mut self, scenario: Scenario, history: &History) -> (Counted, Vec<Violation>) {
        let address = self.fleet.address();
        let mut checker = Checker {
            users: &self.users,
            gateway: &address,
            ledger: &self.ledger,
            was_paused: scenario.pauses(),
            violations: history.violations(),
            counted: Counted::default(),
        };
        let histories = checker.check(history).await;
        let found = (checker.counted, checker.violations);
        for run in history.runs() {
            if let Some(events) = histories.get(&run.execution) {
                let one = Histories::from([(run.execution, events.clone())]);
                self.histories.push((run.user, one));
            }
        }
        found
    }

    /// Everything ends at once and begins again: I9, what was acknowledged is still there, and the same.
    async fn cold_start(&mut self) -> Result<()> {
        let begun = Instant::now();
        eprintln!("cold start");
        self.fleet.kill_all()?;
        if let Bus::One(server) = &mut self.bus {
            server.restart().await;
        }
        self.fleet.ready().await?;
        let ready = begun.elapsed();
        load::sign_in(&mut self.users).await?;
        let mut outcome = Outcome {
            scenario: "cold start",
            faults: 1,
            recovery_p50_ms: millis(ready),
            recovery_max_ms: millis(ready),
            recovery_goal_ms: 15_000,
            ..Outcome::default()
        };
        let mut signed_in = Instant::now();
        for (user, histories) in &self.histories {
            for (execution, events) in histories {
                // After a long suite there are more of them than are read while one access token is good.
                if signed_in.elapsed() > SIGNED_IN {
                    load::sign_in(&mut self.users).await?;
                    signed_in = Instant::now();
                }
                let client = &self.users[*user].client;
                let deadline = Instant::now() + SETTLE;
                outcome.counted.runs += 1;
                outcome.counted.events += events.len();
                let wrong = match check::events_of(client, execution, deadline).await {
                    Ok(again) if again == *events => continue,
                    Ok(again) => check::differing(events, &again),
                    Err(error) => error,
                };
                let violation = Violation::new("I9", wrong).of_execution(execution);
                outcome.violations.push(violation);
            }
        }
        outcome.seconds = begun.elapsed().as_secs_f64();
        self.outcomes.push(outcome);
        Ok(())
    }

    fn resources_since(&self, before: &[(&'static str, u64, usize)]) -> Vec<Resources> {
        let now = self.fleet.resources();
        let both = before.iter().filter_map(|(process, kib, descriptors)| {
            let (_, later_kib, later) = now.iter().find(|(name, ..)| name == process)?;
            Some(Resources {
                process,
                kib: (*kib, *later_kib),
                descriptors: (*descriptors, *later),
            })
        });
        both.collect()
    }
}

/// Waits for the client, and takes the number of the next run from it.
async fn settled(client: &mut JoinSet<u64>, next_run: &mut u64) {
    while let Some(next) = client.join_next().await {
        *next_run = next.unwrap_or(*next_run);
    }
}

/// Fills in what the client's history says.
fn tell(outcome: &mut Outcome, entries: &[Entry]) {
    let (mut accepted, mut faults) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::Fault { at, .. } => faults.push(*at),
            Entry::Request {
                op,
                invoked,
                answered,
                outcome: known,
                status,
                execution,
                ..
            } => {
                outcome.unknown += usize::from(*known == history::Outcome::Unknown);
                outcome.internal_errors += usize::from(*status == Some(500));
                let id = execution
                    .as_ref()
                    .and_then(|id| id.parse::<ExecutionId>().ok());
                if let ("start", history::Outcome::Ok, Some(id)) = (*op, known, id) {
                    accepted.push((partition_of(id, PARTITIONS), *invoked, *answered));
                }
            }
        }
    }
    outcome.starts_ok = accepted.len();
    outcome.faults = faults.len();
    let mut recovered = Vec::new();
    for fault in faults {
        for partition in 0..PARTITIONS {
            let after = accepted
                .iter()
                .filter(|(of, invoked, _)| *of == partition && *invoked >= fault);
            match after.map(|(_, _, answered)| *answered - fault).min() {
                Some(time) => recovered.push(time),
                None => {
                    let text = format!(
                        "partition {partition} accepted nothing after the fault at {fault:?}"
                    );
                    outcome.violations.push(Violation::new("I8", text));
                }
            }
        }
    }
    recovered.sort_unstable();
    if let Some(slowest) = recovered.last() {
        outcome.recovery_p50_ms = millis(recovered[recovered.len() / 2]);
        outcome.recovery_max_ms = millis(*slowest);
    }
}
