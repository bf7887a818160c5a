//! The NATS auth callout: what the server asks and how it is answered (NATS ADR-26, JWT claims version 2).
//!
//! **Invariant:** an answer names the connection's own key and the server that asked, so it serves no other connection.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::{Principal, principal::Claims, subject::integrator_grants};
use nkeys::{KeyPair, KeyPairType};
use serde::{Deserialize, Serialize};

use super::connections::Connection;

/// The `typ` and `alg` of every NATS JWT.
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;
/// To whom a server addresses its question.
const QUESTION_AUDIENCE: &str = "nats-authorization-request";
/// Subscriptions that one integrator's connection may have.
const SUBSCRIPTIONS: i64 = 1000;
/// How long a tool or a node of an integrator may take to answer: 15 minutes in nanoseconds, as any request.
const ANSWER_TIME: u64 = 15 * 60 * 1_000_000_000;
const UNLIMITED: i64 = -1;

/// Why a question cannot even be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is no JWT of a NATS server")]
    Form,
    #[error("its signature does not fit")]
    Signature,
}

/// What a server asks: who is this client?
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The connection; the answer is addressed to its server.
    pub(crate) connection: Connection,
    /// The key that the server made for this connection.
    pub(crate) user_key: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("connection", &self.connection)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Asked {
    iss: String,
    aud: String,
    nats: AskedNats,
}

#[derive(Deserialize)]
struct AskedNats {
    #[serde(rename = "type")]
    kind: String,
    server_id: ServerId,
    user_nkey: String,
    #[serde(default)]
    client_info: ClientInfo,
    #[serde(default)]
    connect_opts: ConnectOptions,
}

#[derive(Deserialize)]
struct ServerId {
    id: String,
}

#[derive(Default, Deserialize)]
struct ClientInfo {
    #[serde(default)]
    id: u64,
}

#[derive(Default, Deserialize)]
struct ConnectOptions {
    user: Option<String>,
    pass: Option<String>,
    auth_token: Option<String>,
}

impl Question {
    /// Reads and verifies what a server sent.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let (signed, signature) = text.rsplit_once('.').ok_or(Unreadable::Form)?;
        let (_, body) = signed.split_once('.').ok_or(Unreadable::Form)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| Unreadable::Form)?;
        let asked: Asked = serde_json::from_slice(&body).map_err(|_| Unreadable::Form)?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| Unreadable::Form)?;
        let key = KeyPair::from_public_key(&asked.iss).map_err(|_| Unreadable::Form)?;
        let fits = key.key_pair_type() == KeyPairType::Server
            && asked.iss == asked.nats.server_id.id
            && asked.aud == QUESTION_AUDIENCE
            && asked.nats.kind == "authorization_request";
        if !fits {
            return Err(Unreadable::Form);
        }
        key.verify(signed.as_bytes(), &signature)
            .map_err(|_| Unreadable::Signature)?;
        let AskedNats {
            user_nkey,
            client_info,
            connect_opts,
            ..
        } = asked.nats;
        Ok(Self {
            connection: Connection {
                server: asked.iss,
                number: client_info.id,
            },
            user_key: user_nkey,
            user: connect_opts.user,
            password: connect_opts.pass.or(connect_opts.auth_token),
        })
    }

    /// Whether the named user is who the token says; who names none is whoever the token says.
    pub(crate) fn names(&self, principal: &Principal) -> bool {
        match self.user.as_deref() {
            None | Some("") => true,
            Some(user) => user == principal.user_id.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    aud: &'a str,
    iss: String,
    sub: &'a str,
    iat: i64,
    jti: &'a str,
    nats: AnswerNats<'a>,
}

#[derive(Serialize)]
struct AnswerNats<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct UserClaims<'a> {
    aud: &'a str,
    iss: String,
    sub: &'a str,
    iat: i64,
    exp: u64,
    jti: &'a str,
    name: String,
    nats: UserNats,
}

#[derive(Serialize)]
struct UserNats {
    #[serde(rename = "type")]
    kind: &'static str,
    version: u8,
    #[serde(rename = "pub")]
    publish: Allow,
    sub: Allow,
    /// Answers go to the inboxes of whoever asked a tool or a node.
    resp: Responses,
    subs: i64,
    data: i64,
    payload: i64,
    allowed_connection_types: [&'static str; 1],
}

/// How many answers to one question, and for how long.
#[derive(Serialize)]
struct Responses {
    max: u8,
    /// Nanoseconds.
    ttl: u64,
}

#[derive(Serialize)]
struct Allow {
    allow: Vec<String>,
}

/// The account, the key and the moment of an answer.
pub(crate) struct Signer<'a> {
    pub(crate) issuer: &'a KeyPair,
    pub(crate) account: &'a str,
    /// Unix seconds.
    pub(crate) now: i64,
    /// Names the two JWTs of the answer.
    pub(crate) jti: &'a str,
}

