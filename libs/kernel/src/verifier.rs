//! Who holds this token? EdDSA-signed JWTs, checked against published keys and revocations.
//!
//! **Invariant:** one algorithm, keys from our own bucket alone, and every claim is required.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bus::{Bucket, Bus, Change};
use contracts::{
    ErrorCode, Principal, Problem,
    principal::{Claims, PublicKey, revocation},
};
use futures::StreamExt;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use moka::sync::Cache;
use tokio::task::JoinSet;

/// Tokens whose signature need not be checked again.
const CACHED: u64 = 10_000;
/// The pause before a broken watch is opened again.
const REOPEN: Duration = Duration::from_millis(500);

/// Verifies access tokens. Clones share keys, revocations and cache.
#[derive(Clone)]
pub struct Verifier {
    known: Arc<Known>,
    _watches: Arc<JoinSet<()>>,
}

struct Known {
    keys: RwLock<HashMap<String, DecodingKey>>,
    /// Unix milliseconds by revocation key.
    revoked: RwLock<HashMap<String, u64>>,
    checked: Cache<blake3::Hash, Arc<Claims>>,
    bus: Option<Bus>,
}

impl Verifier {
    /// Follows the published keys and revocations for as long as a clone lives.
    pub fn follow(bus: &Bus) -> Self {
        let known = Known::new(Some(bus.clone()));
        let mut watches = JoinSet::new();
        watches.spawn(watch(
            bus.clone(),
            Bucket::Jwks,
            known.clone(),
            Known::key_changed,
        ));
        watches.spawn(watch(
            bus.clone(),
            Bucket::Revocations,
            known.clone(),
            Known::revocation_changed,
        ));
        Self {
            known,
            _watches: Arc::new(watches),
        }
    }

    /// Knows these keys alone and no revocations.
    pub fn with_keys(keys: &[PublicKey]) -> Self {
        let known = Known::new(None);
        for key in keys {
            known.add_key(key);
        }
        Self {
            known,
            _watches: Arc::default(),
        }
    }

    /// The principal of a valid access token.
    ///
    /// # Errors
    /// `unauthenticated`, with a text that says why but nothing of the token.
    pub async fn verify(&self, token: &str) -> Result<Principal, Problem> {
        self.claims(token).await.map(|claims| claims.principal())
    }

    /// As [`Verifier::verify`], with all claims: for those who must know when the token expires.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub async fn claims(&self, token: &str) -> Result<Arc<Claims>, Problem> {
        let hash = blake3::hash(token.as_bytes());
        let claims = match self.known.checked.get(&hash) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.known.check_signature(token).await?);
                self.known.checked.insert(hash, claims.clone());
                claims
            }
        };
        let now = now_ms();
        if claims.exp.saturating_mul(1000) <= now {
            return Err(refused("the access token has expired"));
        }
        if self.known.is_revoked(&claims) {
            return Err(refused("the access token has been revoked"));
        }
        Ok(claims)
    }
}

impl Known {
    fn new(bus: Option<Bus>) -> Arc<Self> {
        let checked = Cache::builder()
            .max_capacity(CACHED)
            .time_to_live(Duration::from_secs(600))
            .build();
        Arc::new(Self {
            keys: RwLock::default(),
            revoked: RwLock::default(),
            checked,
            bus,
        })
    }

    async fn check_signature(&self, token: &str) -> Result<Claims, Problem> {
        let header =
            decode_header(token).map_err(|_| refused("the access token cannot be read"))?;
        if header.typ.as_deref() != Some(Claims::TYPE) || header.alg != Algorithm::EdDSA {
            return Err(refused("this is not an access token"));
        }
        let kid = header
            .kid
            .ok_or_else(|| refused("the access token names no key"))?;
        let key = match self.key(&kid) {
            Some(key) => key,
            None => self.fetch_key(&kid).await?,
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_audience(&[Claims::AUDIENCE]);
        validation.set_issuer(&[Claims::ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        let token =
            decode::<Claims>(token, &key, &validation).map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::ExpiredSignature => {
                    refused("the access token has expired")
                }
                _ => refused("the access token is not valid"),
            })?;
        Ok(token.claims)
    }

    fn key(&self, kid: &str) -> Option<DecodingKey> {
        self.keys
            .read()
            .expect("no one panics with this lock")
            .get(kid)
            .cloned()
    }

    /// A token may arrive before the watch has told of its key.
    async fn fetch_key(&self, kid: &str) -> Result<DecodingKey, Problem> {
        let unknown = || refused("the access token is signed with an unknown key");
        let looks_like_ours = kid.len() <= 64
            && kid
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let Some(bus) = self.bus.as_ref().filter(|_| looks_like_ours) else {
            return Err(unknown());
        };
        let stored = async { bus.kv(Bucket::Jwks).await?.get(kid).await }.await;
        let stored = stored.map_err(|_| {
            Problem::new(
                ErrorCode::Unavailable,
                "access tokens cannot be checked at present",
            )
        })?;
        self.key_changed(&Change::Put {
            key: kid.to_owned(),
            value: stored.ok_or_else(unknown)?.value,
        });
        self.key(kid).ok_or_else(unknown)
    }

    fn key_changed(&self, change: &Change) {
        match change {
            Change::Put { value, .. } => match serde_json::from_slice::<PublicKey>(value) {
                Ok(key) => self.add_key(&key),
                Err(error) => tracing::error!(%error, "a published signing key cannot be read"),
            },
            Change::Deleted { key } => {
                self.keys
                    .write()
                    .expect("no one panics with this lock")
                    .remove(key);
                // A removed key must not live on in what was checked with it.
                self.checked.invalidate_all();
            }
        }
    }

    fn add_key(&self, key: &PublicKey) {
        match DecodingKey::from_ed_components(&key.x) {
            Ok(decoding) => {
                self.keys
                    .write()
                    .expect("no one panics with this lock")
                    .insert(key.kid.clone(), decoding);
            }
            Err(error) => {
                tracing::error!(%error, "the published signing key `{}` is not valid", key.kid)
            }
        }
    }

    fn revocation_changed(&self, change: &Change) {
        // Entries expire in the bucket without notice; they are kept here until the token they meet has expired too.
        let Change::Put { key, value } = change else {
            return;
        };
        let at = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok());
        let mut revoked = self.revoked.write().expect("no one panics with this lock");
        let horizon = now_ms().saturating_sub(15 * 60 * 1000);
        revoked.retain(|_, at| *at > horizon);
        // An unreadable entry revokes: the other way round a typo would let tokens live.
        revoked.insert(key.clone(), at.unwrap_or_else(now_ms));
    }

    fn is_revoked(&self, claims: &Claims) -> bool {
        let revoked = self.revoked.read().expect("no one panics with this lock");
        if revoked.is_empty() {
            return false;
        }
        let meets = |key: &str| revoked.get(key).is_some_and(|at| claims.iat_ms <= *at);
        meets(&revocation::of_member(claims.tid, claims.sub))
            || claims
                .sid
                .is_some_and(|sid| meets(&revocation::of_session(sid)))
    }
}

async fn watch(bus: Bus, bucket: Bucket, known: Arc<Known>, apply: fn(&Known, &Change)) {
    loop {
        let changes = async { bus.kv(bucket).await?.watch_all().await }.await;
        match changes {
            Ok(mut changes) => {
                while let Some(Ok(change)) = changes.next().await {
                    apply(&known, &change);
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the bucket `{}` cannot be watched yet", bucket.name())
            }
        }
        tokio::time::sleep(REOPEN).await;
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn refused(why: &str) -> Problem {
    Problem::new(ErrorCode::Unauthenticated, why)
}
