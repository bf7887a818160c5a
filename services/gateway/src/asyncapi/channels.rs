//! What can be followed, and what an integrator can be: the channels that are no requests.

use contracts::{
    Event,
    execution::{ExecutionState, Finished, Origin, Usage},
    id::{BudgetId, ExecutionId, FlowId},
    live::{Control, Frame, TokenDelta},
    llm::{BudgetAlert, BudgetSpec},
    node::{CallNode, NodeReply},
};
use poem_openapi::types::Type;
use serde_json::{Map, Value, json};

use super::schema::{closed, json_schema};

/// The placeholders of addresses.
pub(super) fn parameters() -> Value {
    json!({
        "tenant": {"description": "The organization's id, for example `org_01985d1c7c3a7f008000000000000001`."},
        "execution": {"description": "The execution's id."},
        "budget": {"description": "The budget's id."},
        "step": {"description": "The step, as a token: its path, or `s-` and 32 digits of a hash where that is no token."},
        "word": {"description": "A random word of the question's own."},
        "name": {"description": "The name of the tool, the node or the event: 1 to 64 letters, digits, `_` or `-`."},
    })
}

pub(super) fn add(channels: &mut Map<String, Value>, operations: &mut Map<String, Value>) {
    for followed in followed() {
        let name = followed.name;
        channels.insert(
            name.to_owned(),
            json!({
                "address": followed.address,
                "description": followed.description,
                "parameters": placeholders(followed.address),
                "messages": {"message": {
                    "name": name,
                    "payload": followed.payload,
                    "examples": [{"payload": followed.example}],
                }},
            }),
        );
        operations.insert(
            name.to_owned(),
            json!({
                "action": "send",
                "channel": {"$ref": format!("#/channels/{name}")},
                "summary": followed.summary,
                "messages": [{"$ref": format!("#/channels/{name}/messages/message")}],
            }),
        );
    }
    inbound(channels, operations);
    tool(channels, operations);
    node(channels, operations);
    beat(channels, operations);
    pace(channels, operations);
}

/// What whoever reads a streamed answer may say meanwhile.
fn pace(channels: &mut Map<String, Value>, operations: &mut Map<String, Value>) {
    let told = Told {
        name: "pace",
        address: "pace.{tenant}.{word}",
        summary: "The reader of a streamed answer says how far it may go",
        description: "The subject that a question which is answered in chunks names in its header `Troupe-Pace`; `word` is the caller's choice. Published by integrators who read the answer.",
    };
    let message = json!({
        "name": "pace",
        "payload": {"type": "string", "pattern": "^[0-9]+$", "description": "Chunks up to this number may come. `0`: nothing more is wanted, and whatever the answer costs ends."},
        "examples": [{"payload": "512"}],
    });
    told.insert(message, channels, operations);
}

/// What whoever works for the platform may say meanwhile.
fn beat(channels: &mut Map<String, Value>, operations: &mut Map<String, Value>) {
    let told = Told {
        name: "beat",
        address: "beat.{tenant}.{word}",
        summary: "A tool or a node says that its work goes on",
        description: "The subject stands in the header `Troupe-Heartbeat` of a question to a tool or a node, where the flow limits how long it may be silent. Published by integrators whose role is editor or above.",
    };
    let message = json!({
        "name": "heartbeat",
        "payload": {"description": "Anything or nothing: it is not read."},
        "examples": [{"payload": ""}],
    });
    told.insert(message, channels, operations);
}

/// What an integrator publishes.
fn inbound(channels: &mut Map<String, Value>, operations: &mut Map<String, Value>) {
    let told = Told {
        name: "event",
        address: "in.{tenant}.event.{name}",
        summary: "Something happened that triggers of flows may wait for",
        description: "Begins an execution of each flow with a trigger for events of this name, in the name of the trigger's user. Stored for up to seven days until it has begun them; publish as to JetStream to hear that it is stored: the platform answers as JetStream does. Published by integrators whose role is operator or above.",
    };
    let message = json!({
        "name": "event",
        "headers": {
            "type": "object",
            "properties": {
                "Nats-Msg-Id": {"type": "string", "description": "What the event is known by: of all events of one name that bear one id, one counts for each trigger."},
            },
        },
        "payload": {"description": "Any JSON, or text, up to 256 KiB: `data` of the execution's input `{event, id, data, at}`."},
        "examples": [{"payload": {"order": 7}}],
    });
    told.insert(message, channels, operations);
}

