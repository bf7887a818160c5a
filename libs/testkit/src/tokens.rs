//! Callers for tests: principals, signed access tokens, and a runtime that trusts their key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bus::{Bus, Config};
use contracts::{
    Principal, Role,
    id::{TenantId, UserId},
    principal::{Claims, PublicKey},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use kernel::{Runtime, Verifier};

/// The secret key of RFC 8032, section 7.1, test 1: known to everyone, so good for tests alone.
const SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
const PUBLIC: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];
/// What stands before a raw Ed25519 seed in PKCS #8 (RFC 8410).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const KEY_ID: &str = "test";

/// A connection to a test's own NATS server, with streams and buckets in place.
pub async fn bus(url: &str) -> Bus {
    let bus = Bus::connect(&Config::open(url))
        .await
        .expect("a connection to the test's own NATS");
    bus::topology::ensure(&bus, 2)
        .await
        .expect("streams and buckets");
    bus
}

/// A new user in a tenant.
pub fn principal(tenant: TenantId, role: Role) -> Principal {
    Principal {
        user_id: UserId::generate(),
        tenant,
        role,
        session_id: None,
        execution_id: None,
    }
}

/// An access token that [`runtime`] accepts for ten minutes.
pub fn token(principal: &Principal) -> String {
    token_of_age(principal, Duration::ZERO)
}

/// An access token issued that long ago.
pub fn token_of_age(principal: &Principal, age: Duration) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970")
        - age;
    let claims = Claims {
        iss: Claims::ISSUER.into(),
        aud: Claims::AUDIENCE.into(),
        sub: principal.user_id,
        tid: principal.tenant,
        role: principal.role,
        sid: principal.session_id,
        exec: principal.execution_id,
        iat: now.as_secs(),
        nbf: now.as_secs(),
        exp: now.as_secs() + 600,
        jti: UserId::generate().to_string(),
        iat_ms: u64::try_from(now.as_millis()).expect("milliseconds fit"),
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(Claims::TYPE.into());
    header.kid = Some(KEY_ID.into());
    let key = EncodingKey::from_ed_der(&[PKCS8.as_slice(), SEED.as_slice()].concat());
    encode(&header, &claims, &key).expect("claims can be signed")
}

/// A runtime that follows keys and revocations on the bus, where the key of [`token`] has been published.
pub async fn runtime(bus: &Bus) -> Runtime {
    let key = PublicKey {
        kid: KEY_ID.into(),
        x: URL_SAFE_NO_PAD.encode(PUBLIC),
    };
    let jwks = bus.kv(bus::Bucket::Jwks).await.expect("the bucket of keys");
    jwks.put(
        KEY_ID,
        serde_json::to_vec(&key).expect("a key is JSON").into(),
    )
    .await
    .expect("the key is published");
    Runtime::new(bus.clone(), Verifier::follow(bus))
}
