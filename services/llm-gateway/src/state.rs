//! What the handlers and the HTTP face work with.

use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contracts::{
    id::{ProviderId, TenantId},
    llm::{ProviderKind, RateLimits, Recording},
};
use documents::Archive;
use egress::Egress;
use kernel::Cancels;
use moka::future::Cache;

use crate::{
    Config, Error, Settings,
    calls::{Flights, Health, Meters},
    domain::{
        budget::Kept as Budget,
        catalog::{Catalog, Entry, Source, Target},
    },
    ledger::Ledger,
    prices::Prices,
    provider::{
        Provider,
        anthropic::Anthropic,
        bedrock::Bedrock,
        connection::Connection,
        gemini::Gemini,
        openai_compatible::{OpenaiCompatible, dialect::Dialect},
        rehearsal::Rehearsal,
    },
    records::{Records, words::Kept},
    store::{Store, Stored, StoredProvider},
};

/// How old the known providers of a tenant may be: a change elsewhere counts after that at the latest.
const FRESH: Duration = Duration::from_secs(1);
/// Tenants whose providers are known at the same time.
const KNOWN_TENANTS: u64 = 10_000;

/// Clones share everything.
#[derive(Clone)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<Store>,
    pub(crate) records: Arc<Records>,
    pub(crate) kept_words: Arc<Kept>,
    pub(crate) cancels: Arc<Cancels>,
    pub(crate) health: Arc<Health>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) prices: Arc<Prices>,
    pub(crate) archive: Archive,
    egress: Egress,
    rehearsal: Arc<Rehearsal>,
    fresh: Cache<TenantId, Arc<Known>>,
}

/// The providers, routes and budgets of one tenant, as they were a moment ago.
pub(crate) struct Known {
    catalog: Catalog,
    providers: Vec<StoredProvider>,
    budgets: Vec<Budget>,
    limits: Option<RateLimits>,
    recording: Arc<Recording>,
    /// Those who were asked, by the number of the key: each key is opened once.
    asked: Mutex<HashMap<(ProviderId, u32), Arc<dyn Provider>>>,
}

impl Known {
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What of the words of questions and answers is kept.
    pub(crate) fn recording(&self) -> &Arc<Recording> {
        &self.recording
    }

    pub(crate) fn limits(&self) -> Option<&RateLimits> {
        self.limits.as_ref()
    }

    pub(crate) fn route_limits(&self, name: Option<&str>) -> Option<&RateLimits> {
        self.catalog.route(name?)?.limits.as_ref()
    }

    pub(crate) fn budgets(&self) -> &[Budget] {
        &self.budgets
    }

    /// How many keys there are to ask with, at least one, and what marks them.
    pub(crate) fn keys(&self, target: &Target) -> (u32, u64) {
        match self.stored(target) {
            Some(stored) => (stored.provider.keys.max(1), stored.mark()),
            None => (1, 0),
        }
    }

    fn stored(&self, target: &Target) -> Option<&StoredProvider> {
        let Source::Configured(id) = target.source else {
            return None;
        };
        self.providers.iter().find(|it| it.provider.id == id)
    }
}

impl State {
    /// # Errors
    /// When the database is not there, not migrated or not set up safely, or the configuration is not valid.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let vault = vault::Vault::new(&config.vault)?;
        let prices = Prices::open(config.llm.llm_prices.clone()).await?;
        let archive = Archive::connect(&config.documents).await?;
        Ok(Self {
            settings: config.llm.clone(),
            store: Arc::new(Store::connect(&config.sql, vault).await?),
            records: Arc::default(),
            kept_words: Arc::default(),
            cancels: Arc::default(),
            health: Arc::default(),
            ledger: Arc::default(),
            meters: Arc::new(Meters::new(config.llm.llm_replicas)),
            flights: Arc::default(),
            prices: Arc::new(prices),
            archive,
            egress: Egress::new(&config.egress)?,
            rehearsal: Arc::new(Rehearsal {
                pause: config.llm.rehearsal_pause(),
            }),
            fresh: Cache::builder()
                .max_capacity(KNOWN_TENANTS)
                .time_to_live(FRESH)
                .build(),
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.store.ping().await
    }

    /// Whether the archive answers; calls are answered without it.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping_archive(&self) -> Result<(), Error> {
        Ok(self.archive.ping().await?)
    }

