//! Webhooks that come in.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use bus::Call;
use chrono::Utc;
use contracts::{
    Principal, Problem, Role,
    execution::{ExecutionState, StepError, Usage},
    id::TriggerId,
    live::ExecutionEvent,
    payload::{Payload, SENT},
    trigger::{
        DisableTrigger, FireOutcome, NewTrigger, ReceiveWebhook, RotateSecret, Trigger,
        WebhookReceived,
    },
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use testkit::eventually;

use crate::{Fixture, SOON, reason, triggers::spec};

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// A delivery of this id, as Standard Webhooks ask for.
fn standard(trigger: TriggerId, secret: &str, id: &str, body: &str) -> ReceiveWebhook {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let time = Utc::now().timestamp().to_string();
    let signature = hmac(&key, format!("{id}.{time}.{body}").as_bytes());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", time),
        (
            "webhook-signature",
            format!("v1,{}", STANDARD.encode(signature)),
        ),
    ];
    ReceiveWebhook {
        trigger_id: trigger,
        method: "POST".into(),
        query: BTreeMap::from([("source".into(), "shop".into())]),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        body: STANDARD.encode(body),
    }
}

impl Fixture {
    async fn post(
        &self,
        who: &Principal,
        webhook: &ReceiveWebhook,
    ) -> Result<WebhookReceived, Problem> {
        self.bus.call(who.tenant, webhook, Call::anonymous()).await
    }

    async fn webhook(&self, who: &Principal, value: Value) -> (Trigger, String) {
        let (flow, _) = self.published(who).await;
        let made: NewTrigger = self
            .trigger(who, &flow, spec(json!({"webhook": value})))
            .await;
        (made.trigger, made.secret.unwrap())
    }
}

#[tokio::test]
async fn a_signed_request_begins_one_execution() {
    let mut fixture = Fixture::start().await;
    fixture.revive().await;
    let user = fixture.user(Role::Editor).await;
    let (made, secret) = fixture
        .webhook(&user, json!({"headers": ["Webhook-Id"]}))
        .await;
    let path = format!("/hooks/{}/{}", user.tenant, made.id);
    assert_eq!(made.hook_path, Some(path));
    let webhook = standard(made.id, &secret, "msg-1", r#"{"n":1}"#);
    let answers = futures::future::join_all((0..8).map(|_| fixture.post(&user, &webhook))).await;
    let ids: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer.as_ref().unwrap().execution_id)
        .collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    let starts = fixture.started();
    assert!(starts.iter().all(|start| ids.contains(&start.execution_id)));
    let headers = json!({"content-type": "application/json", "webhook-id": "msg-1"});
    assert_eq!(
        starts[0].input,
        json!({"body": {"n": 1}, "headers": headers, "query": {"source": "shop"}, "method": "POST"})
    );
    let next = standard(made.id, &secret, "msg-2", r#"{"n":1}"#);
    let next = fixture.post(&user, &next).await.unwrap();
    assert!(!ids.contains(&next.execution_id));
    let fires = fixture.fires(&user, &made).await;
    let keys: Vec<_> = fires.iter().map(|fire| fire.key.as_str()).collect();
    assert_eq!(keys, ["msg-2", "msg-1"]);
    assert!(fires.iter().all(|it| it.outcome == FireOutcome::Started));
}

#[tokio::test]
async fn whoever_is_not_signed_learns_nothing() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (made, secret) = fixture.webhook(&user, json!({})).await;
    let good = standard(made.id, &secret, "msg-1", "{}");
    let with = |name: &str, value: &str| {
        let mut bad = good.clone();
        bad.headers.insert(name.into(), value.into());
        bad
    };
    let mut changed = good.clone();
    changed.body = STANDARD.encode("{ }");
    let mut bare = good.clone();
    bare.headers.clear();
    let stranger = fixture.user(Role::Editor).await;
    let (theirs, their_secret) = fixture.webhook(&stranger, json!({})).await;
    let (clock, _) = {
        let (flow, _) = fixture.published(&user).await;
        let made = fixture
            .trigger(&user, &flow, crate::triggers::yearly())
            .await;
        (made.trigger, made.secret)
    };
    let old = (Utc::now().timestamp() - 400).to_string();
    let mut texts = BTreeSet::new();
    for bad in [
        with("webhook-id", "msg-2"),
        with("webhook-timestamp", &old),
        with("webhook-signature", "v1,AAAA"),
        changed,
        bare,
        standard(made.id, &their_secret, "msg-1", "{}"),
        standard(theirs.id, &their_secret, "msg-1", "{}"),
        standard(clock.id, &secret, "msg-1", "{}"),
        standard(TriggerId::generate(), &secret, "msg-1", "{}"),
    ] {
        let problem = fixture.post(&user, &bad).await.unwrap_err();
        assert_eq!(reason(&problem), (401, "not_signed"));
        texts.insert(problem.detail);
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(fixture.started().is_empty());
    assert!(fixture.fires(&user, &made).await.is_empty());
    fixture.post(&user, &good).await.unwrap();
}

#[tokio::test]
async fn a_rotated_secret_counts_for_a_while() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (made, first) = fixture.webhook(&user, json!({})).await;
    let rotate = |minutes| RotateSecret {
        flow_id: made.flow_id,
        trigger_id: made.id,
        overlap_minutes: Some(minutes),
    };
    let second = fixture.ask(&user, &rotate(60)).await.unwrap();
    let shown = fixture.look(&user, &made).await;
    assert_eq!(
        shown.previous_secret_until,
        Some(second.previous_secret_until)
    );
    for (id, secret) in [("a", &first), ("b", &second.secret)] {
        let webhook = standard(made.id, secret, id, "{}");
        fixture.post(&user, &webhook).await.unwrap();
    }
    let third = fixture.ask(&user, &rotate(0)).await.unwrap();
    for (id, secret) in [("c", &first), ("d", &second.secret)] {
        let webhook = standard(made.id, secret, id, "{}");
        let problem = fixture.post(&user, &webhook).await.unwrap_err();
        assert_eq!(reason(&problem), (401, "not_signed"), "{id}");
    }
    let webhook = standard(made.id, &third.secret, "e", "{}");
    fixture.post(&user, &webhook).await.unwrap();
    let shown = fixture.look(&user, &made).await;
    assert_eq!(shown.previous_secret_until, None);
}

