//! Refresh tokens: 256 random bits that are shown once and kept as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::Error;

const PREFIX: &str = "rt_";

/// What the database keeps of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenHash(pub(crate) [u8; 32]);

/// A new token and its hash.
pub(crate) fn generate() -> Result<(String, TokenHash), Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok((
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)),
        hash(&bytes),
    ))
}

/// The hash of what a client sent; none where it cannot be a token.
pub(crate) fn read(text: &str) -> Option<TokenHash> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
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
        let (token, hash) = generate().expect("random bytes");
        assert_eq!(read(&token), Some(hash));
        assert_ne!(token, generate().expect("random bytes").0);
        for text in [
            "",
            "rt_",
            "rt_AAAA",
            &token[3..],
            &format!("{token}A"),
            &token.to_uppercase(),
        ] {
            assert_ne!(read(text), Some(hash), "{text}");
        }
    }
}
