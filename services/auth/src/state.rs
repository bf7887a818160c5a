//! What the handlers work with.

use std::sync::Mutex;

use bus::Bus;
use chrono::Utc;
use kernel::Verifier;
use nkeys::KeyPair;
use vault::Vault;

use crate::{
    Config, Error, domain::connections::Connections, keys, keys::SigningKey, passwords::Passwords,
    store::AuthStore,
};

/// What the service is connected to.
pub struct Wiring {
    /// Connected with [`crate::MIGRATIONS`].
    pub pool: sql::Pool,
    pub bus: Bus,
    /// Checks the access tokens that integrators connect to NATS with.
    pub verifier: Verifier,
    /// Seals the private signing key.
    pub vault: Vault,
}

/// The state of the service.
pub struct State {
    pub(crate) store: AuthStore,
    pub(crate) passwords: Passwords,
    pub(crate) signing_key: SigningKey,
    pub(crate) verifier: Verifier,
    /// Signs who an integrator is, for the NATS server.
    pub(crate) issuer: Option<KeyPair>,
    /// The integrators that this process let into NATS.
    pub(crate) connections: Mutex<Connections>,
}

impl State {
    /// Loads the signing key, or makes the first one, and publishes the public keys.
    ///
    /// # Errors
    /// When the database or the bus is not there, the key cannot be opened, or the configuration is wrong.
    pub async fn open(config: &Config, wiring: Wiring) -> Result<Self, Error> {
        let issuer = config.issuer()?;
        let store = AuthStore::new(wiring.pool);
        let signing_key = SigningKey::load(&store, &wiring.vault, Utc::now()).await?;
        keys::publish(&wiring.bus, &store, Utc::now()).await?;
        let passwords = Passwords::start().await?;
        Ok(Self {
            store,
            passwords,
            signing_key,
            verifier: wiring.verifier,
            issuer,
            connections: Mutex::default(),
        })
    }
}