#[tokio::test]
async fn secrets_are_kept_sealed() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (made, secret) = fixture.webhook(&user, json!({})).await;
    let shown = serde_json::to_string(&fixture.look(&user, &made).await).unwrap();
    assert!(!shown.contains(&secret));
    // Moved to another trigger it does not open.
    let (other, _) = fixture.webhook(&user, json!({})).await;
    let swap = format!(
        "UPDATE flow_trigger_secrets SET sealed = (SELECT sealed FROM flow_trigger_secrets WHERE trigger_id = '{}') WHERE trigger_id = '{}'",
        made.id.uuid(),
        other.id.uuid()
    );
    fixture.sql(user.tenant, &swap).await;
    let webhook = standard(other.id, &secret, "a", "{}");
    let problem = fixture.post(&user, &webhook).await.unwrap_err();
    assert_eq!(problem.status, 500);
    let plain = format!(
        "DO $$ BEGIN IF EXISTS (SELECT FROM flow_trigger_secrets WHERE position('{}'::bytea IN sealed) > 0) THEN RAISE 'plain'; END IF; END $$",
        secret.strip_prefix("whsec_").unwrap()
    );
    fixture.sql(user.tenant, &plain).await;
}

#[tokio::test]
async fn github_signs_in_its_own_way() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (made, secret) = fixture.webhook(&user, json!({"signature": "github"})).await;
    let body = r#"{"zen":"x"}"#;
    let digits: String = hmac(secret.as_bytes(), body.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut webhook = standard(made.id, &secret, "unused", body);
    let problem = fixture.post(&user, &webhook).await.unwrap_err();
    assert_eq!(reason(&problem), (401, "not_signed"));
    webhook.headers.extend([
        ("x-hub-signature-256".into(), format!("sha256={digits}")),
        ("x-github-delivery".into(), "d-1".into()),
    ]);
    let first = fixture.post(&user, &webhook).await.unwrap();
    let again = fixture.post(&user, &webhook).await.unwrap();
    assert_eq!(first.execution_id, again.execution_id);
    assert_eq!(fixture.fires(&user, &made).await[0].key, "d-1");
}

