//! Hashing and checking passwords: Argon2id with 19 MiB, two passes, one lane (OWASP's least).
//!
//! **Invariant:** as many hashes run at a time as there are processors, off the async threads.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::Error;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes and checks passwords.
#[derive(Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// What the password of an unknown account is checked against, so that it takes as long as a known one's.
    decoy: Arc<str>,
}

impl Passwords {
    pub(crate) async fn start() -> Result<Self, Error> {
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        let mut passwords = Self {
            permits: Arc::new(Semaphore::new(parallel)),
            decoy: "".into(),
        };
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(Error::Random)?;
        passwords.decoy = passwords
            .hash(blake3::hash(&random).to_hex().to_string())
            .await?
            .into();
        Ok(passwords)
    }

    /// The hash with its salt and costs, as a PHC string.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Error> {
        self.off_thread(move || {
            let hash: PasswordHash = argon2()
                .hash_password(password.as_bytes())
                .map_err(Error::Hash)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password fits the hash; it never fits where there is none, and that takes as long.
    pub(crate) async fn fits(&self, password: String, hash: Option<&str>) -> Result<bool, Error> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        self.off_thread(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| Error::Hash(error.into()))?;
            Ok(argon2().verify_password(password.as_bytes(), &hash).is_ok() && known)
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Error::Busy)?;
        let work = move || {
            // Held until the hash is done, even when nobody waits for it any more.
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Error::Busy)?
    }
}

fn argon2() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the costs are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_alone() {
        let passwords = Passwords::start().await.expect("starts");
        let hash = passwords
            .hash("correct horse".into())
            .await
            .expect("hashes");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert_ne!(
            hash,
            passwords
                .hash("correct horse".into())
                .await
                .expect("hashes")
        );
        assert!(
            passwords
                .fits("correct horse".into(), Some(&hash))
                .await
                .expect("checks")
        );
        assert!(
            !passwords
                .fits("wrong horse".into(), Some(&hash))
                .await
                .expect("checks")
        );
        assert!(
            !passwords
                .fits("correct horse".into(), None)
                .await
                .expect("checks")
        );
    }
}
