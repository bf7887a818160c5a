//! What the handlers and the HTTP face work with.

use std::{sync::Arc, time::Duration};

use contracts::{id::TenantId, llm::ProviderKind};
use documents::Archive;
use egress::Egress;
use kernel::Cancels;
use moka::future::Cache;

use crate::{
    Config, Error, Settings,
    domain::catalog::{Catalog, Entry, Source, Target},
    provider::{
        Provider,
        anthropic::Anthropic,
        bedrock::Bedrock,
        connection::Connection,
        gemini::Gemini,
        openai_compatible::{OpenaiCompatible, dialect::Dialect},
        rehearsal::Rehearsal,
    },
    records::Records,
    store::{ProviderStore, StoredProvider},
};

/// How old the known providers of a tenant may be: a change elsewhere counts after that at the latest.
const FRESH: Duration = Duration::from_secs(1);
/// Tenants whose providers are known at the same time.
const KNOWN_TENANTS: u64 = 10_000;

/// Clones share everything.
#[derive(Clone)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<ProviderStore>,
    pub(crate) records: Arc<Records>,
    pub(crate) cancels: Arc<Cancels>,
    pub(crate) archive: Archive,
    egress: Egress,
    rehearsal: Arc<Rehearsal>,
    fresh: Cache<TenantId, Arc<Known>>,
}

/// The providers of one tenant, as they were a moment ago.
pub(crate) struct Known {
    catalog: Catalog,
    providers: Vec<StoredProvider>,
}

impl Known {
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

impl State {
    /// # Errors
    /// When the database is not there, not migrated or not set up safely, or the configuration is not valid.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let vault = vault::Vault::new(&config.vault)?;
        let archive = Archive::connect(&config.documents).await?;
        Ok(Self {
            settings: config.llm.clone(),
            store: Arc::new(ProviderStore::connect(&config.sql, vault).await?),
            records: Arc::new(Records::new(archive.clone())),
            cancels: Arc::default(),
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

    pub(crate) async fn known(&self, tenant: TenantId) -> Result<Arc<Known>, Error> {
        if let Some(known) = self.fresh.get(&tenant).await {
            return Ok(known);
        }
        let providers = self.store.all(tenant).await?;
        let entry = |stored: &StoredProvider| Entry {
            id: stored.provider.id,
            name: stored.provider.name.clone(),
            models: stored.provider.models.clone(),
        };
        let entries = providers.iter().map(entry).collect();
        let known = Arc::new(Known {
            catalog: Catalog::new(self.settings.llm_rehearsal, entries),
            providers,
        });
        self.fresh.insert(tenant, known.clone()).await;
        Ok(known)
    }

    /// After a change: the next question sees it.
    pub(crate) async fn forget(&self, tenant: TenantId) {
        self.fresh.invalidate(&tenant).await;
    }

    /// The one who answers for a target of `known`.
    pub(crate) fn provider(
        &self,
        tenant: TenantId,
        known: &Known,
        target: &Target,
    ) -> Result<Arc<dyn Provider>, Error> {
        let id = match target.source {
            Source::Rehearsal => return Ok(self.rehearsal.clone()),
            Source::Configured(id) => id,
        };
        let stored = known
            .providers
            .iter()
            .find(|stored| stored.provider.id == id);
        let stored = stored.ok_or(Error::UnknownProvider(id))?;
        let connection = Connection {
            egress: self.egress.clone(),
            name: stored.provider.name.clone(),
            base_url: stored.provider.base_url.clone(),
            key: self.store.open_key(tenant, stored)?,
            patience: self.settings.patience(false),
        };
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
                dialect: Dialect::of(kind),
            }),
        })
    }
}
