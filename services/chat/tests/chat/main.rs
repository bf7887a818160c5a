//! The chat service through the bus, on real servers; flows and the engine are played by a world that takes notes.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod attachments;
mod branches;
mod crashes;
mod queue;
mod sessions;
mod turns;
mod world;

use std::{sync::Arc, time::Duration};

use bus::{Bus, Call};
use chat::{Config, MIGRATIONS, Settings, State};
use contracts::{
    ErrorCode, Principal, Problem, Request, Role,
    chat::{
        ChatMessage, ChatSession, Concurrency, CreateSession, GetMessage, ListMessages,
        ListSessions, MessageState, SendMessage, Turn,
    },
    id::{ChatId, FlowId, MessageId, TenantId},
    page::Paging,
};
use kernel::{Running, Runtime};
use testkit::{Mongo, Nats, Postgres, eventually};

use world::World;

const SOON: Duration = Duration::from_secs(20);

/// The service with servers of its own. Dropped in this order.
struct Fixture {
    bus: Bus,
    config: Config,
    runtime: Runtime,
    running: Option<Running>,
    world: Arc<World>,
    _mongo: Mongo,
    _database: Postgres,
    _nats: Nats,
}

impl Fixture {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = testkit::runtime(&bus).await;
        let database = Postgres::migrated(&format!("{MIGRATIONS:?}"), async |url| {
            let owner = sql::Owner::connect(&sql::Config::new(url, "test")).await?;
            Ok(owner.migrate_platform(&[MIGRATIONS]).await?)
        })
        .await;
        let mongo = Mongo::create();
        let config = Config {
            sql: sql::Config::new(database.url(), "test"),
            documents: documents::Config::new(mongo.url(), mongo.database()),
            chat: Settings { chat_lease_ms: 500 },
        };
        let world = World::start(&bus).await;
        let mut fixture = Self {
            bus,
            config,
            runtime,
            running: None,
            world,
            _mongo: mongo,
            _database: database,
            _nats: nats,
        };
        fixture.revive().await;
        fixture
    }

    /// Ends the service at once, with all that is in its hands.
    async fn crash(&mut self, who: &Principal) {
        self.running = None;
        // Its tasks are dropped when their runtime comes to it: until then they could still take a message.
        eventually(SOON, async || {
            let problem = self.ask(who, &ListSessions::default()).await.err()?;
            (problem.code == ErrorCode::Unavailable).then_some(())
        })
        .await;
    }

    async fn revive(&mut self) {
        let state = State::connect(&self.config).await.unwrap();
        let running = chat::service(state).start(&self.runtime).await.unwrap();
        self.running = Some(running);
    }

    /// A new tenant with a user.
    async fn user(&self) -> Principal {
        let tenant = TenantId::generate();
        let owner = sql::Owner::connect(&self.config.sql).await.unwrap();
        owner.create_tenant(tenant, &[MIGRATIONS]).await.unwrap();
        testkit::principal(tenant, Role::Operator)
    }

    async fn ask<R: Request>(&self, who: &Principal, request: &R) -> Result<R::Reply, Problem> {
        let token = testkit::token(who);
        self.bus
            .call(who.tenant, request, Call::with_token(&token))
            .await
    }

    async fn session(&self, who: &Principal, concurrency: Concurrency) -> ChatSession {
        let request = CreateSession {
            flow_id: Some(FlowId::EXAMPLE),
            concurrency,
            ..CreateSession::default()
        };
        self.ask(who, &request).await.unwrap()
    }

    async fn send(&self, who: &Principal, session: ChatId, content: &str) -> Turn {
        let turn = self.ask(who, &question(session, content)).await.unwrap();
        // Another than the one who answered may begin the run.
        let tried = || {
            let turns = self.world.turns();
            let begun = |id| turns.iter().any(|asked| asked.execution_id == id);
            turn.answer.execution_id.is_none_or(begun)
        };
        if turn.answer.state == MessageState::Running {
            eventually(SOON, async || tried().then_some(())).await;
        }
        turn
    }

    async fn message(&self, who: &Principal, session: ChatId, id: MessageId) -> ChatMessage {
        let request = GetMessage {
            session_id: session,
            message_id: id,
        };
        self.ask(who, &request).await.unwrap()
    }

    /// The answer, once it has this state.
    async fn in_state(
        &self,
        who: &Principal,
        session: ChatId,
        answer: MessageId,
        state: MessageState,
    ) -> ChatMessage {
        eventually(SOON, async || {
            let message = self.message(who, session, answer).await;
            (message.state == state).then_some(message)
        })
        .await
    }

    /// The branch that is shown, as role and content.
    async fn shown(&self, who: &Principal, session: ChatId) -> Vec<String> {
        let request = ListMessages {
            session_id: session,
            head: None,
            paging: Paging::default(),
        };
        let page = self.ask(who, &request).await.unwrap();
        page.items
            .into_iter()
            .map(|message| message.content)
            .collect()
    }
}

fn question(session: ChatId, content: &str) -> SendMessage {
    SendMessage {
        session_id: session,
        content: content.to_owned(),
        attachments: Vec::new(),
        replaces: None,
        idempotency_key: None,
    }
}

fn reason(problem: &Problem) -> (u16, &str) {
    (problem.status, problem.reason.as_deref().unwrap_or(""))
}
