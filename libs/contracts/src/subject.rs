//! The only place where a subject is spelled.
//!
//! **Invariant:** a [`Subject`] is built from ids and [`Token`]s alone, so no text of a user can add a token or a wildcard.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Access, Permission, Role, Service,
    auth::RoleOf,
    id::{ExecutionId, TenantId, TriggerId, UserId},
    message::{Event, Request},
    operations::{OPERATIONS, Operation},
    owner::OwnerKind,
    work::WorkClass,
};

/// A subject, ready for the wire. Not constructible from a string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject(String);

impl Subject {
    pub fn request<R: Request>(tenant: TenantId) -> Self {
        Self(format!("req.{tenant}.{}", R::NAME))
    }
    /// A request by its contract name, for callers that walk the list of operations.
    pub fn request_named(tenant: TenantId, operation: &Operation) -> Self {
        Self(format!("req.{tenant}.{}", operation.name))
    }
    /// The same request of every tenant: what the service listens on.
    pub fn request_of_all<R: Request>() -> Self {
        Self(format!("req.*.{}", R::NAME))
    }
    /// All requests of one service, of every tenant.
    pub fn requests_to(service: &'static str) -> Self {
        Self(format!("req.*.{service}.>"))
    }
    pub fn event<E: Event>(tenant: TenantId, event: &E) -> Option<Self> {
        let id = Token::new(&event.id())?;
        Some(Self(format!("evt.{tenant}.{}.{id}", E::NAME)))
    }
    /// The same event of every tenant, about any object.
    pub fn event_of_all<E: Event>() -> Self {
        Self(format!("evt.*.{}.*", E::NAME))
    }
    /// A request to the owner of a partition.
    pub fn owner(partition: u16, kind: OwnerKind) -> Self {
        Self(format!("own.{partition}.{}", kind.as_str()))
    }
    pub fn owner_all(partition: u16) -> Self {
        Self(format!("own.{partition}.*"))
    }
    /// Where the holder of a partition's lease answers as long as it is connected.
    pub fn lease(partition: u16) -> Self {
        Self(format!("lease.{partition}"))
    }
    /// The log of a partition.
    pub fn partition_log(partition: u16) -> Self {
        Self(format!("pl.{partition}"))
    }
    /// A part of a value that is stored apart from the records of its execution.
    pub fn payload(
        partition: u16,
        (tenant, execution): (TenantId, ExecutionId),
        hash: &str,
        part: u32,
    ) -> Self {
        Self(format!(
            "pay.{partition}.{tenant}.{execution}.{hash}.{part}"
        ))
    }
    /// All values of an execution.
    pub fn payloads_of(partition: u16, tenant: TenantId, execution: ExecutionId) -> Self {
        Self(format!("pay.{partition}.{tenant}.{execution}.>"))
    }
    /// All values of the executions of a partition.
    pub fn payloads_in(partition: u16) -> Self {
        Self(format!("pay.{partition}.>"))
    }
    pub fn payloads() -> Self {
        Self("pay.>".to_owned())
    }
    pub fn work(
        class: WorkClass,
        tenant: TenantId,
        execution: ExecutionId,
        step: &Token,
        attempt: u32,
    ) -> Self {
        Self(format!(
            "work.{}.{tenant}.{execution}.{step}.{attempt}",
            class.as_str()
        ))
    }
    pub fn work_of(class: WorkClass) -> Self {
        Self(format!("work.{}.>", class.as_str()))
    }
    /// Committed frames of an execution; lossy by design, the log is the truth.
    pub fn live(tenant: TenantId, execution: ExecutionId) -> Self {
        Self(format!("live.{tenant}.{execution}"))
    }
    /// Token deltas of a step while its LLM speaks.
    pub fn tokens(tenant: TenantId, execution: ExecutionId, step: &Token) -> Self {
        Self(format!("tok.{tenant}.{execution}.{step}"))
    }
    /// Token deltas of all steps of an execution.
    pub fn tokens_of(tenant: TenantId, execution: ExecutionId) -> Self {
        Self(format!("tok.{tenant}.{execution}.*"))
    }
    /// Control of running steps: cancel.
    pub fn control(tenant: TenantId, execution: ExecutionId) -> Self {
        Self(format!("ctl.{tenant}.{execution}"))
    }
    pub fn control_of_all() -> Self {
        Self("ctl.*.*".to_owned())
    }
    /// Where an organization's own micro service answers as a tool.
    pub fn tool(tenant: TenantId, name: &Token) -> Self {
        Self(format!("tool.{tenant}.{name}"))
    }
    /// Where micro services that bear the organization's id as their name say what they are. No others hear it.
    pub fn tool_info(tenant: TenantId) -> Self {
        Self(format!("$SRV.INFO.{tenant}"))
    }
    /// Where an integrator serves the work of a node of that name.
    pub fn node(tenant: TenantId, name: &Token) -> Self {
        Self(format!("node.{tenant}.{name}"))
    }
    /// Where whoever works on a question says that they go on; `word` tells the questions apart.
    pub fn beat(tenant: TenantId, word: &Token) -> Self {
        Self(format!("beat.{tenant}.{word}"))
    }
    /// Reads such a subject of this tenant; none for any other text.
    pub fn beat_of(tenant: TenantId, text: &str) -> Option<Self> {
        word_of(tenant, "beat.", text).map(|word| Self::beat(tenant, &word))
    }
    /// Where the reader of an answer in chunks says how far it may go; `word` tells the questions apart.
    pub fn pace(tenant: TenantId, word: &Token) -> Self {
        Self(format!("pace.{tenant}.{word}"))
    }
    /// Reads such a subject of this tenant; none for any other text.
    pub fn pace_of(tenant: TenantId, text: &str) -> Option<Self> {
        word_of(tenant, "pace.", text).map(|word| Self::pace(tenant, &word))
    }
    /// Where a wake-up of a trigger waits for its time; `label` tells those of one trigger apart.
    pub fn wake_at(tenant: TenantId, trigger: TriggerId, label: &Token) -> Self {
        Self(format!("trg.at.{tenant}.{trigger}.{label}"))
    }
    /// Where a trigger is woken.
    pub fn wake(tenant: TenantId, trigger: TriggerId) -> Self {
        Self(format!("trg.due.{tenant}.{trigger}"))
    }
    /// The same of all triggers.
    pub fn wakes() -> Self {
        Self("trg.due.*.*".to_owned())
    }
    /// All that has to do with triggers.
    pub fn triggers() -> Self {
        Self("trg.>".to_owned())
    }
    /// Where an integrator says that something happened, for the triggers of its organization.
    pub fn inbound(tenant: TenantId, name: &Token) -> Self {
        Self(format!("in.{tenant}.event.{name}"))
    }
    /// The same of every tenant, by any name.
    pub fn inbound_of_all() -> Self {
        Self("in.*.event.*".to_owned())
    }
    /// Where such an event waits until it has begun what it begins.
    pub fn kept_event(tenant: TenantId, name: &Token) -> Self {
        let bucket = event_bucket(tenant);
        Self(format!("inbound.{tenant}.{bucket}.{name}"))
    }
    /// The same of the tenants of one bucket, by any name.
    pub fn kept_events(bucket: u16) -> Self {
        Self(format!("inbound.*.{bucket}.*"))
    }
    /// The same of every tenant.
    pub fn kept_events_of_all() -> Self {
        Self("inbound.*.*.*".to_owned())
    }
    /// Where records of questions to models wait for the archive.
    pub fn llm_calls() -> Self {
        Self("calls.llm".to_owned())
    }
    /// Messages of a stream that could not be handled.
    pub fn dead_letter(stream: &str, tenant: TenantId) -> Option<Self> {
        Token::new(stream).map(|stream| Self(format!("dead.{stream}.{tenant}")))
    }
    /// The same of every tenant.
    pub fn dead_letters_of(stream: &str) -> Option<Self> {
        Token::new(stream).map(|stream| Self(format!("dead.{stream}.*")))
    }
    pub fn dead_letters() -> Self {
        Self("dead.>".to_owned())
    }
    /// Where the NATS server asks who a connecting client is (auth callout).
    pub fn auth_callout() -> Self {
        Self("$SYS.REQ.USER.AUTH".to_owned())
    }
    /// Where a NATS server is told to end a connection.
    pub fn kick(server: &Token) -> Self {
        Self(format!("$SYS.REQ.SERVER.{server}.KICK"))
    }
    /// [`Subject::kick`] of any server.
    pub fn kick_all() -> Self {
        Self("$SYS.REQ.SERVER.*.KICK".to_owned())
    }
    /// The prefix of a service's reply inboxes.
    pub fn service_inbox_prefix(service: Service) -> String {
        format!("_INBOX_svc_{service}")
    }
    /// The prefix of an integrator's reply inboxes.
    pub fn inbox_prefix(user: UserId) -> String {
        format!("_INBOX_{user}")
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the tenant back out of a concrete subject: `req.<tenant>.flow.get`.
pub fn tenant_of(subject: &str) -> Option<TenantId> {
    subject.split('.').nth(1)?.parse().ok()
}

/// Reads `(tenant, execution)` back out of `live.<tenant>.<execution>` and `ctl.<tenant>.<execution>`.
pub fn execution_of(subject: &str) -> Option<(TenantId, ExecutionId)> {
    let mut tokens = subject.split('.').skip(1);
    Some((tokens.next()?.parse().ok()?, tokens.next()?.parse().ok()?))
}

/// Reads `(tenant, trigger)` back out of what [`Subject::wake`] has written.
pub fn trigger_of(subject: &str) -> Option<(TenantId, TriggerId)> {
    let (tenant, trigger) = subject.strip_prefix("trg.due.")?.split_once('.')?;
    Some((tenant.parse().ok()?, trigger.parse().ok()?))
}

/// Reads `(tenant, name)` back out of what [`Subject::inbound`] has written.
pub fn inbound_of(subject: &str) -> Option<(TenantId, Token)> {
    let (tenant, name) = subject.strip_prefix("in.")?.split_once(".event.")?;
    Some((tenant.parse().ok()?, Token::new(name)?))
}

/// Reads `(tenant, name)` back out of what [`Subject::kept_event`] has written.
pub fn kept_event_of(subject: &str) -> Option<(TenantId, Token)> {
    let mut words = subject.strip_prefix("inbound.")?.splitn(3, '.');
    let tenant = words.next()?.parse().ok()?;
    Some((tenant, Token::new(words.nth(1)?)?))
}

/// Events wait in so many queues, each for some of the tenants: a flood of one holds up few others.
pub const EVENT_BUCKETS: u16 = 8;

fn event_bucket(tenant: TenantId) -> u16 {
    let bytes = tenant.uuid().into_bytes();
    // The last byte of a UUIDv7 is random.
    u16::from(bytes[15]) % EVENT_BUCKETS
}

/// The word in `<prefix><tenant>.<word>`.
fn word_of(tenant: TenantId, prefix: &str, text: &str) -> Option<Token> {
    let (of, word) = text.strip_prefix(prefix)?.split_once('.')?;
    Token::new(word).filter(|_| of == tenant.to_string())
}

/// Which attempt of which step a work item is, as its subject says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkAddress {
    pub class: WorkClass,
    pub tenant: TenantId,
    pub execution: ExecutionId,
    pub step: Token,
    pub attempt: u32,
}

impl WorkAddress {
    /// Reads what [`Subject::work`] has written; none for any other text.
    pub fn parse(subject: &str) -> Option<Self> {
        let mut tokens = subject.strip_prefix("work.")?.split('.');
        let class = tokens.next()?;
        let address = Self {
            class: WorkClass::ALL.into_iter().find(|it| it.as_str() == class)?,
            tenant: tokens.next()?.parse().ok()?,
            execution: tokens.next()?.parse().ok()?,
            step: Token::new(tokens.next()?)?,
            attempt: tokens.next()?.parse().ok()?,
        };
        // One spelling per address: what was read is what is written.
        (address.subject().as_str() == subject).then_some(address)
    }

