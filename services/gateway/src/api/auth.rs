//! `/auth`: signing up, in and out.
//!
//! **Invariant:** a web app never sees its refresh token: it lives in a cookie that only this origin's requests carry
//! and no script can read. Cookies count only with `X-Troupe-Client: web`, which no other site's page can send.

use contracts::{
    ErrorCode, Problem, Role,
    auth::{Login, Logout, MakeTicket, Refresh, Register, Session, Ticket, User},
    tenant::Organization,
};
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::Tag;
use crate::{
    caller::{Bearer, Visitor},
    payload::{Json, MaybeJson},
    problem::Refusal,
};

/// The `__Host-` prefix makes browsers insist on `Secure`, on `Path=/` and on no `Domain` (RFC 6265bis).
pub(crate) const COOKIE: &str = "__Host-troupe_refresh";
/// The longest a refresh token can live.
const COOKIE_SECONDS: u32 = 30 * 24 * 3600;

pub(crate) struct Api;

/// A signed-in user in one organization.
#[derive(Serialize, Object)]
struct SignedIn {
    user: User,
    organization: Organization,
    role: Role,
    /// For `Authorization: Bearer`, or as the password of a NATS connection.
    access_token: String,
    /// Good for one refresh. Absent where the client is the web app: it has a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    refresh_token: Option<String>,
    /// Seconds until the access token expires.
    expires_in: u64,
}

#[derive(Default, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct RefreshBody {
    /// Left out by the web app, whose cookie holds it.
    #[serde(default)]
    refresh_token: Option<String>,
}

#[derive(ApiResponse)]
enum Registered {
    /// The user and their organization exist.
    #[oai(status = 201)]
    Created(
        Json<SignedIn>,
        /// The refresh token, for the web app.
        #[oai(header = "Set-Cookie")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Session200 {
    #[oai(status = 200)]
    Ok(
        Json<SignedIn>,
        /// The refresh token, for the web app.
        #[oai(header = "Set-Cookie")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum SignedOut {
    #[oai(status = 204)]
    Done(#[oai(header = "Set-Cookie")] Option<String>),
}

#[derive(ApiResponse)]
enum Ticketed {
    #[oai(status = 201)]
    Created(Json<Ticket>),
}

#[OpenApi(prefix_path = "/auth", tag = "Tag::Auth")]
impl Api {
    /// Create a user with an organization of their own
    #[oai(path = "/register", method = "post", operation_id = "auth.register")]
    async fn register(&self, visitor: Visitor, body: Json<Register>) -> poem::Result<Registered> {
        let (session, cookie) = split(visitor.ask(&body.0).await?, &visitor)?;
        Ok(Registered::Created(Json(session), cookie))
    }

    /// Sign in
    #[oai(path = "/login", method = "post", operation_id = "auth.login")]
    async fn login(&self, visitor: Visitor, body: Json<Login>) -> poem::Result<Session200> {
        let (session, cookie) = split(visitor.ask(&body.0).await?, &visitor)?;
        Ok(Session200::Ok(Json(session), cookie))
    }

    /// Trade a refresh token for a new pair
    ///
    /// A refresh token used twice ends the session.
    #[oai(path = "/refresh", method = "post", operation_id = "auth.refresh")]
    async fn refresh(
        &self,
        visitor: Visitor,
        body: MaybeJson<RefreshBody>,
    ) -> poem::Result<Session200> {
        let refresh_token = refresh_token(&visitor, body.0)?;
        let (session, cookie) = split(visitor.ask(&Refresh { refresh_token }).await?, &visitor)?;
        Ok(Session200::Ok(Json(session), cookie))
    }

    /// Sign out
    #[oai(path = "/logout", method = "post", operation_id = "auth.logout")]
    async fn logout(
        &self,
        visitor: Visitor,
        body: MaybeJson<RefreshBody>,
    ) -> poem::Result<SignedOut> {
        let refresh_token = refresh_token(&visitor, body.0)?;
        visitor.ask(&Logout { refresh_token }).await?;
        let expired = visitor
            .is_web_app
            .then(|| format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"));
        Ok(SignedOut::Done(expired))
    }

    /// A ticket for one WebSocket
    ///
    /// Good for one `GET /ws?ticket=` within 30 seconds: browsers cannot send the access token there, and a token must
    /// not stand in a URL. The socket ends with the access token.
    #[oai(path = "/ws-ticket", method = "post", operation_id = "auth.ws_ticket")]
    async fn ws_ticket(&self, caller: Bearer) -> poem::Result<Ticketed> {
        Ok(Ticketed::Created(Json(caller.ask(&MakeTicket {}).await?)))
    }
}

/// The token goes into the body or into the cookie, never into both.
fn split(session: Session, visitor: &Visitor) -> Result<(SignedIn, Option<String>), Refusal> {
    let Session {
        user,
        organization,
        role,
        access_token,
        refresh_token,
        expires_in,
    } = session;
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, ';' | ',' | '"' | '\\');
    if !refresh_token.chars().all(plain) {
        return Err(Refusal(Problem::new(
            ErrorCode::Internal,
            "the session cannot be written",
        )));
    }
    let cookie = visitor.is_web_app.then(|| {
        format!(
            "{COOKIE}={refresh_token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={COOKIE_SECONDS}"
        )
    });
    let signed_in = SignedIn {
        user,
        organization,
        role,
        access_token,
        refresh_token: (!visitor.is_web_app).then_some(refresh_token),
        expires_in,
    };
    Ok((signed_in, cookie))
}

fn refresh_token(visitor: &Visitor, body: RefreshBody) -> Result<String, Refusal> {
    if visitor.is_web_app {
        let missing = || Problem::new(ErrorCode::Unauthenticated, "there is no session");
        return visitor
            .cookie
            .clone()
            .ok_or_else(|| Refusal(missing().with_reason("no_session")));
    }
    body.refresh_token
        .ok_or_else(|| Refusal(Problem::malformed("`refresh_token` is missing")))
}
