//! The key that signs access tokens: made once, sealed in the database, its public part published on the bus.
//!
//! **Invariant:** the private part is never in clear outside this process's memory.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bus::{Bucket, Bus};
use chrono::{DateTime, Utc};
use contracts::principal::{Claims, PublicKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use nkeys::{KeyPair, KeyPairType};
use secrecy::ExposeSecret;
use vault::Vault;
use zeroize::Zeroizing;

use crate::{
    Error,
    domain::{ACCESS_LIFETIME, Grant, claims},
    store::{AuthStore, KeyRow},
};

/// What stands before a raw Ed25519 seed in PKCS #8 (RFC 8410, section 7).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Whose data key it is, in the terms of the vault.
const OWNER: &str = "auth.signing_keys";

/// Signs access tokens.
pub(crate) struct SigningKey {
    header: Header,
    key: EncodingKey,
}

impl SigningKey {
    /// Loads the key that signs at present, or makes the first. Processes that start at once end up with the same.
    pub(crate) async fn load(
        store: &AuthStore,
        vault: &Vault,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        if store.present_key().await?.is_none() {
            store.offer_key(&generate(vault, now)?).await?;
        }
        let row = store
            .present_key()
            .await?
            .ok_or_else(|| Error::SigningKey("none".to_owned()))?;
        let seed = open(vault, &row)?;
        let kid = row.public.kid;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(Claims::TYPE.to_owned());
        header.kid = Some(kid);
        Ok(Self {
            header,
            key: EncodingKey::from_ed_der(&[PKCS8.as_slice(), seed.as_slice()].concat()),
        })
    }

    /// An access token that is good from `now` on.
    pub(crate) fn sign(&self, grant: Grant, now: DateTime<Utc>) -> Result<String, Error> {
        self.encode(&claims(grant, new_jti(), now))
    }

    /// Another access token that says the same and ends at the same time.
    pub(crate) fn sign_again(&self, claims: Claims) -> Result<String, Error> {
        self.encode(&Claims {
            jti: new_jti(),
            ..claims
        })
    }

    fn encode(&self, claims: &Claims) -> Result<String, Error> {
        jsonwebtoken::encode(&self.header, claims, &self.key).map_err(Error::Sign)
    }
}

fn new_jti() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

fn generate(vault: &Vault, now: DateTime<Utc>) -> Result<KeyRow, Error> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(Error::Random)?;
    let public = public_key(&seed)?;
    let (key, wrapped_key) = vault.new_data_key(OWNER)?;
    let sealed_seed = key.seal(
        &[OWNER, &public.kid],
        &URL_SAFE_NO_PAD.encode(seed.as_slice()).into(),
    )?;
    Ok(KeyRow {
        public,
        wrapped_key,
        sealed_seed,
        created_at: now,
    })
}

fn open(vault: &Vault, row: &KeyRow) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = vault.unwrap(OWNER, &row.wrapped_key)?;
    let seed = key.open(&[OWNER, &row.public.kid], &row.sealed_seed)?;
    let seed = URL_SAFE_NO_PAD.decode(seed.expose_secret());
    seed.map(Zeroizing::new)
        .map_err(|_| Error::SigningKey(row.public.kid.clone()))
}

/// The public part; its hash is the key's id.
fn public_key(seed: &[u8; 32]) -> Result<PublicKey, Error> {
    let unusable = |_| Error::SigningKey("new".to_owned());
    // The kind of pair only changes the prefix of its text form.
    let pair = KeyPair::new_from_raw(KeyPairType::User, *seed).map_err(unusable)?;
    let (_, public) = nkeys::from_public_key(&pair.public_key()).map_err(unusable)?;
    let hash = blake3::hash(&public);
    Ok(PublicKey {
        kid: hash.to_hex()[..32].to_owned(),
        x: URL_SAFE_NO_PAD.encode(public),
    })
}

/// Publishes every public key that a good token may be signed with.
pub(crate) async fn publish(bus: &Bus, store: &AuthStore, now: DateTime<Utc>) -> Result<(), Error> {
    let jwks = bus.kv(Bucket::Jwks).await?;
    for key in store.public_keys(now - ACCESS_LIFETIME).await? {
        let value = serde_json::to_vec(&key).expect("a key is two texts");
        match jwks.create(&key.kid, value.into()).await {
            // It stands there already; it never changes.
            Ok(_) | Err(bus::Error::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 1.
    #[test]
    fn the_public_part_is_the_one_of_rfc_8032() {
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
            0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
            0x1c, 0xae, 0x7f, 0x60,
        ];
        let public = public_key(&seed).expect("a key");
        assert_eq!(public.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(public.kid.len(), 32);
    }

    #[test]
    fn a_sealed_key_opens_under_its_own_id_alone() {
        let master =
            base64::engine::general_purpose::STANDARD.encode(b"0123456789abcdef0123456789abcdef");
        let vault = Vault::new(&vault::Config::new(master)).expect("a vault");
        let mut row = generate(&vault, DateTime::UNIX_EPOCH).expect("a key");
        let seed = open(&vault, &row).expect("opens");
        let seed: [u8; 32] = seed.as_slice().try_into().expect("32 bytes");
        assert_eq!(public_key(&seed).expect("a key"), row.public);
        row.public.kid = "other".into();
        assert!(open(&vault, &row).is_err());
    }
}
