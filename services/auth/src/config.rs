//! The configuration of this service beside database and bus.

use nkeys::{KeyPair, KeyPairType};
use secrecy::{ExposeSecret, SecretString};

use crate::Error;

#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Config {
    /// The NATS account seed (`SA…`) that signs who an integrator is; without it no integrator gets in with a token.
    #[arg(long, env = "TROUPE_NATS_ISSUER", hide_env_values = true)]
    pub nats_issuer: Option<SecretString>,
}

impl Config {
    pub(crate) fn issuer(&self) -> Result<Option<KeyPair>, Error> {
        let Some(seed) = &self.nats_issuer else {
            return Ok(None);
        };
        let pair = KeyPair::from_seed(seed.expose_secret()).map_err(Error::Issuer)?;
        if pair.key_pair_type() != KeyPairType::Account {
            return Err(Error::IssuerKind);
        }
        Ok(Some(pair))
    }
}
