//! What each user of the server may publish and subscribe to.

use contracts::{
    Event, Service, Subject,
    chat::Asked,
    execution::Finished,
    flow::PlaceTaken,
    subject::{EVENT_BUCKETS, Grants, micro_service, service_grants},
    work::WorkClass,
};

use super::ServerUser;
use crate::{
    Bucket,
    event::durable,
    inbound, payloads,
    topology::{DEAD, EVENTS, INBOUND, LLM_CALLS, TRIGGERS, log_stream, work_stream},
    uploads,
};

/// The allow-list of one user.
pub(super) fn of(user: ServerUser, partitions: u16) -> Grants {
    match user {
        ServerUser::Service(service) => of_service(service, partitions),
        ServerUser::Admin => {
            let own = format!("{}.>", super::credentials("", user).inbox_prefix);
            Grants {
                publish: vec!["$JS.API.>".to_owned(), "$KV.>".to_owned(), own.clone()],
                subscribe: vec![own],
            }
        }
    }
}

/// How many answers to one message, and until when, go to inboxes that are not granted by name: those of integrators.
///
/// The server keeps a record of each message until it is answered that often or the time is over, so only services
/// that stream their answers get more than one.
pub(super) const fn responses_of(user: ServerUser) -> (u32, &'static str) {
    match user {
        ServerUser::Service(Service::Llm | Service::Agent | Service::Chat | Service::Tool) => {
            (100_000, "15m")
        }
        ServerUser::Service(
            Service::Auth | Service::Tenant | Service::Flow | Service::Execution | Service::Gateway,
        )
        | ServerUser::Admin => (1, "2m"),
    }
}

fn of_service(service: Service, partitions: u16) -> Grants {
    let Grants {
        mut publish,
        mut subscribe,
    } = service_grants(service);
    // The inboxes of callers by name: no bookkeeping per message in the server.
    publish.extend(
        service
            .callers()
            .map(|caller| format!("{}.>", Subject::service_inbox_prefix(caller))),
    );
    if service == Service::Execution {
        // An owner of partitions answers flow's and its own questions.
        publish.extend(
            [Service::Flow, Service::Execution]
                .map(|asker| format!("{}.>", Subject::service_inbox_prefix(asker))),
        );
    }
    // What a service sends to itself tells it how far the server is.
    let own = format!("{}.>", Subject::service_inbox_prefix(service));
    publish.push(own.clone());
    subscribe.push(own);
    // The questions of `nats micro ls` about this service alone.
    subscribe.extend(micro_service(&service));
    for bucket in Bucket::ALL {
        match access(service, bucket) {
            KvAccess::None => {}
            KvAccess::Read => publish.extend(reads(&bucket_stream(bucket))),
            KvAccess::Write => {
                publish.extend(reads(&bucket_stream(bucket)));
                publish.push(format!("$KV.{}.>", bucket.name()));
            }
        }
    }
    if service == Service::Execution {
        for p in 0..partitions {
            publish.extend(consumes(&log_stream(p)));
            publish.push(format!("$JS.API.STREAM.PURGE.{}", log_stream(p)));
        }
        for class in WorkClass::ALL {
            publish.extend(consumes(&work_stream(class)));
        }
        publish.extend(consumes(DEAD));
        publish.extend(reads(payloads::STREAM));
        publish.push(format!("$JS.API.STREAM.PURGE.{}", payloads::STREAM));
    }
    publish.extend(upload_grants(service));
    if service == Service::Flow {
        publish.extend(reads_own(service, TRIGGERS, &Subject::wakes()));
        for bucket in 0..EVENT_BUCKETS {
            let (reader, filter) = (
                inbound::reader(service, bucket),
                Subject::kept_events(bucket),
            );
            publish.extend(reads_by(&reader, INBOUND, &filter));
        }
        publish.extend(reads_events::<Finished>(service));
        publish.extend(reads_events::<PlaceTaken>(service));
    }
    if service == Service::Llm {
        publish.extend(reads_own(service, LLM_CALLS, &Subject::llm_calls()));
    }
    if service == Service::Chat {
        publish.extend(reads_events::<Asked>(service));
        publish.extend(reads_events::<Finished>(service));
    }
    publish.sort_unstable();
    publish.dedup();
    Grants { publish, subscribe }
}

