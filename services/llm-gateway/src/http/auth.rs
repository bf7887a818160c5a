//! Who asks over HTTP: an access token as OpenAI's and Anthropic's clients send their keys.

use contracts::{ErrorCode, Permission, Principal, Problem};
use kernel::Verifier;
use poem::Request;

use super::failure::Failure;

/// The principal of the token, if they may put questions. Whom the listener has checked already is in the request.
pub(super) async fn admit(verifier: &Verifier, request: &Request) -> Result<Principal, Failure> {
    let principal = match request.data::<Principal>() {
        Some(principal) => principal.clone(),
        None => verifier.verify(token(request)?).await?,
    };
    if !principal.allows(Permission::LlmComplete) {
        let needs = Permission::LlmComplete.as_str();
        let role = principal.role.as_str();
        return Err(Problem::new(
            ErrorCode::Forbidden,
            format!("this needs `{needs}`, which `{role}` has not"),
        )
        .into());
    }
    Ok(principal)
}

fn token(request: &Request) -> Result<&str, Problem> {
    let bearer = request.header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    bearer
        .or_else(|| request.header("x-api-key"))
        .filter(|token| !token.is_empty())
        .ok_or_else(|| {
            Problem::new(
                ErrorCode::Unauthenticated,
                "an access token is needed: `Authorization: Bearer <token>`",
            )
        })
}
