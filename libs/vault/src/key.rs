//! Master keys and data keys.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{
    Config, Error,
    sealed::{self, KeyId},
};

/// What the associated data of a wrapped data key begins with.
const WRAP: &str = "troupe data key";

struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        // One-way, so the id can stand beside the ciphertext.
        let digest = blake3::derive_key("troupe vault key id v1", bytes.as_slice());
        let id = digest
            .first_chunk()
            .copied()
            .expect("a digest is longer than an id");
        Self { id, bytes }
    }
}

/// Wraps and unwraps data keys with the master key.
pub struct Vault {
    current: Key,
    previous: Option<Key>,
}

/// Seals and opens the credentials of one owner.
pub struct DataKey(Key);

impl Vault {
    /// # Errors
    /// [`Error::InvalidMasterKey`].
    pub fn new(config: &Config) -> Result<Self, Error> {
        let current = parse(&config.master_key, "TROUPE_MASTER_KEY")?;
        let previous = config.master_key_previous.as_ref();
        let previous = previous
            .map(|key| parse(key, "TROUPE_MASTER_KEY_PREVIOUS"))
            .transpose()?;
        Ok(Self { current, previous })
    }

    /// A new data key, and its wrapped form to store. `owner` says whose it is, for example a tenant's id.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn new_data_key(&self, owner: &str) -> Result<(DataKey, Vec<u8>), Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|_| Error::Random)?;
        let key = DataKey(Key::new(bytes));
        let wrapped = self.wrap(owner, &key)?;
        Ok((key, wrapped))
    }

    /// The data key of a wrapped form, by the current or the previous master key.
    ///
    /// # Errors
    /// [`Error::Open`] for another owner, another master key or damaged bytes.
    pub fn unwrap(&self, owner: &str, wrapped: &[u8]) -> Result<DataKey, Error> {
        let id = sealed::key_id(wrapped).ok_or(Error::Open)?;
        let masters = [Some(&self.current), self.previous.as_ref()];
        let master = masters
            .into_iter()
            .flatten()
            .find(|key| key.id == id)
            .ok_or(Error::Open)?;
        let plain = sealed::open(&master.bytes, &master.id, &[WRAP, owner], wrapped)?;
        let bytes: [u8; 32] = plain.as_slice().try_into().map_err(|_| Error::Open)?;
        Ok(DataKey(Key::new(Zeroizing::new(bytes))))
    }

    /// The same data key under the current master key; none where it is already.
    ///
    /// # Errors
    /// As [`Vault::unwrap`].
    pub fn rewrap(&self, owner: &str, wrapped: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let key = self.unwrap(owner, wrapped)?;
        if sealed::key_id(wrapped) == Some(self.current.id) {
            return Ok(None);
        }
        self.wrap(owner, &key).map(Some)
    }

    fn wrap(&self, owner: &str, key: &DataKey) -> Result<Vec<u8>, Error> {
        sealed::seal(
            &self.current.bytes,
            self.current.id,
            &[WRAP, owner],
            key.0.bytes.as_slice(),
        )
    }
}

impl DataKey {
    /// Seals a credential for the place that `aad` names: tenant, record, field.
    ///
    /// # Errors
    /// [`Error::Random`], [`Error::Seal`].
    pub fn seal(&self, aad: &[&str], secret: &SecretString) -> Result<Vec<u8>, Error> {
        sealed::seal(
            &self.0.bytes,
            self.0.id,
            aad,
            secret.expose_secret().as_bytes(),
        )
    }

    /// # Errors
    /// [`Error::Open`] for another place, another key or damaged bytes.
    pub fn open(&self, aad: &[&str], sealed: &[u8]) -> Result<SecretString, Error> {
        let plain = sealed::open(&self.0.bytes, &self.0.id, aad, sealed)?;
        std::str::from_utf8(&plain)
            .map(SecretString::from)
            .map_err(|_| Error::Open)
    }
}