#[derive(Clone, Copy)]
enum KvAccess {
    None,
    Read,
    Write,
}

const fn access(service: Service, bucket: Bucket) -> KvAccess {
    match (bucket, service) {
        (Bucket::Jwks | Bucket::Tickets, Service::Auth)
        | (Bucket::Revocations, Service::Auth | Service::Tenant)
        | (Bucket::FlowDef, Service::Flow)
        | (
            Bucket::Leases | Bucket::Snapshots | Bucket::Cache | Bucket::Tries,
            Service::Execution,
        ) => KvAccess::Write,
        // Every kernel verifies tokens.
        (Bucket::Jwks | Bucket::Revocations, _)
        | (Bucket::FlowDef, Service::Execution)
        | (Bucket::Route, Service::Flow | Service::Execution) => KvAccess::Read,
        (
            Bucket::Tickets
            | Bucket::FlowDef
            | Bucket::Leases
            | Bucket::Snapshots
            | Bucket::Route
            | Bucket::Cache
            | Bucket::Tries,
            _,
        ) => KvAccess::None,
    }
}

fn bucket_stream(bucket: Bucket) -> String {
    format!("KV_{}", bucket.name())
}

/// The gateway puts files, the services that keep them take them out.
fn upload_grants(service: Service) -> Vec<String> {
    match service {
        Service::Gateway => vec![
            format!("$JS.API.STREAM.INFO.{}", uploads::STREAM),
            format!("$JS.API.DIRECT.GET.{}.{}", uploads::STREAM, uploads::NAMES),
            uploads::CHUNKS.to_owned(),
            uploads::NAMES.to_owned(),
        ],
        Service::Agent | Service::Chat => {
            let mut subjects = reads(uploads::STREAM);
            // A deleted file is a name that says so, and no chunks.
            subjects.push(uploads::NAMES.to_owned());
            subjects.push(format!("$JS.API.STREAM.PURGE.{}", uploads::STREAM));
            subjects
        }
        Service::Auth
        | Service::Tenant
        | Service::Flow
        | Service::Tool
        | Service::Execution
        | Service::Llm => Vec::new(),
    }
}

/// Reading one kind of event by the service's own durable consumer, and burying what cannot be handled.
fn reads_events<E: Event>(service: Service) -> Vec<String> {
    reads_by(
        &durable::<E>(service),
        EVENTS,
        &Subject::event_of_all::<E>(),
    )
}

/// Reading a stream by the one consumer that a service has there.
fn reads_own(service: Service, stream: &str, filter: &Subject) -> Vec<String> {
    reads_by(service.as_str(), stream, filter)
}

/// Reading a stream by a durable consumer, and burying what cannot be handled.
fn reads_by(name: &str, stream: &str, filter: &Subject) -> Vec<String> {
    let mut subjects = vec![
        format!("$JS.API.CONSUMER.CREATE.{stream}.{name}.{filter}"),
        format!("$JS.API.CONSUMER.INFO.{stream}.{name}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
        format!("$JS.ACK.{stream}.{name}.>"),
    ];
    subjects.extend(Subject::dead_letters_of(stream).map(|subject| subject.to_string()));
    subjects
}

/// Reading a stream: get, watch, list.
fn reads(stream: &str) -> Vec<String> {
    [
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
        format!("$JS.API.CONSUMER.INFO.{stream}.*"),
        format!("$JS.API.CONSUMER.DELETE.{stream}.*"),
        format!("$JS.FC.{stream}.>"),
    ]
    .into()
}

/// Reading a stream by consumers that acknowledge.
fn consumes(stream: &str) -> Vec<String> {
    let mut subjects = reads(stream);
    subjects.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"));
    subjects.push(format!("$JS.ACK.{stream}.>"));
    subjects
}
