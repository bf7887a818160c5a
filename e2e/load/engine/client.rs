//! The load generator, a process of its own: starts executions over the bus and follows them on their live subjects.

mod ends;
mod watch;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, ensure};
use bus::Bus;
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::{
    ErrorCode, Problem, Subject,
    execution::{ExecutionState, Origin},
    id::{ExecutionId, FlowId},
    node::NodeReply,
    owner::Start,
    subject::Token,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::ends::Ends;
use crate::{
    flows::{HELD, WORK, input},
    order::{Order, Spread, Told, Work},
};

const DEADLINE: Duration = Duration::from_secs(60);
/// Nobody serves it.
const NOBODY: &str = "nobody";
/// Starts under way at the same time, where the time of each does not count.
const TOGETHER: usize = 200;

/// Does what it is told, and says what it saw.
pub(crate) async fn run(order: Order) -> Result<Told> {
    let client = Client::connect(order).await?;
    match client.order.work.clone() {
        Work::Closed {
            concurrency,
            executions,
        } => client.closed(concurrency, executions).await,
        Work::Begin {
            concurrency,
            executions,
        } => client.begin(concurrency, executions).await,
        Work::Open {
            per_second,
            seconds,
        } => client.at_rate(per_second, seconds, Client::open_one).await,
        Work::Knock {
            per_second,
            seconds,
        } => client.at_rate(per_second, seconds, Client::knock).await,
        Work::Timers {
            executions,
            from,
            to,
        } => client.timers(executions, from, to).await,
        Work::Watch {
            gateway,
            watchers,
            executions,
        } => client.watch(&gateway, watchers, executions).await,
    }
}

struct Client {
    order: Order,
    bus: Bus,
    plain: async_nats::Client,
    ends: Arc<Ends>,
    /// The nodes that are ours, and the ears on live subjects; they end with the client.
    _tasks: JoinSet<Result<()>>,
}

impl Client {
    async fn connect(order: Order) -> Result<Self> {
        let bus = Bus::connect(&bus::Config::open(order.url.clone())).await?;
        let plain = async_nats::connect(&order.url).await?;
        let ends = Arc::new(Ends::default());
        let mut tasks = JoinSet::new();
        for name in [WORK, HELD] {
            let token = Token::new(name).expect("a token");
            let subject = Subject::node(order.user.tenant, &token).to_string();
            let questions = plain.subscribe(subject).await?;
            tasks.spawn(serve(plain.clone(), questions, name == WORK));
        }
        let live = ends::of_all(order.user.tenant);
        tasks.spawn(ends.clone().listen(plain.subscribe(live).await?));
        plain.flush().await?;
        Ok(Self {
            order,
            bus,
            plain,
            ends,
            _tasks: tasks,
        })
    }

    fn start_with(&self, input: Value) -> Start {
        Start {
            tenant: self.order.user.tenant,
            execution_id: ExecutionId::generate(),
            origin: Origin::flow(FlowId::EXAMPLE, Some(1)),
            parent: None,
            notify: false,
            queued: false,
            basis: None,
            definition_hash: self.order.hash.clone(),
            input,
            vars: json!({}),
            principal: self.order.user.clone(),
        }
    }

    /// Until the end of the execution is stored and said.
    async fn execute(&self) -> Result<Duration> {
        let start = self.start_with(input());
        let end = self.ends.expect(start.execution_id);
        let begun = Instant::now();
        let accepted = self.ask(&start).await?;
        // Inline steps are over with the answer to the start.
        if accepted != ExecutionState::Succeeded {
            let (_, went_well) = tokio::time::timeout(DEADLINE, end).await??;
            ensure!(
                went_well,
                "execution `{}` did not succeed",
                start.execution_id
            );
        }
        self.ends.forget(start.execution_id);
        Ok(begun.elapsed())
    }

    async fn ask(&self, start: &Start) -> Result<ExecutionState, Problem> {
        let accepted = self.bus.ask_owner(start, DEADLINE).await?;
        Ok(accepted.state)
    }

    async fn closed(&self, concurrency: usize, executions: usize) -> Result<Told> {
        let begun = Instant::now();
        let times: Vec<Result<Duration>> = stream::iter(0..executions)
            .map(|_| self.execute())
            .buffer_unordered(concurrency)
            .collect()
            .await;
        let seconds = begun.elapsed().as_secs_f64();
        let done = Spread::of(times.into_iter().collect::<Result<_>>()?);
        Ok(Told {
            seconds,
            done,
            ..Told::default()
        })
    }

    async fn begin(&self, concurrency: usize, executions: usize) -> Result<Told> {
        let begun = Instant::now();
        let times: Vec<Result<Duration, Problem>> = stream::iter(0..executions)
            .map(|_| async {
                let begun = Instant::now();
                self.ask(&self.start_with(input())).await?;
                Ok(begun.elapsed())
            })
            .buffer_unordered(concurrency)
            .collect()
            .await;
        let seconds = begun.elapsed().as_secs_f64();
        let done = Spread::of(times.into_iter().collect::<Result<_, _>>()?);
        Ok(Told {
            seconds,
            done,
            ..Told::default()
        })
    }

    /// The time of an execution counts from when it was due to start, so that a late client hides nothing.
    async fn at_rate<F>(
        self,
        per_second: u32,
        seconds: u32,
        one: impl Fn(Arc<Self>) -> F,
    ) -> Result<Told>
    where
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let client = Arc::new(self);
        let begun = Instant::now();
        let mut starts = JoinSet::new();
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        for n in 0..per_second * seconds {
            let due = begun + Duration::from_secs(1) * n / per_second;
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                tokio::time::sleep(early).await;
            }
            let one = one(client.clone());
            starts.spawn(async move { (one.await, due.elapsed()) });
            while let Some(ended) = starts.try_join_next() {
                sort(ended?, &mut accepted, &mut refused)?;
            }
        }
        while let Some(ended) = starts.join_next().await {
            sort(ended?, &mut accepted, &mut refused)?;
        }
        Ok(Told {
            seconds: begun.elapsed().as_secs_f64(),
            done: Spread::of(accepted),
            refused: Spread::of(refused),
            early: 0,
        })
    }

    async fn open_one(self: Arc<Self>) -> Result<(), Problem> {
        let start = self.start_with(input());
        let end = self.ends.expect(start.execution_id);
        let state = self.ask(&start).await;
        if matches!(state, Ok(ExecutionState::Running)) {
            // The sender lives as long as the client.
            end.await.ok();
        }
        self.ends.forget(start.execution_id);
        state.map(|_| ())
    }

    /// The server itself says that nobody is there.
    async fn knock(self: Arc<Self>) -> Result<(), Problem> {
        let body = serde_json::to_vec(&self.start_with(input()))
            .map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?;
        let answer = self.plain.request(NOBODY, body.into()).await;
        let text = answer.map_or_else(|error| error.to_string(), |_| "an answer".to_owned());
        Err(Problem::new(ErrorCode::Unavailable, text))
    }

    /// How late each is heard of.
    async fn timers(&self, executions: usize, from: Duration, to: Duration) -> Result<Told> {
        let begun = Instant::now();
        let now = SystemTime::now();
        let late: Vec<Result<(Duration, bool)>> = stream::iter(0..executions)
            .map(|n| async move {
                let share = n as f64 / executions as f64;
                let due: DateTime<Utc> = (now + from + (to - from).mul_f64(share)).into();
                let until = due.to_rfc3339_opts(SecondsFormat::Millis, true);
                let start = self.start_with(json!({"until": until}));
                let end = self.ends.expect(start.execution_id);
                self.ask(&start).await?;
                Ok((end, DateTime::parse_from_rfc3339(&until)?))
            })
            .buffer_unordered(TOGETHER)
            .map(|started: Result<_>| async move {
                let (end, due) = started?;
                let (at, _) = end.await?;
                let late = at.duration_since(due.into());
                let is_early = late.is_err();
                Ok((late.unwrap_or_default(), is_early))
            })
            .buffer_unordered(executions)
            .collect()
            .await;
        let late = late.into_iter().collect::<Result<Vec<_>>>()?;
        let early = late.iter().filter(|(_, is_early)| *is_early).count();
        Ok(Told {
            seconds: begun.elapsed().as_secs_f64(),
            done: Spread::of(late.into_iter().map(|(late, _)| late).collect()),
            early,
            ..Told::default()
        })
    }
}

fn sort(
    (answer, took): (Result<(), Problem>, Duration),
    accepted: &mut Vec<Duration>,
    refused: &mut Vec<Duration>,
) -> Result<()> {
    match answer {
        Ok(()) => accepted.push(took),
        Err(problem)
            if matches!(
                problem.code,
                ErrorCode::Unavailable | ErrorCode::RateLimited
            ) =>
        {
            refused.push(took);
        }
        Err(problem) => return Err(problem).context("a start"),
    }
    Ok(())
}

/// Does the work of a node: at once, or never.
async fn serve(
    client: async_nats::Client,
    mut questions: async_nats::Subscriber,
    answers: bool,
) -> Result<()> {
    let reply = NodeReply { output: input() };
    let reply = bytes::Bytes::from(serde_json::to_vec(&reply)?);
    while let Some(question) = questions.next().await {
        if let Some(inbox) = question.reply.filter(|_| answers) {
            client.publish(inbox, reply.clone()).await?;
        }
    }
    Ok(())
}
