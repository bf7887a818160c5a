//! The byte format of what is sealed: `version ‖ key id (8) ‖ nonce (12) ‖ ciphertext and tag`.

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use crate::Error;

const VERSION: u8 = 1;
const ID: usize = 8;
const NONCE: usize = 12;
const HEADER: usize = 1 + ID + NONCE;

/// Names a key without telling anything about it.
pub(crate) type KeyId = [u8; ID];

/// Length before content, so that `["ab", "c"]` and `["a", "bc"]` differ.
fn associated(parts: &[&str], id: &KeyId) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(id);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

pub(crate) fn seal(
    key: &[u8; 32],
    id: KeyId,
    aad: &[&str],
    plain: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| Error::Random)?;
    let aad = associated(aad, &id);
    let payload = Payload {
        msg: plain,
        aad: &aad,
    };
    let sealed = Aes256Gcm::new(key.into())
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| Error::Seal)?;
    Ok([
        &[VERSION],
        id.as_slice(),
        nonce.as_slice(),
        sealed.as_slice(),
    ]
    .concat())
}

pub(crate) fn open(
    key: &[u8; 32],
    id: &KeyId,
    aad: &[&str],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if sealed.len() < HEADER || sealed[0] != VERSION || key_id(sealed) != Some(*id) {
        return Err(Error::Open);
    }
    let nonce: [u8; NONCE] = sealed[1 + ID..HEADER].try_into().map_err(|_| Error::Open)?;
    let aad = associated(aad, id);
    let payload = Payload {
        msg: &sealed[HEADER..],
        aad: &aad,
    };
    let plain = Aes256Gcm::new(key.into())
        .decrypt(&Nonce::from(nonce), payload)
        .map_err(|_| Error::Open)?;
    Ok(Zeroizing::new(plain))
}

/// The key that opens it, as far as the bytes say.
pub(crate) fn key_id(sealed: &[u8]) -> Option<KeyId> {
    sealed.get(1..=ID)?.try_into().ok()
}