    pub fn subject(&self) -> Subject {
        Subject::work(
            self.class,
            self.tenant,
            self.execution,
            &self.step,
            self.attempt,
        )
    }
}

/// Reads the name of a tenant's tool back out of `tool.<tenant>.<name>`.
pub fn tool_of(tenant: TenantId, subject: &str) -> Option<Token> {
    let rest = subject.strip_prefix("tool.")?;
    let name = rest.strip_prefix(&tenant.to_string())?.strip_prefix('.')?;
    Token::new(name)
}

/// The subjects an integrator may use with an access token: an allow-list, nothing else. Who may write tools may also
/// be one, and be a node.
pub fn integrator_grants(tenant: TenantId, user: UserId, role: Role) -> Grants {
    let mut subscribe = vec![
        format!("live.{tenant}.>"),
        format!("evt.{tenant}.>"),
        format!("tok.{tenant}.>"),
        format!("{}.>", Subject::inbox_prefix(user)),
    ];
    if role.allows(Permission::ToolWrite) {
        subscribe.extend([
            format!("tool.{tenant}.>"),
            format!("node.{tenant}.>"),
            // A micro service listens for questions to all, to its name and to its instance. The platform looks for
            // tools by name alone, and the name is the organization's id: no other organization hears or answers it.
        ]);
        subscribe.extend(micro_service(&tenant));
    }
    let mut publish: Vec<String> = OPERATIONS
        .iter()
        .filter(|operation| operation.is_for_tenants())
        .map(|operation| format!("req.{tenant}.{}", operation.name))
        .collect();
    // Who reads an answer may say how far it may go.
    publish.push(format!("pace.{tenant}.*"));
    // Who works for the platform may say that the work goes on.
    if role.allows(Permission::ToolWrite) {
        publish.push(format!("beat.{tenant}.*"));
    }
    // An event may begin executions.
    if role.allows(Permission::FlowExecute) {
        publish.push(format!("in.{tenant}.event.*"));
    }
    Grants { publish, subscribe }
}

/// What a micro service of this name listens to, to say what it is. Each verb stands alone: a NATS server takes the token
/// `>` of a subscription for one that `*` allows.
pub fn micro_service(name: &dyn fmt::Display) -> impl Iterator<Item = String> {
    ["PING", "INFO", "STATS"].into_iter().flat_map(move |verb| {
        [
            format!("$SRV.{verb}"),
            format!("$SRV.{verb}.{name}"),
            format!("$SRV.{verb}.{name}.*"),
        ]
    })
}

/// The subjects a service may use by the call graph, and its own: an allow-list, nothing else. Streams and buckets are
/// the business of the bus.
///
/// Users' requests reach a service by the gateway or from integrators; requests between services carry no Public one.
pub fn service_grants(service: Service) -> Grants {
    let mut publish: Vec<String> = OPERATIONS
        .iter()
        .filter(|operation| may_ask(service, operation))
        .map(|operation| format!("req.*.{}", operation.name))
        .collect();
    let mut subscribe = vec![format!("req.*.{service}.>")];
    match service {
        Service::Auth => {
            subscribe.push(Subject::auth_callout().to_string());
            publish.push(Subject::kick_all().to_string());
        }
        Service::Flow => {
            let told = [OwnerKind::Start, OwnerKind::Release, OwnerKind::Cancel];
            publish.extend(told.map(|kind| format!("own.*.{}", kind.as_str())));
            publish.extend([Subject::triggers(), Subject::payloads()].map(|it| it.to_string()));
            publish.push(Subject::kept_events_of_all().to_string());
            // Who sends a webhook may wait for the output.
            subscribe.push("live.*.*".to_owned());
            // What integrators publish is stored by us, not by the server itself.
            subscribe.push(Subject::inbound_of_all().to_string());
        }
        Service::Execution => {
            publish.extend(
                [
                    "own.*.*", "lease.*", "pl.*", "pay.>", "work.>", "live.*.*", "tok.>",
                    "ctl.*.*", "dead.>", "node.*.*", "pace.*.*",
                ]
                .map(str::to_owned),
            );
            let heard = ["own.*.*", "lease.*", "ctl.*.*", "beat.*.*"];
            subscribe.extend(heard.map(str::to_owned));
        }
        Service::Gateway | Service::Chat => {
            subscribe.extend(["live.*.*", "tok.>"].map(str::to_owned))
        }
        // What a cancelled execution asked of a model or of a tool is dropped at once.
        Service::Llm => {
            subscribe.extend(["ctl.*.*", "pace.*.*"].map(str::to_owned));
            publish.push(Subject::llm_calls().to_string());
        }
        Service::Tool => {
            subscribe.push("ctl.*.*".to_owned());
            publish.extend(["tool.*.*", "$SRV.INFO.*", "beat.*.*"].map(str::to_owned));
        }
        Service::Tenant | Service::Agent => {}
    }
    // The gateway is a face without events of its own.
    if service != Service::Gateway {
        publish.push(format!("evt.*.{service}.>"));
    }
    Grants { publish, subscribe }
}

fn may_ask(caller: Service, operation: &Operation) -> bool {
    let Some(callee) = Service::parse(operation.service()) else {
        return false;
    };
    let fits = match (caller, operation.access) {
        (Service::Gateway, access) => access != Access::Internal,
        (_, access) => access != Access::Public,
    };
    // Who begins executions for absent users needs their role, and no token of theirs.
    let is_known =
        (caller, callee) != (Service::Flow, Service::Auth) || operation.name == RoleOf::NAME;
    fits && is_known && caller.calls().contains(&callee)
}

/// What a NATS user may publish and subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
}

