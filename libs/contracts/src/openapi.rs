//! OpenAPI schemas of the few types whose JSON form no derive can describe.

use std::borrow::Cow;

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use crate::{
    chat::{ChatEvent, ChatMessage},
    execution::{Events, Source},
    flow::{OnError, RevisionChoice},
    live::{ExecutionEvent, Frame},
    page::Page,
};

macro_rules! serde_type {
    ($name:ident, $label:literal, $required:literal, $schema:expr) => {
        impl Type for $name {
            const IS_REQUIRED: bool = $required;
            type RawValueType = Self;
            type RawElementValueType = Self;
            fn name() -> Cow<'static, str> {
                $label.into()
            }
            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
        impl ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                serde_json::to_value(self).ok()
            }
        }
        impl ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
            }
        }
    };
}

serde_type!(
    OnError,
    "on_error",
    false,
    MetaSchema {
        description: Some("`\"fail\"`, `\"branch\"` or `{\"default\": value}`"),
        one_of: vec![
            words("string", &["fail", "branch"]),
            MetaSchemaRef::Inline(Box::new(MetaSchema::new("object")))
        ],
        ..MetaSchema::ANY
    }
);
serde_type!(
    RevisionChoice,
    "revision",
    true,
    MetaSchema {
        description: Some("the number of a revision, or `\"draft\"`"),
        one_of: vec![
            MetaSchemaRef::Inline(Box::new(MetaSchema::new("integer"))),
            words("string", &["draft"])
        ],
        ..MetaSchema::ANY
    }
);

serde_type!(Frame, "Frame", true, frame_schema());
serde_type!(ChatEvent, "ChatEvent", true, chat_event_schema());
serde_type!(
    Events,
    "Events",
    true,
    MetaSchema {
        required: vec!["items", "next"],
        properties: vec![
            ("items", list_of(Frame::schema_ref())),
            (
                "next",
                nullable(MetaSchema {
                    description: Some("the `after` of the following stretch"),
                    ..MetaSchema::new("integer")
                })
            ),
        ],
        ..MetaSchema::new("object")
    }
);

impl<T: Type> Type for Page<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;
    fn name() -> Cow<'static, str> {
        format!("Page_{}", T::name()).into()
    }
    fn schema_ref() -> MetaSchemaRef {
        let cursor = MetaSchema {
            description: Some("the `cursor` of the following page, null on the last"),
            ..MetaSchema::new("string")
        };
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            required: vec!["items", "next"],
            properties: vec![
                ("items", list_of(T::schema_ref())),
                ("next", nullable(cursor)),
            ],
            ..MetaSchema::new("object")
        }))
    }
    fn register(registry: &mut Registry) {
        T::register(registry);
    }
    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

/// Number and time, the type, and the fields of all types: which of them are there is told by `type`.
fn frame_schema() -> MetaSchema {
    let plain = |kind| MetaSchemaRef::Inline(Box::new(MetaSchema::new(kind)));
    let format =
        |kind, format| MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format(kind, format)));
    let any = || MetaSchemaRef::Inline(Box::new(MetaSchema::ANY));
    MetaSchema {
        description: Some(
            "one event of an execution; `n` counts from 1 without gaps and the terminal event is the last",
        ),
        required: vec!["n", "ts", "type"],
        properties: vec![
            ("n", plain("integer")),
            ("ts", format("string", "date-time")),
            ("type", words("string", &ExecutionEvent::KINDS)),
            ("flow_id", plain("string")),
            ("revision", nullable(MetaSchema::new("integer"))),
            ("definition_hash", plain("string")),
            ("started_by", plain("string")),
            ("input", any()),
            ("node", plain("string")),
            ("attempt", plain("integer")),
            ("key", plain("string")),
            ("output", any()),
            ("port", plain("string")),
            ("usage", plain("object")),
            ("duration_ms", plain("integer")),
            ("error", plain("object")),
            ("at", format("string", "date-time")),
            ("by", plain("string")),
            ("until", format("string", "date-time")),
            ("title", plain("string")),
            ("text", plain("string")),
            ("form", any()),
            ("buttons", any()),
            ("least_role", plain("string")),
            ("users", any()),
            ("cached", plain("boolean")),
            ("queued", plain("boolean")),
            ("event", plain("string")),
            ("pointer", plain("string")),
            ("count", plain("integer")),
            ("steps", list_of(plain("string"))),
            ("handled", plain("boolean")),
            ("uncompensated", list_of(plain("string"))),
            ("source", Source::schema_ref()),
            ("variables", plain("object")),
            ("from", plain("string")),
        ],
        ..MetaSchema::new("object")
    }
}

