//! Answers that break off anywhere, and vendors that lie about what they took: what is told, and what it costs. One vendor
//! of each protocol.

use contracts::{
    Principal,
    id::ExecutionId,
    llm::{CallRecord, Complete},
};
use rust_decimal::Decimal;
use serde_json::json;

use crate::conformance::{
    Bench,
    mock::{End, Script},
    vendor::Vendor,
    wire::{Said, Usage},
};

const SAID: &str = "Grüße, 𝄞 world";
/// More than any of these tests asks.
const ALL: u32 = 10_000;

/// Asks in the name of one execution, whose records are read in the end.
struct Paid {
    bench: Bench,
    run: Principal,
    ask: Complete,
}

impl Paid {
    async fn start(vendor: Vendor) -> Self {
        let bench = Bench::start().await;
        let run = Principal {
            execution_id: Some(ExecutionId::generate()),
            ..bench.owner
        };
        let ask = bench.question(vendor, json!({}));
        Self { bench, run, ask }
    }

    /// What was heard of the answer, and the word for its failure.
    async fn put(&self, answer: Script) -> (String, Option<String>) {
        self.bench.mock.script(answer);
        let fixture = &self.bench.fixture;
        let (chunks, done) = fixture.complete(&self.run, &self.ask).await;
        self.bench.mock.forget_script();
        let reason = done.err().map(|problem| problem.reason.unwrap());
        (crate::text(&chunks), reason)
    }

    /// The records of all, the oldest first.
    async fn records(mut self) -> Vec<CallRecord> {
        self.bench.fixture.drain().await;
        let execution = self.run.execution_id.unwrap();
        let archive = &self.bench.fixture.archive;
        archive
            .calls(self.run.tenant, execution, ALL)
            .await
            .unwrap()
    }
}

/// A dollar and two, for a million tokens.
fn price(record: &CallRecord) -> Decimal {
    let (prompt, completion) = (record.usage.prompt_tokens, record.usage.completion_tokens);
    Decimal::from(prompt + 2 * completion) / Decimal::from(1_000_000)
}

async fn cut_at_every_byte(vendor: Vendor) {
    let paid = Paid::start(vendor).await;
    let whole = vendor.answer(&Said::text(SAID));
    let bytes = whole.parts.concat();
    for at in 0..bytes.len() {
        let cut = Script {
            parts: vec![bytes[..at].to_vec()],
            ..whole.clone().ending(End::Cut)
        };
        let (heard, reason) = paid.put(cut).await;
        assert_eq!(reason.as_deref(), Some("upstream_cut"), "cut at {at}");
        assert!(SAID.starts_with(&heard), "cut at {at}: {heard}");
    }
    let records = paid.records().await;
    assert_eq!(records.len(), bytes.len());
    for record in &records {
        assert_eq!(record.error.as_deref(), Some("upstream_cut"));
        // Nobody pays for more than the vendor had said, or would have.
        assert!(record.usage.completion_tokens <= 20, "{record:?}");
        assert_eq!(record.usage.cost, Some(price(record)), "{record:?}");
    }
    // What was said before it broke off is paid by an estimate, unless the vendor had counted.
    assert!(
        records
            .iter()
            .any(|it| it.estimated && it.usage.completion_tokens > 0)
    );
}

#[tokio::test]
async fn openai_is_cut_at_every_byte() {
    cut_at_every_byte(Vendor::Openai).await;
}

#[tokio::test]
async fn anthropic_is_cut_at_every_byte() {
    cut_at_every_byte(Vendor::Anthropic).await;
}

#[tokio::test]
async fn gemini_is_cut_at_every_byte() {
    cut_at_every_byte(Vendor::Gemini).await;
}

#[tokio::test]
async fn bedrock_is_cut_at_every_byte() {
    cut_at_every_byte(Vendor::Bedrock).await;
}

#[tokio::test]
async fn who_lies_about_usage_is_believed_within_reason_and_else_told_as_garbage() {
    for vendor in [
        Vendor::Openai,
        Vendor::Anthropic,
        Vendor::Gemini,
        Vendor::Bedrock,
    ] {
        let paid = Paid::start(vendor).await;
        let counted = |fresh, answer| Usage {
            fresh,
            cached: 0,
            answer,
            thoughts: 0,
        };
        let lies = [
            (counted(0, 1), None),
            (counted(1_000_000, 3_000_000), None),
            (counted(8, 2_000_000_000_000), Some("upstream_garbage")),
            (counted(2_000_000_000_000, 8), Some("upstream_garbage")),
        ];
        for (usage, expect) in lies {
            let said = Said {
                usage,
                ..Said::text(SAID)
            };
            let (_, reason) = paid.put(vendor.answer(&said)).await;
            assert_eq!(reason.as_deref(), expect, "{vendor:?} {usage:?}");
        }
        let (_, reason) = paid.put(vendor.answer(&Said::text(SAID))).await;
        assert_eq!(reason, None);
        let records = paid.records().await;
        assert_eq!(records.len(), lies.len() + 1);
        for (record, (usage, expect)) in records.iter().zip(lies) {
            assert_eq!(record.usage.cost, Some(price(record)), "{vendor:?}");
            // What cannot be is priced by what was said.
            assert_eq!(record.estimated, expect.is_some(), "{vendor:?} {usage:?}");
            let told = (record.usage.prompt_tokens, record.usage.completion_tokens);
            match expect {
                None => assert_eq!(told, (usage.fresh, usage.answer)),
                Some(_) => assert!(told.0 + told.1 < 1_000, "{vendor:?} {told:?}"),
            }
        }
    }
}
