//! The AsyncAPI 3.0 description of the public bus: every request of the contract, what can be followed, and what an
//! integrator can be.
//!
//! A request's fields are asked of its decoder (which there are, which must be there); what is known of them beyond that,
//! and the form of the reply, is what the OpenAPI description says of the same request. Where REST has no such request,
//! the example stands for itself.
//!
//! **Invariant:** the requests are those of `contracts::operations` that a signed-in integrator may send, no more.

mod channels;
mod schema;

use contracts::{
    Access, Request,
    chat::ReadAttachment,
    execution::GetPayload,
    operations::{OPERATIONS, Operation},
};
use serde_json::{Map, Value, json};

use crate::spec::openapi_json;
use schema::Rest;

/// The requests that are answered with a piece of a file.
const PIECES: [&str; 2] = [ReadAttachment::NAME, GetPayload::NAME];

/// The description as YAML; needs no server and no configuration.
pub fn asyncapi_yaml() -> String {
    serde_saphyr::to_string(&document()).expect("JSON can be written as YAML")
}

fn document() -> Value {
    let rest = Rest::new(openapi_json());
    let mut channels = Map::new();
    let mut operations = Map::new();
    for operation in OPERATIONS.iter().filter(|it| it.is_for_tenants()) {
        request(operation, &rest, &mut channels, &mut operations);
    }
    channels::add(&mut channels, &mut operations);
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {"title": "Troupe over NATS", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"nats": {
            "host": "localhost:4222",
            "protocol": "nats",
            "description": "The installation's NATS server.",
            "security": [{"$ref": "#/components/securitySchemes/access_token"}],
        }},
        "channels": channels,
        "operations": operations,
        "components": {
            "securitySchemes": {"access_token": {
                "type": "userPassword",
                "description": "An access token as password, the user's id as user. The inbox prefix is `_INBOX_<user id>`.",
            }},
            "parameters": channels::parameters(),
            "messages": {"problem": problem()},
        },
    });
    let known = rest.schemas_of(&document, headers());
    document["components"]["schemas"] = known;
    document
}

/// The channel and the operation of one request, and the channel of its answer.
fn request(
    operation: &Operation,
    rest: &Rest,
    channels: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
) {
    let (name, reply) = (operation.name, format!("{}.reply", operation.name));
    let example = (operation.example)();
    channels.insert(
        name.to_owned(),
        json!({
            "address": format!("req.{{tenant}}.{name}"),
            "parameters": {"tenant": {"$ref": "#/components/parameters/tenant"}},
            "messages": {"request": {
                "name": name,
                "headers": {"$ref": "#/components/schemas/RequestHeaders"},
                "payload": schema::of_request(operation, &example, rest),
                "examples": [{"payload": example}],
            }},
        }),
    );
    let payload = if PIECES.contains(&name) {
        schema::of_piece()
    } else {
        rest.reply(name).unwrap_or_else(|| {
            json!({"description": format!("The reply of `{name}`; REST has no operation that describes it.")})
        })
    };
    channels.insert(
        reply.clone(),
        json!({
            "address": null,
            "description": format!("The caller's inbox: the answer to `{name}`."),
            "messages": {
                "reply": {"name": reply, "payload": payload},
                "problem": {"$ref": "#/components/messages/problem"},
            },
        }),
    );
    let at = |channel: &str, message: &str| json!({"$ref": format!("#/channels/{channel}/messages/{message}")});
    let mut described = json!({
        "action": "receive",
        "channel": {"$ref": format!("#/channels/{name}")},
        "summary": rest.summary(name).unwrap_or_else(|| name.to_owned()),
        "messages": [at(name, "request")],
        "reply": {
            "channel": {"$ref": format!("#/channels/{reply}")},
            "messages": [at(&reply, "reply"), at(&reply, "problem")],
        },
        "bindings": {"nats": {"queue": operation.service()}},
        "x-permission": permission(operation),
    });
    if name == "llm.complete" {
        described["description"] = STREAMED.into();
    }
    operations.insert(name.to_owned(), described);
}

fn permission(operation: &Operation) -> &'static str {
    match operation.access {
        Access::Permission(permission) => permission.as_str(),
        Access::SignedIn => "signed_in",
        Access::Public => "public",
        Access::Internal => "internal",
    }
}

/// The one shape of every failure.
fn problem() -> Value {
    let example = contracts::Problem::new(
        contracts::ErrorCode::NotFound,
        "flow `flow_01985d1c7c3a7f008000000000000001` does not exist",
    );
    json!({
        "name": "problem",
        "title": "A failure (RFC 9457)",
        "headers": {
            "type": "object",
            "required": ["Nats-Service-Error-Code", "Nats-Service-Error"],
            "properties": {
                "Nats-Service-Error-Code": {"type": "string", "description": "The HTTP status of the problem."},
                "Nats-Service-Error": {"type": "string", "description": "The `code` of the problem."},
            },
        },
        "payload": {"$ref": "#/components/schemas/Problem"},
        "examples": [{
            "headers": {"Nats-Service-Error-Code": "404", "Nats-Service-Error": "not_found"},
            "payload": example,
        }],
    })
}

fn headers() -> Value {
    json!({
        "type": "object",
        "required": ["Authorization"],
        "properties": {
            "Authorization": {"type": "string", "description": "`Bearer <access token>`: a connection is no permission, each request names its caller."},
            "Troupe-Timeout": {"type": "string", "description": "Milliseconds for which the caller waits for the answer; 10,000 when absent, at most 900,000."},
            "Troupe-Pace": {"type": "string", "description": "`pace.<organization>.<word>`, where the reader of an answer in chunks says how far it may go."},
            "Troupe-Window": {"type": "string", "description": "Chunks that may come before the first word there; as many as there are when absent."},
            "traceparent": {"type": "string", "description": "W3C trace context."},
        },
    })
}

const DESCRIPTION: &str = "\
What integrators say and hear on NATS: the requests of the REST API, the events and live frames of executions, events of their own, and being a \
tool or a node. Actions are the platform's: it receives requests, sends events, and sends questions to tools and nodes. A \
request is answered in the caller's inbox, with the reply or with a problem; a problem carries the headers of a failed NATS \
micro service. Permissions stand in `x-permission`. See docs/guides/nats.md.";

const STREAMED: &str = "\
Answered by many messages: `{\"type\": \"chunk\", \"n\", \"chunk\"}` with `n` from 1 without gaps, and at the end \
`{\"type\": \"done\", \"n\", \"reply\"}` or a problem.";

#[cfg(test)]
mod tests;
