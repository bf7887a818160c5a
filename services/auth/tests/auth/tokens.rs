//! Tokens that look like access tokens and are none.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bus::{Bucket, Call};
use contracts::{
    ErrorCode, Service,
    auth::{GetMe, Session},
    principal::{Claims, PublicKey},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use nkeys::{KeyPair, KeyPairType};
use serde_json::{Value, json};

use crate::{Platform, code, connect};

/// What stands before a raw Ed25519 seed in PKCS #8 (RFC 8410).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A key pair of the test's own.
pub(crate) struct Forge {
    kid: String,
    key: EncodingKey,
    public: [u8; 32],
}

impl Forge {
    pub(crate) fn new(seed: u8) -> Self {
        let pair = KeyPair::new_from_raw(KeyPairType::User, [seed; 32]).unwrap();
        let (_, public) = nkeys::from_public_key(&pair.public_key()).unwrap();
        let key = EncodingKey::from_ed_der(&[PKCS8.as_slice(), [seed; 32].as_slice()].concat());
        Self {
            kid: format!("forge-{seed}"),
            key,
            public,
        }
    }

    /// Makes the key one that everybody trusts.
    pub(crate) async fn publish(&self, platform: &Platform) {
        let jwks = connect(&platform.nats, Service::Auth)
            .await
            .kv(Bucket::Jwks)
            .await
            .unwrap();
        let key = PublicKey {
            kid: self.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(self.public),
        };
        jwks.put(&self.kid, serde_json::to_vec(&key).unwrap().into())
            .await
            .unwrap();
    }

    fn header(&self) -> Header {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(Claims::TYPE.into());
        header.kid = Some(self.kid.clone());
        header
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }

    fn sign_with(&self, claims: &Value, change: impl FnOnce(&mut Header)) -> String {
        let mut header = self.header();
        change(&mut header);
        encode(&header, claims, &self.key).unwrap()
    }
}

/// Claims as auth would make them now.
pub(crate) fn claims(session: &Session) -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({
        "iss": "troupe", "aud": "troupe", "sub": session.user.id, "tid": session.organization.id, "role": "owner",
        "iat": now, "nbf": now, "exp": now + 600, "jti": "j", "iat_ms": now * 1000,
    })
}

fn with(claims: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[field] = value.into();
    claims
}