/// Number and type, and the fields of all types: which of them are there is told by `type`.
fn chat_event_schema() -> MetaSchema {
    let plain = |kind| MetaSchemaRef::Inline(Box::new(MetaSchema::new(kind)));
    let any = || MetaSchemaRef::Inline(Box::new(MetaSchema::ANY));
    MetaSchema {
        description: Some("one event of an answer; the last is `done` with the whole message"),
        required: vec!["n", "type"],
        properties: vec![
            ("n", plain("integer")),
            ("type", words("string", &ChatEvent::KINDS)),
            ("node", plain("string")),
            ("attempt", plain("integer")),
            ("anew", plain("boolean")),
            ("text", plain("string")),
            ("agent", plain("string")),
            ("name", plain("string")),
            ("arguments", any()),
            ("arguments_hash", plain("string")),
            ("result", any()),
            ("error", plain("object")),
            ("message", ChatMessage::schema_ref()),
        ],
        ..MetaSchema::new("object")
    }
}

fn list_of(item: MetaSchemaRef) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        items: Some(Box::new(item)),
        ..MetaSchema::new("array")
    }))
}

fn nullable(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        nullable: true,
        ..schema
    }))
}

fn words(kind: &'static str, words: &[&str]) -> MetaSchemaRef {
    let mut schema = MetaSchema::new(kind);
    schema.enum_items = words.iter().map(|word| Value::from(*word)).collect();
    MetaSchemaRef::Inline(Box::new(schema))
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, de::DeserializeOwned};
    use serde_json::json;

    use super::*;
    use crate::{
        Request, agent, auth, chat, crew, execution, flow,
        id::{
            AgentId, AttachmentId, BaseId, CallId, ChatId, CrewId, DocumentId, ExecutionId, FlowId,
            MemoryId, MessageId, ProviderId, RegressionId, TenantId, ToolId, UserId,
        },
        knowledge, llm,
        problem::Problem,
        tenant, tool,
    };

    /// Both JSON codecs must say the same. What poem writes is read back first, because it writes a time as `+00:00`
    /// where serde writes `Z`; on the wire stands what serde writes.
    fn check<T: Serialize + DeserializeOwned + ToJSON + ParseFromJSON>(value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap();
        let by_serde: T = serde_json::from_value(value.clone()).unwrap();
        let by_poem = T::parse_from_json(Some(value))
            .map_err(ParseError::into_message)
            .unwrap();
        let expected = serde_json::to_value(&by_serde).unwrap();
        let written: T = serde_json::from_value(by_serde.to_json().unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&written).unwrap(), expected);
        assert_eq!(serde_json::to_value(&by_poem).unwrap(), expected);
    }

    const AT: &str = "2026-01-02T03:04:05Z";

    #[test]
    fn codecs_agree_on_flows() {
        check::<flow::Definition>(serde_json::to_value(flow::Definition::example()).unwrap());
        check::<flow::Node>(
            json!({"id": "a", "type": "llm", "config": {"prompt": "x"}, "retry": {"max_attempts": 2}, "on_error": {"default": 1}}),
        );
        check::<flow::Node>(
            json!({"id": "a", "type": "llm", "on_error": "branch", "position": {"x": 1.5, "y": 2.0}}),
        );
        check::<flow::Definition>(
            json!({"nodes": [], "groups": [{"id": "g", "name": "G", "nodes": ["a"]}],
            "notes": [{"id": "n", "text": "t", "position": {"x": 1.5, "y": 2.0}, "width": 240.0, "height": 96.0}]}),
        );
        check::<flow::CreateFlow>(
            json!({"name": "n", "definition": {"nodes": [], "input_schema": {"type": "object"}}}),
        );
        let mut it = json!({"id": FlowId::EXAMPLE, "name": "n", "description": "", "version": 3, "revision": null,
            "created_by": UserId::EXAMPLE, "created_at": AT, "updated_at": AT});
        check::<flow::FlowSummary>(it.clone());
        check::<flow::AgentFlow>(
            json!({"id": FlowId::EXAMPLE, "name": "n", "description": "", "draft": true, "published": false,
                "revision": null, "updated_at": AT}),
        );
        it["definition"] = serde_json::to_value(flow::Definition::example()).unwrap();
        check::<flow::Flow>(it);
        let mut it = json!({"revision": 1, "hash": "h", "notes": "", "published_by": UserId::EXAMPLE, "published_at": AT});
        check::<flow::RevisionSummary>(it.clone());
        it["flow_id"] = json!(FlowId::EXAMPLE);
        it["definition"] =
            json!({"nodes": [], "edges": [{"from": "a", "from_port": "x", "to": "b"}]});
        check::<flow::Revision>(it);
        check::<flow::Validation>(
            json!({"valid": false, "problems": [{"node": null, "path": "/nodes", "code": "c", "message": "m"}]}),
        );
        check::<flow::NodeType>(
            json!({"type": "llm", "version": 2, "title": "LLM", "description": "d", "config_schema": {}, "ports": ["out"], "takes_input": true, "has_body": false,
                "older": [{"version": 1, "description": "d", "config_schema": {}, "ports": ["out"], "changes": ["It is new."]}]}),
        );
    }

    #[test]
    fn codecs_agree_on_upgrades() {
        check::<flow::Node>(json!({"id": "a", "type": "http", "type_version": 2}));
        check::<flow::FlowUpgrade>(
            json!({"version": 4, "applied": true, "definition": flow::Definition::example(),
                "nodes": [{"node": "a", "type": "http", "from": 1, "to": 2, "changes": ["c"], "before": {"body": 1},
                    "after": {"body": {"value": 1}}, "ports": {"out": "done"}}],
                "left": [{"node": "b", "code": "port_vanishes", "message": "m"}]}),
        );
    }

    #[test]
    fn codecs_agree_on_regressions() {
        let item = json!({"source_id": ExecutionId::EXAMPLE, "execution_id": ExecutionId::EXAMPLE, "state": "done",
            "verdict": "changed", "problem": null, "nodes": [{"node": "a", "verdict": "broke"}]});
        check::<flow::Regression>(
            json!({"id": RegressionId::EXAMPLE, "flow_id": FlowId::EXAMPLE, "revision": null,
            "items": [item], "done": 1, "same": 0, "changed": 1, "broke": 0, "created_by": UserId::EXAMPLE,
            "created_at": AT}),
        );
    }

    #[test]
    fn codecs_agree_on_variables() {
        check::<flow::Variables>(
            json!({"variables": {"region": "eu", "limits": {"a": [1, null]}}}),
        );
    }

    #[test]
    fn codecs_agree_on_executions() {
        check::<execution::Usage>(
            json!({"prompt_tokens": 1, "completion_tokens": 2, "cost": "0.000125"}),
        );
        check::<execution::Usage>(
            json!({"prompt_tokens": 1, "completion_tokens": 2, "cost": null}),
        );
        let mut it = json!({"id": ExecutionId::EXAMPLE, "flow_id": FlowId::EXAMPLE, "revision": 2, "state": "failed",
            "error": {"code": "timeout", "message": "m", "node": "a", "retryable": true},
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": null},
            "started_by": UserId::EXAMPLE, "created_at": AT, "finished_at": AT});
        check::<execution::ExecutionSummary>(it.clone());
        it["input"] = json!({"x": [1]});
        it["output"] = json!(null);
        it["last_event"] = json!(7);
        it["approvals"] = json!([]);
        it["source"] = json!({"execution_id": ExecutionId::EXAMPLE, "kind": "retry", "node": "a"});
        check::<execution::Execution>(it);
        check::<execution::Pin>(json!({"output": {"a": 1}, "port": "yes"}));
        check::<execution::Accepted>(
            json!({"id": ExecutionId::EXAMPLE, "flow_id": FlowId::EXAMPLE, "revision": null, "state": "queued"}),
        );
        check::<execution::Retention>(json!({"days": 30}));
        check::<execution::Retention>(json!({"days": null}));
        let ended = json!({"end": "failed", "attempts": 2, "port": null, "error": null, "duration_ms": 7,
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": "0.5"}, "reused": false});
        let compared = json!({"id": ExecutionId::EXAMPLE, "flow_id": FlowId::EXAMPLE, "revision": null, "state": "failed",
            "error": null, "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": null}, "duration_ms": 9});
        check::<execution::Comparison>(
            json!({"execution": compared, "with": compared, "same_input": true,
            "same_output": false, "nodes": [{"node": "a", "execution": ended, "with": null, "same": false,
            "same_output": false, "same_config": null, "same_input": null}], "changed": ["a"]}),
        );
        check::<execution::Replayed>(
            json!({"execution_id": ExecutionId::EXAMPLE, "same": false, "events": 9,
            "checked": 3, "diverged_at": 4, "instead": "step_failed of `a`",
            "steps": [{"node": "a", "same": false, "differences": ["3: output"]}]}),
        );
        let frame = json!({"n": 1, "ts": AT, "type": "step_skipped", "node": "a"});
        check::<Frame>(frame.clone());
        check::<Events>(json!({"items": [frame], "next": 1}));
    }

    #[test]
    fn codecs_agree_on_people() {
        let user = json!({"id": UserId::EXAMPLE, "email": "a@b.c", "name": "A", "created_at": AT});
        let organization = json!({"id": TenantId::EXAMPLE, "name": "O", "created_at": AT});
        check::<auth::Session>(
            json!({"user": user, "organization": organization, "role": "owner",
            "access_token": "a", "refresh_token": "r", "expires_in": 600}),
        );
        check::<auth::Me>(
            json!({"user": user, "organization": organization, "role": "viewer", "organizations": [organization]}),
        );
        check::<tenant::Member>(
            json!({"user_id": UserId::EXAMPLE, "email": "a@b.c", "name": "A", "role": "editor", "joined_at": AT}),
        );
        check::<auth::Ticket>(json!({"ticket": "t", "expires_at": AT}));
        check::<auth::Register>(auth::Register::example());
        check::<auth::Login>(auth::Login::example());
        check::<auth::Login>(
            json!({"email": "a@b.c", "password": "p", "organization_id": TenantId::EXAMPLE}),
        );
        check::<auth::AddMember>(auth::AddMember::example());
        check::<auth::UpdateMe>(auth::UpdateMe::example());
        check::<Problem>(serde_json::to_value(Problem::malformed("no")).unwrap());
    }

    #[test]
    fn codecs_agree_on_providers() {
        check::<llm::ProviderModel>(
            json!({"name": "m", "price": {"prompt": "0.15", "completion": "0.6", "cache_read": "0.075", "cache_write": "0.2"}}),
        );
        check::<llm::CreateProvider>(llm::CreateProvider::example());
        check::<llm::Provider>(
            json!({"id": ProviderId::EXAMPLE, "name": "n", "kind": "openai_compatible", "base_url": "u",
            "key_hint": "abcd", "keys": 2, "models": [{"name": "m"}], "created_at": AT}),
        );
        check::<llm::RouteSpec>(llm::RouteSpec::example());
        check::<llm::RouteSpec>(
            json!({"name": "n", "strategy": "least_latency", "deployments": [{"provider": "p", "model": "m", "weight": 3}],
            "fallback_on": ["content_policy"], "max_attempts": 2, "backoff_ms": 0, "max_wait_ms": 5, "token_timeout_ms": 7,
            "limits": {"parallel": 3}, "cache": {"ttl_s": 60},
            "guardrails": {"redact": ["email", "iban"], "blocked": ["x"], "json_only": true, "max_output_tokens": 9}}),
        );
        check::<llm::Recording>(json!({"bodies": "off"}));
        check::<llm::Recording>(json!({"bodies": "failed", "redact": ["email"]}));
        check::<llm::CallBodies>(
            json!({"call_id": CallId::EXAMPLE, "request": "{}", "response": null, "cut": false}),
        );
        check::<llm::BudgetSpec>(llm::BudgetSpec::example());
        check::<llm::BudgetSpec>(
            json!({"name": "n", "scope": "user", "user_id": UserId::EXAMPLE, "period": "total", "limit": "0.5", "unpriced": "ignore"}),
        );
        check::<llm::BudgetUsage>(json!({"subject": null, "spent": "0.1", "reserved": "0"}));
        check::<llm::CallAttempt>(
            json!({"provider": "p", "model": "m", "key": 1, "error": null, "duration_ms": 5}),
        );
        check::<llm::Model>(
            json!({"id": "p/m", "provider": "p", "name": "m", "price": null, "rehearsal": false}),
        );
        check::<llm::ProviderTest>(json!({"ok": true, "message": "m", "duration_ms": 5}));
    }

    #[test]
    fn codecs_agree_on_tools() {
        check::<tool::ToolSpec>(tool::ToolSpec::example());
        check::<tool::ToolSpec>(
            json!({"name": "n", "kind": "builtin", "description": "d", "input_schema": {}, "config": {"name": "time"}}),
        );
        let second = json!({"name": "n", "kind": "http", "description": "d", "input_schema": {"type": "object"},
            "output_schema": {}, "config": {"headers": {"x-key": {"$secret": "k"}}}, "approval": "second_person",
            "timeout_ms": 600_000, "least_role": "admin"});
        check::<tool::ToolSpec>(second.clone());
        let mut it = second;
        it["id"] = json!(ToolId::EXAMPLE);
        it["version"] = json!(2);
        it["created_by"] = json!(UserId::EXAMPLE);
        it["created_at"] = json!(AT);
        it["updated_at"] = json!(AT);
        check::<tool::Tool>(it.clone());
        it["output_schema"] = json!(null);
        check::<tool::Tool>(it);
        check::<tool::ToolSummary>(
            json!({"id": ToolId::EXAMPLE, "version": 2, "name": "n", "kind": "javascript", "description": "d",
                "approval": "required", "updated_at": AT}),
        );
        check::<tool::ToolVersion>(
            json!({"version": 1, "created_by": UserId::EXAMPLE, "created_at": AT}),
        );
        check::<tool::ToolValidation>(
            json!({"valid": false, "problems": [{"path": "/config", "code": "unknown_secret", "message": "m"}]}),
        );
        check::<tool::ToolResult>(json!({"result": [null, 1.5], "version": 1, "duration_ms": 7}));
        for (execution, error) in [
            (json!(ExecutionId::EXAMPLE), json!("timeout")),
            (json!(null), json!(null)),
        ] {
            check::<tool::ToolCallRecord>(
                json!({"at": AT, "version": 1, "called_by": UserId::EXAMPLE, "execution_id": execution,
                    "duration_ms": 7, "error": error}),
            );
        }
        check::<tool::ImportOpenapi>(json!({"headers": {}}));
        check::<tool::ImportOpenapi>(
            json!({"document": {"openapi": "3.1.0"}, "url": "u", "operations": ["o"], "base_url": "b", "headers": {"h": {"$secret": "s"}}}),
        );
        check::<tool::ImportMcp>(json!({"url": "u", "headers": {}, "tools": ["t"]}));
        check::<tool::ImportedTools>(
            json!({"items": [], "problems": [{"item": "o", "code": "c", "message": "m"}]}),
        );
        check::<tool::DiscoveredTools>(json!({"items": [
            {"name": "n", "description": "d", "input_schema": {"type": "object"}, "problem": null},
            {"name": "n", "description": "d", "input_schema": {}, "problem": "p"}]}));
        check::<tool::Secret>(
            json!({"name": "n", "hosts": ["api.example.com:8443"], "updated_by": UserId::EXAMPLE, "updated_at": AT}),
        );
    }

    #[test]
    fn codecs_agree_on_agents() {
        check::<agent::AgentSpec>(agent::AgentSpec::example());
        check::<agent::AgentSpec>(json!({"name": "n", "role": "r", "goal": "g"}));
        let mut it = json!({"name": "n", "role": "r", "goal": "g", "backstory": "b", "framework": "crewai",
            "model": "p/m", "tools": [ToolId::EXAMPLE], "knowledge": [BaseId::EXAMPLE], "memory": "organization",
            "guardrails": [{"expression": "output", "message": "m"}], "output_schema": {"type": "object"},
            "limits": {"max_steps": 1, "max_cost": "0.25"}});
        check::<agent::AgentSpec>(it.clone());
        it["id"] = json!(AgentId::EXAMPLE);
        it["version"] = json!(2);
        it["created_by"] = json!(UserId::EXAMPLE);
        it["created_at"] = json!(AT);
        it["updated_at"] = json!(AT);
        check::<agent::Agent>(it.clone());
        check::<agent::AgentSummary>(
            json!({"id": AgentId::EXAMPLE, "version": 1, "name": "n", "role": "r", "framework": "native", "updated_at": AT}),
        );
        check::<agent::AgentVersion>(
            json!({"version": 1, "created_by": UserId::EXAMPLE, "created_at": AT}),
        );
        check::<agent::Memory>(
            json!({"id": MemoryId::EXAMPLE, "entity": null, "text": "t", "user_id": UserId::EXAMPLE,
            "execution_id": ExecutionId::EXAMPLE, "created_at": AT}),
        );
        check::<crew::CrewSpec>(crew::CrewSpec::example());
        check::<crew::ImportCrew>(crew::ImportCrew::example());
        let mut crew = json!({"name": "n", "description": "d", "process": "hierarchical", "agents": [AgentId::EXAMPLE],
            "tasks": [{"name": "t", "description": "d", "expected_output": "e", "agent_id": AgentId::EXAMPLE,
                "context": ["u"], "output_schema": {}, "async": true}], "manager_model": "p/m", "limits": {}});
        check::<crew::CrewSpec>(crew.clone());
        crew["id"] = json!(CrewId::EXAMPLE);
        crew["version"] = json!(2);
        crew["created_by"] = json!(UserId::EXAMPLE);
        crew["created_at"] = json!(AT);
        crew["updated_at"] = json!(AT);
        check::<crew::Crew>(crew.clone());
        check::<crew::ImportedCrew>(json!({"crew": crew, "agents": [it], "ignored": ["x"]}));
    }

    #[test]
    fn codecs_agree_on_knowledge() {
        check::<knowledge::CreateBase>(knowledge::CreateBase::example());
        check::<knowledge::Base>(
            json!({"id": BaseId::EXAMPLE, "name": "n", "description": "d", "embedding_model": null, "documents": 1,
            "passages": 2, "reindex": {"done": 1, "of": 2, "failed": 0, "started_at": AT}, "created_by": UserId::EXAMPLE,
            "created_at": AT, "updated_at": AT}),
        );
        check::<knowledge::Document>(
            json!({"id": DocumentId::EXAMPLE, "base_id": BaseId::EXAMPLE, "name": "n", "content_type": "text/plain",
            "bytes": 1, "state": "failed", "passages": 0, "error": "e", "created_by": UserId::EXAMPLE, "created_at": AT}),
        );
        check::<knowledge::Hits>(
            json!({"items": [{"document_id": DocumentId::EXAMPLE, "document": "d", "passage": 0, "heading": null,
            "text": "t", "score": 0.5}]}),
        );
    }

    #[test]
    fn codecs_agree_on_chat() {
        check::<chat::CreateSession>(chat::CreateSession::example());
        check::<chat::ChatSession>(
            json!({"id": ChatId::EXAMPLE, "title": "t", "agent_id": AgentId::EXAMPLE, "crew_id": null, "flow_id": null,
            "concurrency": "interrupt", "head": null, "created_by": UserId::EXAMPLE, "created_at": AT, "updated_at": AT}),
        );
        let file = json!({"id": AttachmentId::EXAMPLE, "name": "n", "content_type": "image/png", "bytes": 3});
        check::<chat::Attachment>(file.clone());
        let message = json!({"id": MessageId::EXAMPLE, "parent_id": null, "siblings": [MessageId::EXAMPLE],
            "role": "assistant", "content": "c", "attachments": [file], "state": "done", "execution_id": ExecutionId::EXAMPLE,
            "tool_calls": [{"node": "a/tool:0.0", "agent": "a", "name": "n", "arguments": {}, "result": 1, "error": null}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": null}, "error": null,
            "created_at": AT, "finished_at": AT});
        check::<chat::ChatMessage>(message.clone());
        check::<chat::Turn>(json!({"question": message, "answer": message}));
        check::<chat::ChatEvent>(json!({"type": "done", "n": 7, "message": message}));
        let token =
            json!({"type": "token", "n": 1, "node": "a", "attempt": 1, "anew": true, "text": "t"});
        let event: ChatEvent = serde_json::from_value(token.clone()).unwrap();
        assert_eq!((event.kind(), event.n()), ("token", 1));
        check::<chat::ChatEvent>(token);
        check::<chat::ChatEvent>(
            json!({"type": "tool_call", "n": 2, "node": "a/tool:0.0", "agent": "a", "name": "n", "arguments": {}}),
        );
    }

    #[test]
    fn unknown_fields_are_refused_by_both() {
        let value = json!({"nodes": [], "edges": [], "tenant_id": "x"});
        assert!(serde_json::from_value::<flow::Definition>(value.clone()).is_err());
        assert!(flow::Definition::parse_from_json(Some(value)).is_err());
    }
}
