//! The master keys.

use secrecy::SecretString;

#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// The platform's master key: 32 random bytes in base64. Whoever has it can open all sealed credentials.
    #[arg(long, env = "TROUPE_MASTER_KEY", hide_env_values = true)]
    pub master_key: SecretString,
    /// The master key before the last rotation, as long as data keys are wrapped by it.
    #[arg(long, env = "TROUPE_MASTER_KEY_PREVIOUS", hide_env_values = true)]
    pub master_key_previous: Option<SecretString>,
}

impl Config {
    pub fn new(master_key: impl Into<SecretString>) -> Self {
        Self {
            master_key: master_key.into(),
            master_key_previous: None,
        }
    }
}
