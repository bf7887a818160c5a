//! Opaque tokens: 256 random bits that are shown once and kept as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::Error;

/// What a token is good for, and how it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind(&'static str);

pub(crate) const REFRESH: Kind = Kind("rt_");
/// Opens one WebSocket.
pub(crate) const TICKET: Kind = Kind("wt_");

/// What is kept of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenHash(pub(crate) [u8; 32]);

impl TokenHash {
    /// As a key of a bucket.
    pub(crate) fn hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// A new token and its hash.
pub(crate) fn generate(kind: Kind) -> Result<(String, TokenHash), Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    let text = format!("{}{}", kind.0, URL_SAFE_NO_PAD.encode(bytes));
    Ok((text, hash(&bytes)))
}

/// The hash of what a client sent; none where it cannot be a token of that kind.
pub(crate) fn read(kind: Kind, text: &str) -> Option<TokenHash> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(kind.0)?).ok()?;
    Some(hash(&<[u8; 32]>::try_from(bytes).ok()?))
}

/// The token is random, so a fast hash keeps it; looking up a hash leaks no time about the token.
fn hash(bytes: &[u8; 32]) -> TokenHash {
    TokenHash(*blake3::hash(bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_out_is_read_back() {
        let (token, hash) = generate(REFRESH).expect("random bytes");
        assert_eq!(read(REFRESH, &token), Some(hash));
        assert_ne!(token, generate(REFRESH).expect("random bytes").0);
        for text in [
            "",
            "rt_",
            "rt_AAAA",
            &token[3..],
            &format!("{token}A"),
            &token.to_uppercase(),
            &token.replace("rt_", "wt_"),
        ] {
            assert_ne!(read(REFRESH, text), Some(hash), "{text}");
        }
    }
}
