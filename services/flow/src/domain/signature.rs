//! Whether a webhook comes from who knows the trigger's secret.
//!
//! **Invariant:** signatures are compared in constant time, and whoever is refused does not learn why.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use contracts::trigger::WebhookSignature;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far a signed time may be off, seconds.
const WINDOW: i64 = 5 * 60;
const MAX_ID: usize = 200;
/// Signatures of one request that are looked at.
const MAX_SIGNATURES: usize = 10;
/// What the secrets of Standard Webhooks begin with.
const PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;

/// Nobody is told more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotSigned;

/// A secret that was never given before, in the form that Standard Webhooks ask for.
pub(crate) fn new_secret() -> Result<SecretString, getrandom::Error> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{PREFIX}{}", STANDARD.encode(bytes)).into())
}

/// What the delivery is known by, when one of the secrets has signed it.
pub(crate) fn check(
    kind: WebhookSignature,
    secrets: &[SecretString],
    headers: &BTreeMap<String, String>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<String, NotSigned> {
    match kind {
        WebhookSignature::Standard => standard(secrets, headers, body, now),
        WebhookSignature::Github => github(secrets, headers, body),
    }
}

/// <https://www.standardwebhooks.com>: `v1` of `id.timestamp.body`.
fn standard(
    secrets: &[SecretString],
    headers: &BTreeMap<String, String>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<String, NotSigned> {
    let header = |name: &str| headers.get(name).map(String::as_str).ok_or(NotSigned);
    let (id, time) = (header("webhook-id")?, header("webhook-timestamp")?);
    // A dot in the id could be read as the one before the time.
    if !is_id(id) || id.contains('.') {
        return Err(NotSigned);
    }
    let signed_at: i64 = time.parse().map_err(|_| NotSigned)?;
    // One spelling, so that what was signed is what was read.
    if signed_at.to_string() != time || (now.timestamp() - signed_at).abs() > WINDOW {
        return Err(NotSigned);
    }
    let given = header("webhook-signature")?
        .split(' ')
        .filter_map(|part| STANDARD.decode(part.strip_prefix("v1,")?).ok())
        .take(MAX_SIGNATURES)
        .collect::<Vec<_>>();
    let keys = secrets.iter().filter_map(|secret| {
        let text = secret.expose_secret().strip_prefix(PREFIX)?;
        STANDARD.decode(text).ok()
    });
    let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    let mut macs = keys.filter_map(|key| mac(&key, &parts));
    if macs.any(|mac| given.iter().any(|it| mac.clone().verify_slice(it).is_ok())) {
        return Ok(id.to_owned());
    }
    Err(NotSigned)
}

/// `sha256=` and the hexadecimal HMAC of the body. A delivery without an id is known by its signature.
fn github(
    secrets: &[SecretString],
    headers: &BTreeMap<String, String>,
    body: &[u8],
) -> Result<String, NotSigned> {
    let header = headers.get("x-hub-signature-256").ok_or(NotSigned)?;
    let text = header.strip_prefix("sha256=").ok_or(NotSigned)?;
    let given = unhex(text).ok_or(NotSigned)?;
    let keys = secrets.iter().map(|it| it.expose_secret().as_bytes());
    let mut macs = keys.filter_map(|key| mac(key, &[body]));
    if !macs.any(|mac| mac.verify_slice(&given).is_ok()) {
        return Err(NotSigned);
    }
    match headers.get("x-github-delivery") {
        Some(id) if is_id(id) => Ok(id.clone()),
        Some(_) => Err(NotSigned),
        None => Ok(text.to_ascii_lowercase()),
    }
}

fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn signed(id: &str, time: &str, signature: &str) -> BTreeMap<String, String> {
        headers(&[
            ("webhook-id", id),
            ("webhook-timestamp", time),
            ("webhook-signature", signature),
        ])
    }

    fn ask(secrets: &[&str], headers: &BTreeMap<String, String>, body: &[u8], now: i64) -> bool {
        let secrets: Vec<SecretString> = secrets.iter().map(|it| (*it).into()).collect();
        let now = DateTime::from_timestamp(now, 0).unwrap();
        check(WebhookSignature::Standard, &secrets, headers, body, now).is_ok()
    }

    #[test]
    fn the_example_of_the_specification_is_signed() {
        let time = TIME.to_string();
        let headers = signed(ID, &time, SIGNATURE);
        assert!(ask(&[SECRET], &headers, BODY, TIME));
        let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        assert!(ask(&[other, SECRET], &headers, BODY, TIME), "two secrets");
        assert!(!ask(&[other], &headers, BODY, TIME));
        assert!(!ask(&[], &headers, BODY, TIME));
        let both = signed(ID, &time, &format!("v1,AAAA {SIGNATURE}"));
        assert!(ask(&[SECRET], &both, BODY, TIME));
    }

    #[test]
    fn nothing_may_be_changed() {
        let time = TIME.to_string();
        let good = signed(ID, &time, SIGNATURE);
        assert!(!ask(&[SECRET], &good, br#"{"test": 2432232315}"#, TIME));
        for bad in [
            signed("msg_other", &time, SIGNATURE),
            signed(ID, &(TIME + 1).to_string(), SIGNATURE),
            signed(ID, &format!("0{time}"), SIGNATURE),
            signed(ID, &format!("+{time}"), SIGNATURE),
            signed(ID, "", SIGNATURE),
            signed("", &time, SIGNATURE),
            signed(&"x".repeat(300), &time, SIGNATURE),
            signed(ID, &time, ""),
            signed(ID, &time, "v1,"),
            signed(ID, &time, &SIGNATURE.replace("v1", "v1a")),
            signed(ID, &time, &SIGNATURE.replace("v1,", "")),
            headers(&[("webhook-id", ID), ("webhook-signature", SIGNATURE)]),
            BTreeMap::new(),
        ] {
            assert!(!ask(&[SECRET], &bad, BODY, TIME), "{bad:?}");
        }
    }

    /// `a.1` and the body `2.x` sign the same bytes as `a` and the body `1.2.x` would.
    #[test]
    fn a_dot_in_the_id_is_refused() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let time = TIME.to_string();
        let sign = |parts: &[&[u8]]| {
            let bytes = mac(&key, parts).unwrap().finalize().into_bytes();
            format!("v1,{}", STANDARD.encode(bytes))
        };
        let signature = sign(&[b"a.b.", time.as_bytes(), b".x"]);
        assert!(!ask(
            &[SECRET],
            &signed("a.b", &time, &signature),
            b"x",
            TIME
        ));
        let signature = sign(&[b"a.", time.as_bytes(), b".x"]);
        assert!(ask(&[SECRET], &signed("a", &time, &signature), b"x", TIME));
    }

    #[test]
    fn old_and_future_requests_are_refused() {
        let headers = signed(ID, &TIME.to_string(), SIGNATURE);
        for (off, fits) in [(-301, false), (-300, true), (300, true), (301, false)] {
            assert_eq!(ask(&[SECRET], &headers, BODY, TIME + off), fits, "{off}");
        }
    }

    /// The example of GitHub's documentation.
    #[test]
    fn github_signs_the_body() {
        let secrets = [SecretString::from("It's a Secret to Everybody")];
        let ask = |pairs: &[(&str, &str)], body: &[u8]| {
            let now = DateTime::UNIX_EPOCH;
            check(
                WebhookSignature::Github,
                &secrets,
                &headers(pairs),
                body,
                now,
            )
        };
        let hex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let signature = format!("sha256={hex}");
        let signed = ("x-hub-signature-256", signature.as_str());
        assert_eq!(ask(&[signed], b"Hello, World!"), Ok(hex.to_owned()));
        let delivery = ("x-github-delivery", "72d3162e-cc78");
        let known = ask(&[signed, delivery], b"Hello, World!");
        assert_eq!(known, Ok("72d3162e-cc78".to_owned()));
        assert_eq!(ask(&[signed], b"Hello, World"), Err(NotSigned));
        for other in [
            hex,
            "sha256=",
            "sha1=757107ea0eb2509fc211221cce984b8a37570b6d",
        ] {
            let pair = ("x-hub-signature-256", other);
            assert_eq!(ask(&[pair], b"Hello, World!"), Err(NotSigned), "{other}");
        }
        assert_eq!(ask(&[], b"Hello, World!"), Err(NotSigned));
    }

    #[test]
    fn secrets_are_new_and_of_the_form() {
        let (a, b) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(a.expose_secret(), b.expose_secret());
        let digits = a.expose_secret().strip_prefix(PREFIX).unwrap();
        assert_eq!(STANDARD.decode(digits).unwrap().len(), 32);
    }
}