/// Something that the platform hears and does not answer.
struct Told {
    name: &'static str,
    address: &'static str,
    summary: &'static str,
    description: &'static str,
}

impl Told {
    fn insert(
        &self,
        message: Value,
        channels: &mut Map<String, Value>,
        operations: &mut Map<String, Value>,
    ) {
        let name = self.name;
        channels.insert(
            name.to_owned(),
            json!({
                "address": self.address,
                "description": self.description,
                "parameters": placeholders(self.address),
                "messages": {"message": message},
            }),
        );
        operations.insert(
            name.to_owned(),
            json!({
                "action": "receive",
                "channel": {"$ref": format!("#/channels/{name}")},
                "summary": self.summary,
                "messages": [{"$ref": format!("#/channels/{name}/messages/message")}],
            }),
        );
    }
}

struct Followed {
    name: &'static str,
    address: &'static str,
    summary: &'static str,
    description: &'static str,
    payload: Value,
    example: Value,
}

fn followed() -> [Followed; 5] {
    [
        Followed {
            name: Finished::NAME,
            address: "evt.{tenant}.execution.finished.{execution}",
            summary: "An execution came to its end",
            description: "Kept in the stream EVT; an integrator hears it while it listens.",
            payload: closed(&example(finished())),
            example: example(finished()),
        },
        Followed {
            name: BudgetAlert::NAME,
            address: "evt.{tenant}.llm.budget_alert.{budget}",
            summary: "50, 80 or 100 % of a budget are spent, or it refused a question",
            description: "Once a period for each step. `subject` is the flow, the execution or the user that spent it, null for the organization; `period_start` is null for ever. Kept in the stream EVT; an integrator hears it while it listens.",
            payload: closed(&example(alert())),
            example: example(alert()),
        },
        Followed {
            name: "live",
            address: "live.{tenant}.{execution}",
            summary: "The events of an execution that were stored together, in their order",
            description: "Lossy by design: `n` tells of gaps, and `execution.events` fills them.",
            payload: json_schema(example(Vec::<Frame>::schema_ref().unwrap_inline())),
            example: json!([{"n": 2, "ts": "2026-01-02T03:04:05Z", "type": "step_skipped", "node": "a"}]),
        },
        Followed {
            name: "tokens",
            address: "tok.{tenant}.{execution}.{step}",
            summary: "A piece of what a model says, as it says it",
            description: "Not kept; `n` counts from 1 within an attempt.",
            payload: closed(&example(delta())),
            example: example(delta()),
        },
        Followed {
            name: "control",
            address: "ctl.{tenant}.{execution}",
            summary: "Running steps are told to stop",
            description: "Between services: integrators cancel with `execution.cancel`, and may not listen here.",
            payload: closed(&example(Control::Cancel)),
            example: example(Control::Cancel),
        },
    ]
}

fn finished() -> Finished {
    Finished {
        execution_id: ExecutionId::EXAMPLE,
        origin: Origin::flow(FlowId::EXAMPLE, Some(3)),
        state: ExecutionState::Succeeded,
        usage: Usage::ZERO,
    }
}

fn alert() -> BudgetAlert {
    let spec = BudgetSpec::example();
    BudgetAlert {
        budget_id: BudgetId::EXAMPLE,
        name: spec.name,
        subject: None,
        period_start: None,
        percent: 100,
        spent: spec.limit,
        limit: spec.limit,
        refused: false,
    }
}

fn delta() -> TokenDelta {
    TokenDelta {
        node: "writer".into(),
        attempt: 1,
        n: 1,
        text: "Once".into(),
    }
}

