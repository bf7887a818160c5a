//! Signatures of requests to AWS ("Signature Version 4", IAM user guide).
//!
//! **Invariant:** the secret is in no header: only what was computed with it.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const SERVICE: &str = "bedrock";
/// The region where the host names none.
const REGION: &str = "us-east-1";

pub(super) struct Keys<'a> {
    id: &'a str,
    secret: &'a str,
    session: Option<&'a str>,
}

impl<'a> Keys<'a> {
    /// `<access key id>:<secret>` or `<access key id>:<secret>:<session token>`.
    pub(super) fn read(key: &'a str) -> Option<Self> {
        let (id, rest) = key.split_once(':')?;
        let (secret, session) = match rest.split_once(':') {
            Some((secret, session)) => (secret, Some(session)),
            None => (rest, None),
        };
        Some(Self {
            id,
            secret,
            session,
        })
    }
}

pub(super) struct Signed {
    /// What goes with the signature.
    pub(super) headers: Vec<(String, String)>,
    pub(super) authorization: String,
}

pub(super) fn sign(keys: &Keys<'_>, request: &egress::Request, now: DateTime<Utc>) -> Signed {
    let (host, path) = host_and_path(&request.url);
    let region = region(host);
    let at = now.format("%Y%m%dT%H%M%SZ").to_string();
    let day = now.format("%Y%m%d").to_string();
    let mut headers = vec![("x-amz-date".to_owned(), at.clone())];
    if let Some(session) = keys.session {
        headers.push(("x-amz-security-token".to_owned(), session.to_owned()));
    }
    let mut signed = vec![("host", host), ("content-type", "application/json")];
    signed.extend(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    signed.sort_unstable();
    let lines: String = signed
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let names = signed
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(";");
    // Every part of the path is encoded once more than in the URL.
    let path = urlencoding::encode(path).replace("%2F", "/");
    let body = hex(&Sha256::digest(&request.body));
    let canonical = format!("{}\n{path}\n\n{lines}\n{names}\n{body}", request.method);
    let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
    let digest = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}");
    let mut key = mac(format!("AWS4{}", keys.secret).as_bytes(), &day);
    for part in [region, SERVICE, "aws4_request"] {
        key = mac(&key, part);
    }
    let signature = hex(&mac(&key, &text));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    Signed {
        headers,
        authorization,
    }
}

fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    }
}

/// `bedrock-runtime.<region>.amazonaws.com`
fn region(host: &str) -> &str {
    let mut labels = host.split('.');
    let is_bedrock = labels
        .next()
        .is_some_and(|label| label.starts_with("bedrock-runtime"));
    let region = labels.next().filter(|_| is_bedrock);
    region.unwrap_or(REGION)
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Amazon's own client for Python computes for the same request at the same time.
    #[track_caller]
    fn check(key: &str, headers: &str, expect: &str) {
        let url = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-sonnet-4-5-v1%3A0/converse-stream";
        let mut request = egress::Request::new("POST", url);
        request.body = r#"{"a":1}"#.into();
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let signed = sign(&Keys::read(key).unwrap(), &request, now);
        assert_eq!(
            signed.authorization,
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/bedrock/aws4_request, SignedHeaders={headers}, Signature={expect}"
            )
        );
    }

    #[test]
    fn signatures_are_those_of_amazon() {
        let key = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        check(
            key,
            "content-type;host;x-amz-date",
            "5258ca515e4fd010b1e6a31084fe5a8049ab30f435f6a420f0bcb0af36ba0b40",
        );
        check(
            &format!("{key}:TOKEN"),
            "content-type;host;x-amz-date;x-amz-security-token",
            "5cdba8010ba6fd2f7a6a28bd16f94d984b04f106adac872b7924dc926a2fde6a",
        );
    }

    #[test]
    fn the_region_stands_in_the_host() {
        assert_eq!(
            region("bedrock-runtime.eu-west-1.amazonaws.com"),
            "eu-west-1"
        );
        assert_eq!(
            region("bedrock-runtime-fips.us-west-2.amazonaws.com"),
            "us-west-2"
        );
        assert_eq!(region("127.0.0.1:8080"), "us-east-1");
    }
}
