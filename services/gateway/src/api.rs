//! The REST API under `/api/v1`, one file per resource.
//!
//! A handler reads the path, the headers and the body, asks the owning service in the caller's name, and shapes the
//! reply. `operation_id` is the name of the request in the contract; where the same request has a second form in REST,
//! `:<form>` follows the name.

use poem_openapi::{OpenApiService, Tags};

mod again;
mod agents;
pub(crate) mod auth;
mod chat;
mod concurrency;
mod crews;
mod dead_letters;
mod etag;
mod executions;
mod flows;
mod form;
mod knowledge;
mod llm;
mod node_types;
mod organizations;
mod regressions;
mod retention;
mod secrets;
mod tools;
mod triggers;
mod upgrades;
mod users;
mod variables;
mod workflows;

#[derive(Tags)]
pub(crate) enum Tag {
    /// Signing up, in and out.
    Auth,
    /// The signed-in user.
    Users,
    /// Organizations and their members.
    Organizations,
    /// Flows, their revisions, and starting them.
    Flows,
    /// Runs of flows: state, history, live events.
    Executions,
    /// Large language models, their providers, routes, budgets and calls.
    Llm,
    /// Tools, their versions, calls of them, and the secrets they send.
    Tools,
    /// Agents, their versions and memories, and runs of them.
    Agents,
    /// Crews: agents with tasks, and runs of them.
    Crews,
    /// Documents that agents and flows search.
    Knowledge,
    /// Conversations with agents, crews and flows.
    Chat,
}

pub(crate) const PREFIX: &str = "/api/v1";

type Apis = (
    auth::Api,
    users::Api,
    organizations::Api,
    // The framework takes 16 at most, and a tuple for one.
    (
        flows::Api,
        concurrency::Api,
        triggers::Api,
        regressions::Api,
        upgrades::Api,
    ),
    workflows::Api,
    (executions::Api, again::Api, retention::Api),
    (
        llm::Api,
        llm::calls::Api,
        llm::routes::Api,
        llm::limits::Api,
        llm::recording::Api,
        llm::budgets::Api,
    ),
    node_types::Api,
    variables::Api,
    tools::Api,
    secrets::Api,
    agents::Api,
    crews::Api,
    knowledge::Api,
    chat::Api,
    dead_letters::Api,
);

/// The API, its routes and its description.
pub(crate) fn service() -> OpenApiService<Apis, ()> {
    let apis = (
        auth::Api,
        users::Api,
        organizations::Api,
        (
            flows::Api,
            concurrency::Api,
            triggers::Api,
            regressions::Api,
            upgrades::Api,
        ),
        workflows::Api,
        (executions::Api, again::Api, retention::Api),
        (
            llm::Api,
            llm::calls::Api,
            llm::routes::Api,
            llm::limits::Api,
            llm::recording::Api,
            llm::budgets::Api,
        ),
        node_types::Api,
        variables::Api,
        tools::Api,
        secrets::Api,
        agents::Api,
        crews::Api,
        knowledge::Api,
        chat::Api,
        dead_letters::Api,
    );
    OpenApiService::new(apis, "Troupe", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .server(PREFIX)
}

const DESCRIPTION: &str = "\
AI agents, crews and flows as durable executions.

Sign in with `POST /auth/login` and send the access token as `Authorization: Bearer <token>`. Every error is \
`application/problem+json` (RFC 9457) with a stable `code` and the `trace_id` to name when you ask for help. Lists are \
`{items, next}`; pass `next` as `cursor`. Events come as server-sent events, or many \
streams over one WebSocket: `GET /ws?ticket=`, with a ticket of `POST /auth/ws-ticket`. The same operations can be called over NATS under the name in `x-operation`.";