    /// What a crowd asks for at once is read once.
    pub(crate) async fn known(&self, tenant: TenantId) -> Result<Arc<Known>, Error> {
        let known = self.fresh.try_get_with(tenant, self.read(tenant)).await;
        known.map_err(Error::Shared)
    }

    async fn read(&self, tenant: TenantId) -> Result<Arc<Known>, Error> {
        let Stored {
            providers,
            routes,
            budgets,
            limits,
            recording,
        } = self.store.stored(tenant).await?;
        let entry = |stored: &StoredProvider| Entry {
            id: stored.provider.id,
            name: stored.provider.name.clone(),
            kind: stored.provider.kind,
            base_url: stored.provider.base_url.clone(),
            models: stored.provider.models.clone(),
            limits: stored.provider.limits,
        };
        let entries = providers.iter().map(entry).collect();
        let routes = routes.into_iter().map(|route| Arc::new(route.spec));
        let rehearsal = self.settings.llm_rehearsal;
        Ok(Arc::new(Known {
            catalog: Catalog::new(rehearsal, entries, routes.collect(), &self.prices.table()),
            providers,
            budgets,
            limits,
            recording: Arc::new(recording),
            asked: Mutex::default(),
        }))
    }

    /// After a change: the next question sees it.
    pub(crate) async fn forget(&self, tenant: TenantId) {
        self.fresh.invalidate(&tenant).await;
    }

    /// After a change that concerns everybody.
    pub(crate) fn forget_all(&self) {
        self.fresh.invalidate_all();
    }

    /// The one who answers for a target of `known`, asked with the key of this number, from 0.
    pub(crate) fn provider(
        &self,
        tenant: TenantId,
        known: &Known,
        target: &Target,
        key: u32,
    ) -> Result<Arc<dyn Provider>, Error> {
        let id = match target.source {
            Source::Rehearsal => return Ok(self.rehearsal.clone()),
            Source::Configured(id) => id,
        };
        // Nothing is half-written when a holder panics.
        let mut asked = known.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match asked.entry((id, key)) {
            hash_map::Entry::Occupied(entry) => entry.get().clone(),
            hash_map::Entry::Vacant(entry) => {
                let stored = known.stored(target).ok_or(Error::UnknownProvider(id))?;
                entry.insert(self.connected(tenant, stored, key)?).clone()
            }
        })
    }

    fn connected(
        &self,
        tenant: TenantId,
        stored: &StoredProvider,
        key: u32,
    ) -> Result<Arc<dyn Provider>, Error> {
        let connection = Connection {
            egress: self.egress.clone(),
            name: stored.provider.name.clone(),
            base_url: stored.provider.base_url.clone(),
            key: self.store.open_key(tenant, stored, key)?,
            patience: self.settings.patience(false),
        };
        let base_url = &stored.provider.base_url;
        Ok(match stored.provider.kind {
            ProviderKind::Anthropic => Arc::new(Anthropic { connection }),
            ProviderKind::Gemini => Arc::new(Gemini { connection }),
            ProviderKind::Bedrock => Arc::new(Bedrock { connection }),
            kind @ (ProviderKind::Rehearsal
            | ProviderKind::OpenaiCompatible
            | ProviderKind::AzureOpenai
            | ProviderKind::Mistral
            | ProviderKind::Groq
            | ProviderKind::Ollama
            | ProviderKind::Vllm) => Arc::new(OpenaiCompatible {
                connection,
                dialect: Dialect::of(kind, base_url),
            }),
        })
    }
}
