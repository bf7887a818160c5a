//! The gateway to models through both of its faces, on real servers, with a vendor over HTTP on loopback.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod budgets;
mod cache;
mod cancel;
mod charged;
mod complete;
mod conformance;
mod embed;
mod faces;
mod faults;
mod guardrails;
mod held;
mod http;
mod limits;
mod paid;
mod prices;
mod providers;
mod python;
mod records;
mod routes;
mod secrets;
mod semantic;
mod words;

use std::{net::SocketAddr, time::Duration};

use bus::{Bus, Call};
use contracts::{
    Principal, Problem, Request, Role,
    id::TenantId,
    llm::{
        Complete, Completion, CreateProvider, Delta, Message, ModelKind, Price, Provider,
        ProviderKind, ProviderModel,
    },
    message::StreamMessage,
};
use documents::Archive;
use egress::Egress;
use futures::StreamExt;
use kernel::Running;
use llm_gateway::{Config, MIGRATIONS, Settings, State};
use poem::{EndpointExt, Response, Route, Server, endpoint::BoxEndpoint, listener::TcpAcceptor};
use testkit::{FakeLlm, Mongo, Nats, Postgres};
use tokio::{net::TcpListener, task::JoinSet};

/// 32 different bytes.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The service with servers of its own. Dropped in this order.
struct Fixture {
    bus: Bus,
    config: Config,
    archive: Archive,
    vendor: FakeLlm,
    address: SocketAddr,
    /// The HTTP face without a server around it.
    face: BoxEndpoint<'static, Response>,
    running: Option<Running>,
    _face: JoinSet<std::io::Result<()>>,
    _mongo: Mongo,
    database: Postgres,
    _nats: Nats,
}

impl Fixture {
    async fn start() -> Self {
        Self::reaching(&[]).await
    }

    /// May reach these addresses beside the vendor's.
    async fn reaching(addresses: &[SocketAddr]) -> Self {
        Self::with(addresses, Settings::default()).await
    }

    async fn with(addresses: &[SocketAddr], llm: Settings) -> Self {
        Self::waiting(addresses, llm, None).await
    }

    /// A crowd on one thread of a busy machine opens its connections slowly: they may take longer.
    async fn patient() -> Self {
        Self::waiting(&[], Settings::default(), Some(60_000)).await
    }

    async fn waiting(addresses: &[SocketAddr], llm: Settings, connection_ms: Option<u64>) -> Self {
        let nats = Nats::start().await;
        let bus = testkit::bus(&nats.url()).await;
        let runtime = testkit::runtime(&bus).await;
        let database = Postgres::migrated(&format!("{MIGRATIONS:?}"), async |url| {
            let owner = sql::Owner::connect(&sql::Config::new(url, "test")).await?;
            Ok(owner.migrate_platform(&[MIGRATIONS]).await?)
        })
        .await;
        let (mongo, vendor) = (Mongo::create(), FakeLlm::start().await);
        let reachable = addresses
            .iter()
            .chain([&vendor.address()])
            .map(allowed)
            .collect::<Vec<_>>();
        let mut sql = sql::Config::new(database.url(), "test");
        if let Some(connection_ms) = connection_ms {
            sql.postgres_acquire_timeout_ms = connection_ms;
        }
        let config = Config {
            sql,
            documents: documents::Config::new(mongo.url(), mongo.database()),
            vault: vault::Config::new(MASTER_KEY),
            egress: egress::Config::allowing(reachable),
            llm,
        };
        let state = State::connect(&config).await.unwrap();
        state.ping().await.unwrap();
        state.ping_archive().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let face = || llm_gateway::http(state.clone(), runtime.verifier.clone());
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(
            Server::new_with_acceptor(acceptor).run(Route::new().nest_no_strip("/v1", face())),
        );
        let running = llm_gateway::service(state.clone())
            .start(&runtime)
            .await
            .unwrap();
        Self {
            bus,
            archive: Archive::connect(&config.documents).await.unwrap(),
            config,
            vendor,
            address,
            face: face().boxed(),
            running: Some(running),
            _face: serving,
            _mongo: mongo,
            database,
            _nats: nats,
        }
    }

    /// Ends the service in order: all records are in the archive then.
    async fn drain(&mut self) {
        self.running.take().unwrap().drain().await;
    }

    /// A new organization and its owner.
    async fn owner(&self) -> Principal {
        let owner = testkit::principal(TenantId::generate(), Role::Owner);
        let tables = sql::Owner::connect(&self.config.sql).await.unwrap();
        tables
            .create_tenant(owner.tenant, &[MIGRATIONS])
            .await
            .unwrap();
        owner
    }

    async fn ask<R: Request>(&self, who: &Principal, request: &R) -> Result<R::Reply, Problem> {
        let token = testkit::token(who);
        self.bus
            .call(who.tenant, request, Call::with_token(&token))
            .await
    }

    /// The vendor as a provider called `vendor`, with a priced and an unpriced model.
    async fn vendor_of(&self, owner: &Principal) -> Provider {
        let request = vendor_at(&self.vendor.base_url());
        self.ask(owner, &request).await.unwrap()
    }

    /// The chunks of an answer and how it ended.
    async fn complete(
        &self,
        who: &Principal,
        request: &Complete,
    ) -> (Vec<Delta>, Result<Completion, Problem>) {
        let token = testkit::token(who);
        let call = Call {
            token: Some(&token),
            deadline: Duration::from_secs(20),
        };
        let answers = self
            .bus
            .call_stream(who.tenant, request, call)
            .await
            .unwrap();
        let mut answers = std::pin::pin!(answers);
        let mut chunks = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(StreamMessage::Chunk { n, chunk }) => {
                    chunks.push(chunk);
                    assert_eq!(n, chunks.len() as u64);
                }
                Ok(StreamMessage::Done { reply, .. }) => return (chunks, Ok(reply)),
                Ok(StreamMessage::Alive) => {}
                Err(problem) => return (chunks, Err(problem)),
            }
        }
        panic!("an answer without an end");
    }

    /// How a question to the vendor's model fails.
    async fn refused(&self, who: &Principal, request: &Complete) -> Problem {
        self.complete(who, request).await.1.unwrap_err()
    }

    /// A client of the HTTP face.
    fn client(&self) -> Egress {
        Egress::new(&egress::Config::allowing([allowed(&self.address)])).unwrap()
    }

    fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

fn allowed(address: &SocketAddr) -> egress::Allowed {
    address.to_string().parse().unwrap()
}

fn vendor_at(base_url: &str) -> CreateProvider {
    CreateProvider {
        name: "vendor".into(),
        kind: ProviderKind::OpenaiCompatible,
        base_url: base_url.into(),
        api_key: Some(FakeLlm::API_KEY.into()),
        more_api_keys: Vec::new(),
        limits: None,
        models: vec![
            ProviderModel {
                name: "fake-large".into(),
                kind: ModelKind::Chat,
                price: Some(Price {
                    prompt: "2.5".parse().unwrap(),
                    completion: "10".parse().unwrap(),
                    ..Price::default()
                }),
            },
            ProviderModel {
                name: "fake-small".into(),
                kind: ModelKind::Chat,
                price: None,
            },
        ],
    }
}

fn question(model: &str, text: &str) -> Complete {
    Complete {
        model: Some(model.into()),
        messages: vec![Message::user(text)],
        ..Complete::default()
    }
}

fn text(chunks: &[Delta]) -> String {
    chunks
        .iter()
        .filter_map(|chunk| chunk.content.as_deref())
        .collect()
}