fn without(claims: &Value, field: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(field).unwrap();
    claims
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// Tokens whose form or signature is wrong.
fn wrong_signatures(forge: &Forge, good: &Value) -> Vec<(&'static str, String)> {
    let token = forge.sign(good);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let other_body = URL_SAFE_NO_PAD.encode(with(good, "role", "viewer").to_string());
    let zeros = URL_SAFE_NO_PAD.encode([0u8; 64]);
    vec![
        ("empty", String::new()),
        ("no dots", "abc".into()),
        ("two parts", signed.into()),
        ("four parts", format!("{token}.x")),
        ("no signature", format!("{signed}.")),
        ("cut signature", format!("{signed}.{}", &signature[..80])),
        ("zero signature", format!("{signed}.{zeros}")),
        ("other body", format!("{head}.{other_body}.{signature}")),
        ("spaces", format!(" {token} ")),
        ("not base64", token.replace('.', ".*")),
        ("long", "a".repeat(100_000)),
    ]
}

/// Tokens with another algorithm.
fn wrong_algorithms(forge: &Forge, good: &Value) -> Vec<(&'static str, String)> {
    let token = forge.sign(good);
    let (_, signature) = token.rsplit_once('.').unwrap();
    let header = |alg: &str| json!({ "alg": alg, "typ": "at+jwt", "kid": forge.kid });
    let hmac = |secret: &[u8]| {
        let mut header = forge.header();
        header.alg = Algorithm::HS256;
        encode(&header, good, &EncodingKey::from_secret(secret)).unwrap()
    };
    let key_text = URL_SAFE_NO_PAD.encode(forge.public);
    let no_alg = json!({ "typ": "at+jwt", "kid": forge.kid });
    vec![
        ("none", unsigned(&header("none"), good, "")),
        ("None", unsigned(&header("None"), good, "")),
        ("nOnE, signed", unsigned(&header("nOnE"), good, signature)),
        ("HS256 by the public key", hmac(&forge.public)),
        ("HS256 by the key's text", hmac(key_text.as_bytes())),
        ("HS256, signed", unsigned(&header("HS256"), good, signature)),
        ("RS256, signed", unsigned(&header("RS256"), good, signature)),
        ("no algorithm", unsigned(&no_alg, good, signature)),
    ]
}

/// Well-signed tokens of another type or key.
fn wrong_headers(forge: &Forge, good: &Value) -> Vec<(&'static str, String)> {
    let stranger = Forge::new(200);
    let kid = |kid: &str| forge.sign_with(good, |header| header.kid = Some(kid.into()));
    let typ = |typ: Option<&str>| forge.sign_with(good, |header| header.typ = typ.map(Into::into));
    let jku = |header: &mut Header| header.jku = Some("https://evil.example".into());
    let known = |header: &mut Header| header.kid = Some(forge.kid.clone());
    vec![
        ("typ JWT", typ(Some("JWT"))),
        ("typ of a refresh token", typ(Some("rt+jwt"))),
        ("typ missing", typ(None)),
        (
            "kid missing",
            forge.sign_with(good, |header| header.kid = None),
        ),
        ("kid unknown", kid("unknown")),
        ("kid a path", kid("../../dev/null")),
        ("kid a wildcard", kid(">")),
        ("kid SQL", kid("' UNION SELECT 'x")),
        ("kid a URL", kid("https://evil.example/jwks")),
        ("a stranger's key", stranger.sign(good)),
        (
            "a stranger's key, known kid",
            stranger.sign_with(good, known),
        ),
        ("a stranger's key, jku", stranger.sign_with(good, jku)),
    ]
}

/// Well-signed tokens whose claims are wrong.
fn wrong_claims(good: &Value) -> Vec<(&'static str, Value)> {
    let now = good["iat"].as_i64().unwrap();
    vec![
        ("expired", with(good, "exp", now - 1)),
        ("exp a text", with(good, "exp", (now + 600).to_string())),
        ("exp a float text", with(good, "exp", "1e99")),
        ("exp missing", without(good, "exp")),
        ("exp null", with(good, "exp", Value::Null)),
        ("nbf in the future", with(good, "nbf", now + 120)),
        ("nbf a text", with(good, "nbf", "0")),
        ("nbf missing", without(good, "nbf")),
        ("other iss", with(good, "iss", "evil")),
        ("iss missing", without(good, "iss")),
        ("other aud", with(good, "aud", "other")),
        ("aud missing", without(good, "aud")),
        ("sub missing", without(good, "sub")),
        ("sub no id", with(good, "sub", "admin")),
        ("tid missing", without(good, "tid")),
        ("tid no id", with(good, "tid", "*")),
        ("unknown role", with(good, "role", "root")),
        ("role missing", without(good, "role")),
        ("an unknown claim", with(good, "admin", true)),
        ("iat missing", without(good, "iat")),
    ]
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let (forge, good) = (Forge::new(7), claims(&session));
    forge.publish(&platform).await;
    platform
        .verifier
        .verify(&forge.sign(&good))
        .await
        .expect("the table's base is good");
    let mut tokens = wrong_signatures(&forge, &good);
    tokens.extend(wrong_algorithms(&forge, &good));
    tokens.extend(wrong_headers(&forge, &good));
    tokens.extend(
        wrong_claims(&good)
            .into_iter()
            .map(|(why, claims)| (why, forge.sign(&claims))),
    );
    tokens.push(("a refresh token", session.refresh_token.clone()));
    assert!(tokens.len() > 50);
    for (why, token) in &tokens {
        assert_eq!(
            code(platform.verifier.verify(token).await),
            ErrorCode::Unauthenticated,
            "{why}"
        );
        if !token.contains(char::is_whitespace) {
            let answer = platform
                .gateway
                .call(session.organization.id, &GetMe {}, Call::with_token(token))
                .await;
            assert_eq!(code(answer), ErrorCode::Unauthenticated, "{why}");
        }
    }
}

#[tokio::test]
async fn a_token_of_one_organization_opens_no_other() {
    let platform = Platform::start().await;
    let (ada, grace) = (
        platform.register("ada").await,
        platform.register("grace").await,
    );
    let call = Call::with_token(&ada.access_token);
    assert_eq!(
        code(
            platform
                .gateway
                .call(grace.organization.id, &GetMe {}, call)
                .await
        ),
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn a_key_that_was_removed_signs_nothing_any_more() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let (forge, good) = (Forge::new(7), claims(&session));
    forge.publish(&platform).await;
    let token = forge.sign(&good);
    platform.verifier.verify(&token).await.expect("good");
    let jwks = connect(&platform.nats, Service::Auth)
        .await
        .kv(Bucket::Jwks)
        .await
        .unwrap();
    jwks.delete(&forge.kid).await.unwrap();
    testkit::eventually(std::time::Duration::from_secs(5), async || {
        platform.verifier.verify(&token).await.err()
    })
    .await;
}