/// What a user's text must look like to stand in a subject or key: `[A-Za-z0-9_-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Token(String);

impl Token {
    pub fn new(text: &str) -> Option<Self> {
        let valid = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        valid.then(|| Self(text.to_owned()))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Token {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text).ok_or_else(|| "expected 1 to 64 letters, digits, `_` or `-`".to_owned())
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0
    }
}

/// How a step is named in a subject: its path where that is a token, else `s-` and 32 hexadecimal digits of its BLAKE3.
pub fn step_token(path: &str) -> Token {
    Token::new(path).unwrap_or_else(|| {
        let hash = blake3::hash(path.as_bytes()).to_hex();
        Token(format!("s-{}", &hash[..32]))
    })
}

/// Slots of the hash space that executions fall into; partitions own slots.
pub const SLOTS: u16 = 1024;

/// Whose value a subject holds a part of.
pub fn payload_of(subject: &str) -> Option<(TenantId, ExecutionId)> {
    let mut words = subject.strip_prefix("pay.")?.split('.').skip(1);
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// The partition that owns an execution.
pub fn partition_of(execution: ExecutionId, partitions: u16) -> u16 {
    let bytes = execution.uuid().into_bytes();
    // The last bytes of a UUIDv7 are random: they are the hash.
    let slot = u16::from_be_bytes([bytes[14], bytes[15]]) % SLOTS;
    slot % partitions.max(1)
}

#[cfg(test)]
mod tests;