fn parse(key: &SecretString, variable: &'static str) -> Result<Key, Error> {
    let invalid = || Error::InvalidMasterKey { variable };
    let bytes = Zeroizing::new(
        STANDARD
            .decode(key.expose_secret().trim())
            .map_err(|_| invalid())?,
    );
    let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| invalid())?;
    // A key of one repeated byte is a placeholder somebody forgot.
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        return Err(invalid());
    }
    Ok(Key::new(Zeroizing::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(master: u8) -> Vault {
        Vault::new(&Config::new(encoded(master))).unwrap()
    }

    fn encoded(seed: u8) -> String {
        let bytes: Vec<u8> = (0..32).map(|n| seed.wrapping_add(n)).collect();
        STANDARD.encode(bytes)
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let (key, wrapped) = vault(1).new_data_key("org_a").unwrap();
        let sealed = key
            .seal(&["org_a", "prov_1", "api_key"], &"sk-secret".into())
            .unwrap();
        let key = vault(1).unwrap("org_a", &wrapped).unwrap();
        assert_eq!(
            key.open(&["org_a", "prov_1", "api_key"], &sealed)
                .unwrap()
                .expose_secret(),
            "sk-secret"
        );
        for place in [
            vec!["org_b", "prov_1", "api_key"],
            vec!["org_a", "prov_1"],
            vec!["org_ap", "rov_1", "api_key"],
            vec![],
        ] {
            assert_eq!(
                key.open(&place, &sealed).err(),
                Some(Error::Open),
                "{place:?}"
            );
        }
        let (other, _) = vault(1).new_data_key("org_a").unwrap();
        assert_eq!(
            other.open(&["org_a", "prov_1", "api_key"], &sealed).err(),
            Some(Error::Open)
        );
        assert_eq!(vault(1).unwrap("org_b", &wrapped).err(), Some(Error::Open));
        assert_eq!(vault(2).unwrap("org_a", &wrapped).err(), Some(Error::Open));
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let (key, wrapped) = vault(1).new_data_key("org_a").unwrap();
        let sealed = key.seal(&["x"], &"a secret of some length".into()).unwrap();
        for position in 0..sealed.len() {
            for bit in 0..8 {
                let mut damaged = sealed.clone();
                damaged[position] ^= 1 << bit;
                assert!(
                    key.open(&["x"], &damaged).is_err(),
                    "byte {position}, bit {bit}"
                );
            }
            assert!(
                key.open(&["x"], &sealed[..position]).is_err(),
                "cut at {position}"
            );
        }
        for position in 0..wrapped.len() {
            assert!(
                vault(1).unwrap("org_a", &wrapped[..position]).is_err(),
                "cut at {position}"
            );
        }
        assert!(key.open(&["x"], &[sealed, vec![0]].concat()).is_err());
    }

    #[test]
    fn a_rotation_wraps_anew_and_keeps_the_data_key() {
        let (key, wrapped) = vault(1).new_data_key("org_a").unwrap();
        let sealed = key.seal(&["x"], &"s".into()).unwrap();
        let config = Config {
            master_key_previous: Some(encoded(1).into()),
            ..Config::new(encoded(2))
        };
        let rotated = Vault::new(&config)
            .unwrap()
            .rewrap("org_a", &wrapped)
            .unwrap()
            .unwrap();
        assert_eq!(
            Vault::new(&config)
                .unwrap()
                .rewrap("org_a", &rotated)
                .unwrap(),
            None
        );
        let key = vault(2).unwrap("org_a", &rotated).unwrap();
        assert_eq!(key.open(&["x"], &sealed).unwrap().expose_secret(), "s");
        assert!(vault(1).unwrap("org_a", &rotated).is_err());
    }

    #[test]
    fn a_master_key_must_be_a_key() {
        for text in [
            "",
            "short",
            &STANDARD.encode([7; 31]),
            &STANDARD.encode([0; 32]),
            &STANDARD.encode([7; 33]),
        ] {
            assert!(Vault::new(&Config::new(text)).is_err(), "{text:?}");
        }
    }
}