#[tokio::test]
async fn who_waits_gets_the_output() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (made, secret) = fixture
        .webhook(&user, json!({"answer": "output", "wait_ms": 10_000}))
        .await;
    let ends = |event| *fixture.world.ends.lock().unwrap() = Some(event);
    ends(ExecutionEvent::ExecutionSucceeded {
        output: json!({"ok": true}),
        usage: Usage::ZERO,
    });
    let webhook = standard(made.id, &secret, "a", "{}");
    for _ in 0..2 {
        let received = fixture.post(&user, &webhook).await.unwrap();
        assert_eq!(received.state, ExecutionState::Succeeded);
        assert_eq!(received.output, Some(json!({"ok": true})));
    }
    ends(ExecutionEvent::ExecutionFailed {
        error: StepError::new("http_status", "a secret of the flow"),
        usage: Usage::ZERO,
        handled: false,
        output: Value::Null,
        uncompensated: Vec::new(),
    });
    let failing = standard(made.id, &secret, "b", "{}");
    let problem = fixture.post(&user, &failing).await.unwrap_err();
    assert_eq!(reason(&problem), (502, "execution_failed"));
    assert!(!problem.detail.contains("secret"));

    for (bytes, given) in [(2 * SENT / 3, true), (SENT, false)] {
        let large = Payload::of(&json!("x".repeat(bytes))).unwrap();
        ends(ExecutionEvent::ExecutionSucceeded {
            output: large.reference.to_value(),
            usage: Usage::ZERO,
        });
        *fixture.world.payload.lock().unwrap() = large.text;
        let webhook = standard(made.id, &secret, &format!("large-{bytes}"), "{}");
        let answer = fixture.post(&user, &webhook).await;
        match given {
            true => {
                let output = answer.unwrap().output.unwrap();
                assert_eq!(output.as_str().unwrap().len(), bytes);
            }
            false => {
                let problem = answer.unwrap_err();
                assert_eq!(reason(&problem), (502, "output_too_large"));
            }
        }
    }

    *fixture.world.ends.lock().unwrap() = None;
    let (slow, secret) = fixture
        .webhook(&user, json!({"answer": "output", "wait_ms": 100}))
        .await;
    let webhook = standard(slow.id, &secret, "c", "{}");
    let received = fixture.post(&user, &webhook).await.unwrap();
    assert_eq!(received.state, ExecutionState::Running);
    assert_eq!(received.output, None);
}

#[tokio::test]
async fn a_delivery_that_was_taken_is_begun_whatever_happens() {
    let mut fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (made, secret) = fixture.webhook(&user, json!({})).await;
    *fixture.world.refusals.lock().unwrap() = 1;
    let webhook = standard(made.id, &secret, "a", "{}");
    let received = fixture.post(&user, &webhook).await.unwrap();
    assert_eq!(received.state, ExecutionState::Queued);
    assert!(fixture.started().is_empty());
    // Whoever took it is gone; another makes up for it.
    fixture.running.clear();
    fixture.revive().await;
    let patience = SOON * 3;
    eventually(patience, async || {
        let starts = fixture.started();
        let start = starts.first()?;
        (start.execution_id == received.execution_id).then_some(())
    })
    .await;
    eventually(SOON, async || {
        let fires = fixture.fires(&user, &made).await;
        (fires[0].outcome == FireOutcome::Started).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_executed_is_refused() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (made, secret) = fixture.webhook(&user, json!({})).await;
    let broken = standard(made.id, &secret, "a", "{");
    let problem = fixture.post(&user, &broken).await.unwrap_err();
    assert_eq!(reason(&problem), (422, "body_invalid"));
    let flow = fixture.flow(&user).await;
    let unpublished = fixture
        .trigger(&user, &flow, spec(json!({"webhook": {}})))
        .await;
    let webhook = standard(
        unpublished.trigger.id,
        unpublished.secret.as_ref().unwrap(),
        "a",
        "{}",
    );
    for _ in 0..2 {
        let problem = fixture.post(&user, &webhook).await.unwrap_err();
        assert_eq!(reason(&problem), (422, "not_published"));
    }
    let disable = DisableTrigger {
        flow_id: made.flow_id,
        trigger_id: made.id,
    };
    fixture.ask(&user, &disable).await.unwrap();
    let webhook = standard(made.id, &secret, "b", "{}");
    let problem = fixture.post(&user, &webhook).await.unwrap_err();
    assert_eq!(reason(&problem), (409, "trigger_disabled"));
    assert!(fixture.started().is_empty());
}