impl Signer<'_> {
    /// Lets the holder of an access token in, with the subjects of an integrator, until the token expires.
    pub(crate) fn let_in(
        &self,
        question: &Question,
        claims: &Claims,
    ) -> Result<String, nkeys::error::Error> {
        let grants = integrator_grants(claims.tid, claims.sub, claims.role);
        let user = UserClaims {
            aud: self.account,
            iss: self.issuer.public_key(),
            sub: &question.user_key,
            iat: self.now,
            exp: claims.exp,
            jti: self.jti,
            name: claims.sub.to_string(),
            nats: UserNats {
                kind: "user",
                version: 2,
                publish: Allow {
                    allow: grants.publish,
                },
                sub: Allow {
                    allow: grants.subscribe,
                },
                resp: Responses {
                    max: 1,
                    ttl: ANSWER_TIME,
                },
                subs: SUBSCRIPTIONS,
                data: UNLIMITED,
                payload: UNLIMITED,
                allowed_connection_types: ["STANDARD"],
            },
        };
        let user = self.sign(&user)?;
        self.answer(question, Some(user), None)
    }

    /// Keeps the client out. The server logs the reason and does not tell it to the client.
    pub(crate) fn keep_out(
        &self,
        question: &Question,
        reason: &str,
    ) -> Result<String, nkeys::error::Error> {
        self.answer(question, None, Some(reason))
    }

    fn answer(
        &self,
        question: &Question,
        jwt: Option<String>,
        error: Option<&str>,
    ) -> Result<String, nkeys::error::Error> {
        self.sign(&Answer {
            aud: &question.connection.server,
            iss: self.issuer.public_key(),
            sub: &question.user_key,
            iat: self.now,
            jti: self.jti,
            nats: AnswerNats {
                kind: "authorization_response",
                version: 2,
                jwt,
                error,
            },
        })
    }

    fn sign<T: Serialize>(&self, claims: &T) -> Result<String, nkeys::error::Error> {
        let body = serde_json::to_vec(claims).expect("claims are texts and numbers");
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(HEADER),
            URL_SAFE_NO_PAD.encode(body)
        );
        let signature = self.issuer.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn question_of(server: &KeyPair, change: impl FnOnce(&mut Value)) -> String {
        let mut body = json!({
            "iss": server.public_key(), "aud": QUESTION_AUDIENCE, "sub": "x", "iat": 1,
            "nats": { "type": "authorization_request", "version": 2, "server_id": { "id": server.public_key(), "name": "s" },
                "user_nkey": "UABC", "client_info": { "id": 7 }, "connect_opts": { "user": "u", "pass": "p", "protocol": 1 } },
        });
        change(&mut body);
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(HEADER),
            URL_SAFE_NO_PAD.encode(body.to_string())
        );
        let signature = server.sign(signed.as_bytes()).expect("a server key signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn a_server_s_question_is_read() {
        let server = KeyPair::new_server();
        let question = Question::parse(&question_of(&server, |_| {})).expect("readable");
        assert_eq!(question.connection.server, server.public_key());
        assert_eq!(
            (question.connection.number, question.user_key.as_str()),
            (7, "UABC")
        );
        assert_eq!(
            (question.user.as_deref(), question.password.as_deref()),
            (Some("u"), Some("p"))
        );
        assert!(
            !format!("{question:?}").contains("\"p\""),
            "a password was printed"
        );
    }

    #[test]
    fn forged_questions_are_refused() {
        let server = KeyPair::new_server();
        let good = question_of(&server, |_| {});
        let other = KeyPair::new_server().public_key();
        for text in [
            String::new(),
            "a.b".into(),
            "a.b.c".into(),
            good.replace('.', ""),
            format!(
                "{}.{}",
                good.rsplit_once('.').expect("three parts").0,
                URL_SAFE_NO_PAD.encode([0; 64])
            ),
            question_of(&server, |body| body["iss"] = other.clone().into()),
            question_of(&server, |body| {
                body["nats"]["server_id"]["id"] = other.into()
            }),
            question_of(&server, |body| body["aud"] = "troupe".into()),
            question_of(&server, |body| body["nats"]["type"] = "user".into()),
            question_of(&KeyPair::new_user(), |_| {}),
        ] {
            assert!(Question::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_named_user_must_be_the_token_s() {
        let principal = Principal {
            user_id: contracts::id::UserId::EXAMPLE,
            tenant: contracts::id::TenantId::EXAMPLE,
            role: contracts::Role::Viewer,
            session_id: None,
            execution_id: None,
        };
        let mut question =
            Question::parse(&question_of(&KeyPair::new_server(), |_| {})).expect("readable");
        assert!(!question.names(&principal));
        for user in [
            None,
            Some(String::new()),
            Some(principal.user_id.to_string()),
        ] {
            question.user = user;
            assert!(question.names(&principal));
        }
    }
}
