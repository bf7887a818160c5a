//! What every vendor's API must come through: the cases of one table, vendor by vendor, each against a server that
//! speaks the vendor's protocol. The outcome is `docs/reference/llm-conformance.md`, which this test checks, and writes
//! where `TROUPE_WRITE_REPORT` is set.

mod cases;
pub(crate) mod mock;
pub(crate) mod vendor;
pub(crate) mod wire;

use std::{fmt::Write as _, path::Path};

use contracts::{
    Principal, Problem,
    llm::{Complete, Completion, Delta, ModelKind, Price, ProviderModel},
};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use self::{
    cases::CASES,
    mock::{Asked, Mock, Script},
    vendor::Vendor,
};
use crate::{Fixture, http, vendor_at};

/// How a vendor fares in a case: it passes, or the case says nothing about it, and why.
pub(crate) type Outcome = Result<(), &'static str>;

pub(crate) struct Case {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Bench, Vendor) -> BoxFuture<'a, Outcome>,
}

/// The gateway with every vendor as a provider.
pub(crate) struct Bench {
    pub(crate) fixture: Fixture,
    pub(crate) owner: Principal,
    pub(crate) mock: Mock,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let mock = Mock::start().await;
        let fixture = Fixture::reaching(&[mock.address]).await;
        let owner = fixture.owner().await;
        for vendor in Vendor::ALL {
            let model = |name: &str| ProviderModel {
                name: name.into(),
                kind: ModelKind::Chat,
                price: Some(Price {
                    prompt: "1".parse().unwrap(),
                    completion: "2".parse().unwrap(),
                    ..Price::default()
                }),
            };
            let mut request = vendor_at(&vendor.base_url(mock.address));
            request.name = vendor.name().into();
            request.kind = vendor.kind();
            request.api_key = Some(vendor.key().into());
            request.models = vec![model(vendor.model()), model(vendor.other_model())];
            fixture.ask(&owner, &request).await.unwrap();
        }
        Self {
            fixture,
            owner,
            mock,
        }
    }

    /// A question to the vendor's model, from OpenAI's fields.
    pub(crate) fn question(&self, vendor: Vendor, fields: Value) -> Complete {
        let mut fields = fields;
        let known = [
            "messages",
            "tools",
            "tool_choice",
            "response_format",
            "temperature",
            "max_tokens",
            "lenient",
        ];
        let mut question = json!({"model": format!("{}/{}", vendor.name(), vendor.model()), "extra": {},
            "messages": [{"role": "user", "content": "hi"}]});
        for (name, value) in fields.as_object_mut().unwrap() {
            match known.contains(&name.as_str()) {
                true => question[name] = value.take(),
                false => question["extra"][name] = value.take(),
            }
        }
        serde_json::from_value(question).unwrap()
    }

    /// What comes of the question, in pieces and as a whole, when the vendor answers like this.
    pub(crate) async fn ask(
        &self,
        question: &Complete,
        answer: Script,
    ) -> (Vec<Delta>, Result<Completion, Problem>) {
        self.mock.script(answer);
        let outcome = self.fixture.complete(&self.owner, question).await;
        self.mock.forget_script();
        outcome
    }

    /// The body that the vendor gets for OpenAI's fields.
    pub(crate) async fn sent(&self, vendor: Vendor, fields: Value) -> Result<Asked, Problem> {
        let question = self.question(vendor, fields);
        let answer = vendor.answer(&wire::Said::text("ok"));
        let before = self.mock.asked().len();
        self.ask(&question, answer).await.1?;
        Ok(self.mock.asked().remove(before))
    }

    /// Why a question is refused before the vendor hears of it.
    pub(crate) async fn refused(&self, vendor: Vendor, fields: Value) -> Problem {
        let before = self.mock.asked().len();
        let problem = self.sent(vendor, fields).await.map(|asked| asked.body);
        assert_eq!(self.mock.asked().len(), before, "{problem:?}");
        problem.unwrap_err()
    }

    /// What a client of the HTTP face gets, and the events of its stream.
    pub(crate) async fn over_http(
        &self,
        vendor: Vendor,
        fields: Value,
        answer: Script,
    ) -> egress::Response {
        let mut body = json!({"model": format!("{}/{}", vendor.name(), vendor.model()),
            "messages": [{"role": "user", "content": "hi"}]});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.mock.script(answer);
        let bearer = format!("Bearer {}", testkit::token(&self.owner));
        let headers = [("authorization", bearer.as_str())];
        let response = http::send(
            &self.fixture,
            "POST",
            "/chat/completions",
            &headers,
            body.to_string(),
        )
        .await;
        self.mock.forget_script();
        response
    }
}

#[tokio::test]
async fn every_vendor_comes_through_every_case() {
    let bench = Bench::start().await;
    let mut table = String::new();
    let mut notes = Vec::new();
    for case in CASES {
        write!(table, "| {} | {} |", case.number, case.name).unwrap();
        for vendor in Vendor::ALL {
            println!("case {} with {}", case.number, vendor.name());
            let cell = match (case.run)(&bench, vendor).await {
                Ok(()) => "yes".to_owned(),
                Err(why) => {
                    let known = notes.iter().position(|note| *note == why);
                    let at = known.unwrap_or_else(|| {
                        notes.push(why);
                        notes.len() - 1
                    });
                    format!("– [{}]", at + 1)
                }
            };
            write!(table, " {cell} |").unwrap();
        }
        table.push('\n');
    }
    let report = report(&table, &notes);
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/llm-conformance.md");
    if std::env::var_os("TROUPE_WRITE_REPORT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &report).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == report,
        "`docs/reference/llm-conformance.md` is not current: run this test with TROUPE_WRITE_REPORT=1"
    );
}

#[test]
fn the_table_has_each_case_once() {
    let numbers: Vec<u32> = CASES.iter().map(|case| case.number).collect();
    assert_eq!(numbers, (1..=37).collect::<Vec<_>>());
}

fn report(table: &str, notes: &[&str]) -> String {
    let names: String = Vendor::ALL
        .iter()
        .map(|vendor| format!(" {} |", vendor.title()))
        .collect();
    let lines = "---|".repeat(Vendor::ALL.len() + 2);
    let mut report = format!(
        "# Conformance of the language model gateway\n\n\
        What the gateway makes of questions and answers for each vendor's API, tested against servers that speak the \
        vendors' protocols on loopback. Written by the test \
        `services/llm-gateway/tests/llm-gateway/conformance.rs`; do not edit.\n\n\
        `yes`: the case passes, asked over NATS, and over HTTP where it is about HTTP. A number names the reason why a \
        case says nothing about a vendor.\n\n\
        | | case |{names}\n|{lines}\n{table}\n"
    );
    for (at, note) in notes.iter().enumerate() {
        writeln!(report, "{}. {note}", at + 1).unwrap();
    }
    report
}