fn tool(channels: &mut Map<String, Value>, operations: &mut Map<String, Value>) {
    let question = json!({
        "name": "tool question",
        "headers": {
            "type": "object",
            "properties": {
                "Idempotency-Key": {"type": "string", "description": "The same for all attempts of the call: do the work once per key."},
                "Troupe-Timeout": {"type": "string", "description": "Milliseconds for which the answer is waited for."},
                "Troupe-Heartbeat": heartbeat(),
                "traceparent": {"type": "string", "description": "W3C trace context."},
            },
        },
        "payload": {"description": "The arguments, as the tool's `input_schema` says."},
        "examples": [{"payload": {"city": "Rome"}}],
    });
    let answer = json!({
        "name": "tool answer",
        "payload": {"description": "The result: any JSON."},
        "examples": [{"payload": {"celsius": 21.5}}],
    });
    let summary = "A call of a tool of kind `nats`, which an integrator's micro service answers";
    serve("tool", summary, question, answer, channels, operations);
}

fn heartbeat() -> Value {
    json!({"type": "string", "description": "Where to publish, more often than the node's `idle_timeout_ms`, that the work goes on; absent where silence has no limit."})
}

fn node(channels: &mut Map<String, Value>, operations: &mut Map<String, Value>) {
    let (asked, answered) = (example(CallNode::example()), example(NodeReply::example()));
    let mut question = closed(&asked);
    // Whatever the flow's author wrote.
    question["properties"]["config"] =
        json!({"description": "The node's configuration, with all expressions evaluated."});
    question["properties"]["input"] = json!({"description": "What came in by the node's edges."});
    // More fields may follow: a node passes over what it does not know.
    question["additionalProperties"] = true.into();
    let mut answer = closed(&answered);
    answer["properties"]["output"] =
        json!({"description": "The output of the step: any JSON, up to 1 MiB."});
    let question = json!({
        "name": "node question",
        "headers": {
            "type": "object",
            "properties": {
                "Troupe-Timeout": {"type": "string", "description": "Milliseconds for which the answer is waited for."},
                "Troupe-Heartbeat": heartbeat(),
                "traceparent": {"type": "string", "description": "W3C trace context."},
            },
        },
        "payload": question,
        "examples": [{"payload": asked}],
    });
    let answer =
        json!({"name": "node answer", "payload": answer, "examples": [{"payload": answered}]});
    let summary = "One attempt of a step of a node of type `custom`, whose work an integrator does";
    serve("node", summary, question, answer, channels, operations);
}

/// What an integrator listens to and answers, in one of the names of its organization.
fn serve(
    kind: &str,
    summary: &str,
    question: Value,
    answer: Value,
    channels: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
) {
    let address = format!("{kind}.{{tenant}}.{{name}}");
    channels.insert(
        kind.to_owned(),
        json!({
            "address": address,
            "description": "Served by integrators whose role is editor or above.",
            "parameters": placeholders(&address),
            "messages": {"question": question},
        }),
    );
    channels.insert(format!("{kind}.answer"), json!({
        "address": null,
        "description": "The inbox of whoever asks: one answer to each question, within 15 minutes.",
        "messages": {"answer": answer, "problem": {"$ref": "#/components/messages/problem"}},
    }));
    operations.insert(
        kind.to_owned(),
        json!({
            "action": "send",
            "channel": {"$ref": format!("#/channels/{kind}")},
            "summary": summary,
            "messages": [{"$ref": format!("#/channels/{kind}/messages/question")}],
            "reply": {
                "channel": {"$ref": format!("#/channels/{kind}.answer")},
                "messages": [
                    {"$ref": format!("#/channels/{kind}.answer/messages/answer")},
                    {"$ref": format!("#/channels/{kind}.answer/messages/problem")},
                ],
            },
        }),
    );
}

fn placeholders(address: &str) -> Value {
    let names = address
        .split('.')
        .filter_map(|token| token.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            let reference = format!("#/components/parameters/{name}");
            (name.to_owned(), json!({"$ref": reference}))
        })
        .collect::<Map<_, _>>()
        .into()
}

fn example(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("a message can be written as JSON")
}
