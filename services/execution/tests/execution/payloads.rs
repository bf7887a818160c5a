//! Values that are too large for their records.

use contracts::{
    execution::{DeleteExecution, GetPayload, ReadPayload},
    live::ExecutionEvent,
    owner,
    payload::{Payload, PayloadHash, PayloadRef},
    subject::partition_of,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

use super::{
    parking::{answer, question},
    *,
};

const MIB: usize = 1024 * 1024;

fn text(bytes: usize) -> Value {
    Value::String("x".repeat(bytes))
}

/// A server that answers each request with so many bytes.
async fn talkative(bytes: usize, tasks: &mut JoinSet<()>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {bytes}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all("y".repeat(bytes).as_bytes()).await;
        }
    });
    address
}

/// A flow that gives back its input, after a person has said so.
async fn echo(fixture: &Fixture, waits: bool) -> String {
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        json!({"id": "o", "type": "output", "config": {"value": "{{ input.text }}"}}),
    ];
    let mut edges = vec![("t", "out", "o")];
    if waits {
        nodes.push(json!({"id": "q", "type": "approval", "config": question()}));
        edges = vec![("t", "out", "q"), ("q", "approve", "o")];
    }
    fixture.define(json!(nodes), &edges).await
}

/// Begins with an input that goes by reference.
async fn begin(fixture: &Fixture, hash: &str, input: Value) -> ExecutionId {
    let mut start = fixture.start_of(hash, json!(null));
    let stored = fixture
        .bus
        .by_reference(start.tenant, start.execution_id, input);
    start.input = stored.await.unwrap();
    assert!(PayloadRef::of(&start.input).is_some());
    fixture.begin(&start).await.id
}

async fn waits(fixture: &Fixture, id: ExecutionId) {
    eventually(SOON, async || {
        let get = GetExecution { execution_id: id };
        let execution = fixture.ask(&fixture.user, &get).await.ok()?;
        (execution.state == ExecutionState::Waiting).then_some(())
    })
    .await;
}

/// The value that stands where an output is shown.
async fn value(fixture: &Fixture, id: ExecutionId, shown: &Value) -> Value {
    let reference = PayloadRef::of(shown).unwrap();
    let tenant = fixture.user.tenant;
    let stored = fixture.bus.payload(tenant, id, &reference).await.unwrap();
    let text = match stored {
        Some(text) => text,
        None => {
            let archive = documents::Archive::connect(&fixture.config.documents)
                .await
                .unwrap();
            let kept = archive.payload(tenant, id, &reference).await.unwrap();
            kept.unwrap()
        }
    };
    assert!(reference.is_of(&text));
    serde_json::from_slice(&text).unwrap()
}

#[tokio::test]
async fn large_outputs_of_workers_go_by_reference() {
    let mut tasks = JoinSet::new();
    let address = talkative(3 * MIB, &mut tasks).await;
    let egress = egress::Config::allowing([address.to_string().parse().unwrap()]);
    let mut fixture = Fixture::with(egress).await;
    let source = "export default ({nodes}) => 'z'.repeat(2 * 1024 * 1024)";
    let nodes = json!([
        {"id": "t", "type": "trigger"},
        {"id": "h", "type": "http", "config": {"method": "GET", "url": format!("http://{address}/")}},
        {"id": "c", "type": "code", "config": {"language": "javascript", "source": source}},
        {"id": "o", "type": "output", "config": {"value": ["{{ nodes.h.output.body }}", "{{ nodes.c.output }}"]}},
    ]);
    let edges = [
        ("t", "out", "h"),
        ("t", "out", "c"),
        ("h", "out", "o"),
        ("c", "out", "o"),
    ];
    let hash = fixture.define(nodes, &edges).await;
    let id = fixture.execute(&hash, json!({})).await;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.state, ExecutionState::Succeeded, "{execution:?}");
    let shown = execution.output.unwrap();
    let output = value(&fixture, id, &shown).await;
    assert_eq!(output[0].as_str().unwrap().len(), 3 * MIB);
    assert_eq!(output[1].as_str().unwrap().len(), 2 * MIB);
    let events = fixture.events(id).await;
    for frame in &events {
        assert!(serde_json::to_vec(frame).unwrap().len() < 100_000);
    }
    // Another owner, from the log or the archive, says the same.
    let other = fixture.engine().await;
    fixture.running.replace(other).unwrap().drain().await;
    let execution = fixture.finished(id).await;
    assert_eq!(execution.output, Some(shown));
    assert_eq!(fixture.events(id).await, events);
    fixture.drain().await;
}

#[tokio::test]
async fn a_new_owner_goes_on_with_large_values() {
    let mut fixture = Fixture::start().await;
    let hash = echo(&fixture, true).await;
    let large = begin(&fixture, &hash, json!({"text": text(3 * MIB)})).await;
    let small = begin(&fixture, &hash, json!({"text": text(MIB / 2)})).await;
    for id in [large, small] {
        waits(&fixture, id).await;
    }
    let other = fixture.engine().await;
    fixture.running.replace(other).unwrap().drain().await;
    for id in [large, small] {
        eventually(SOON, async || {
            fixture.ask(&fixture.user, &answer(id)).await.ok()
        })
        .await;
    }
    let done = fixture.finished(large).await;
    assert_eq!(
        value(&fixture, large, &done.output.unwrap()).await,
        text(3 * MIB)
    );
    // What fits an answer is shown as it is.
    let done = fixture.finished(small).await;
    assert_eq!(done.output, Some(text(MIB / 2)));
    fixture.drain().await;
}

#[tokio::test]
async fn what_waits_out_of_memory_comes_back_with_its_values() {
    let fixture = Fixture::set_up(|config| config.engine.engine_park_after_ms = 200).await;
    let hash = echo(&fixture, true).await;
    let id = begin(&fixture, &hash, json!({"text": text(MIB / 2)})).await;
    eventually(SOON, async || {
        (execution::measure::measured().parked >= 1).then_some(())
    })
    .await;
    // The archive alone has them now.
    let tenant = fixture.user.tenant;
    fixture.bus.forget_payloads(tenant, id).await.unwrap();
    fixture.ask(&fixture.user, &answer(id)).await.unwrap();
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(text(MIB / 2)));
    fixture.drain().await;
}

#[tokio::test]
async fn a_value_that_is_lost_fails_its_execution_alone() {
    let mut fixture = Fixture::start().await;
    let hash = echo(&fixture, true).await;
    let lost = begin(&fixture, &hash, json!({"text": text(2 * MIB)})).await;
    let kept = begin(&fixture, &hash, json!({"text": text(MIB / 2)})).await;
    for id in [lost, kept] {
        waits(&fixture, id).await;
    }
    fixture.running.take().unwrap().drain().await;
    let tenant = fixture.user.tenant;
    fixture.bus.forget_payloads(tenant, lost).await.unwrap();
    let archive = documents::Archive::connect(&fixture.config.documents)
        .await
        .unwrap();
    archive.delete_events(tenant, &[lost]).await.unwrap();
    fixture.running = Some(fixture.engine().await);
    let failed = fixture.finished(lost).await;
    assert_eq!(failed.error.unwrap().code, "payload_lost");
    eventually(SOON, async || {
        fixture.ask(&fixture.user, &answer(kept)).await.ok()
    })
    .await;
    assert_eq!(fixture.finished(kept).await.output, Some(text(MIB / 2)));
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_deleted_leaves_no_value() {
    let mut fixture = Fixture::start().await;
    fixture.user.role = Role::Admin;
    let hash = echo(&fixture, false).await;
    let id = begin(&fixture, &hash, json!({"text": text(2 * MIB)})).await;
    fixture.finished(id).await;
    eventually(SOON, async || {
        let kept = fixture._mongo.count("execution_payloads", "hash").await;
        (kept >= 2).then_some(())
    })
    .await;
    let delete = DeleteExecution { execution_id: id };
    fixture.ask(&fixture.user, &delete).await.unwrap();
    assert_eq!(fixture._mongo.count("execution_payloads", "hash").await, 0);
    let partition = partition_of(id, fixture.bus.partitions().await.unwrap());
    assert!(
        fixture
            .bus
            .with_payloads(partition)
            .await
            .unwrap()
            .is_empty()
    );
    fixture.drain().await;
}

/// All pieces of a value, asked for as integrators do.
async fn pieces(
    fixture: &Fixture,
    who: &Principal,
    id: ExecutionId,
    hash: &PayloadHash,
) -> Result<Vec<u8>, Problem> {
    let mut text = Vec::new();
    loop {
        let request = GetPayload {
            execution_id: id,
            hash: hash.clone(),
            offset: text.len() as u64,
        };
        let part = fixture.ask(who, &request).await?;
        assert_eq!(part.content_type, "application/json");
        text.extend(part.content().unwrap());
        if text.len() as u64 >= part.bytes {
            return Ok(text);
        }
    }
}

#[tokio::test]
async fn a_value_is_read_piece_by_piece_by_who_may_read_its_execution() {
    let mut fixture = Fixture::start().await;
    let hash = echo(&fixture, false).await;
    let id = begin(&fixture, &hash, json!({"text": text(3 * MIB)})).await;
    let other = begin(&fixture, &hash, json!({"text": text(MIB)})).await;
    let done = fixture.finished(id).await;
    fixture.finished(other).await;
    let reference = PayloadRef::of(&done.output.unwrap()).unwrap();
    let name = reference.name().unwrap();
    let user = fixture.user.clone();
    let read = pieces(&fixture, &user, id, &name).await.unwrap();
    assert!(reference.is_of(&read));
    // Once it is archived the stream need not have it.
    eventually(SOON, async || {
        let kept = fixture._mongo.count("execution_payloads", "hash").await;
        (kept >= 4).then_some(())
    })
    .await;
    fixture.bus.forget_payloads(user.tenant, id).await.unwrap();
    let read = pieces(&fixture, &user, id, &name).await.unwrap();
    assert!(reference.is_of(&read));
    // Not behind its end, not under another execution, not for another organization, and no value that was never there.
    let behind = GetPayload {
        execution_id: id,
        hash: name.clone(),
        offset: u64::MAX,
    };
    let part = fixture.ask(&user, &behind).await.unwrap();
    assert_eq!((part.bytes, part.content.as_str()), (reference.bytes, ""));
    let mut stranger = user.clone();
    stranger.tenant = TenantId::generate();
    let unknown = PayloadHash::new(&"0".repeat(64)).unwrap();
    for (who, id, name) in [
        (&user, other, &name),
        (&stranger, id, &name),
        (&user, id, &unknown),
    ] {
        let refused = pieces(&fixture, who, id, name).await.unwrap_err();
        assert_eq!(refused.status, 404, "{refused:?}");
    }
    // A service that keeps what came of it reads the same.
    let question = ReadPayload {
        execution_id: id,
        hash: name.clone(),
        offset: 0,
    };
    let call = Call::anonymous();
    let part = fixture
        .bus
        .call(user.tenant, &question, call)
        .await
        .unwrap();
    assert_eq!(part.bytes, reference.bytes);
    fixture.user.role = Role::Admin;
    let delete = DeleteExecution { execution_id: id };
    fixture.ask(&fixture.user, &delete).await.unwrap();
    let refused = pieces(&fixture, &user, id, &name).await.unwrap_err();
    assert_eq!(refused.status, 404);
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_too_large_or_not_there_is_refused() {
    let fixture = Fixture::start().await;
    let hash = echo(&fixture, false).await;
    let mut start = fixture.start_of(&hash, json!(null));
    let large = Payload::of(&text(17 * MIB)).unwrap();
    start.input = large.reference.to_value();
    let refused = eventually(SOON, async || {
        let problem = fixture.bus.ask_owner(&start, SOON).await.unwrap_err();
        (problem.status != 503).then_some(problem)
    })
    .await;
    assert_eq!(refused.status, 413);
    let missing = Payload::of(&text(MIB)).unwrap();
    start.input = missing.reference.to_value();
    let refused = fixture.bus.ask_owner(&start, SOON).await.unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("payload_missing"));
    // It is stored then, and the same start is taken.
    let input = json!({"text": {"$payload": "mine"}});
    let stored = fixture
        .bus
        .by_reference(start.tenant, start.execution_id, input);
    start.input = stored.await.unwrap();
    let id = fixture.begin(&start).await.id;
    let done = fixture.finished(id).await;
    let events = fixture.events(id).await;
    let ExecutionEvent::ExecutionSucceeded { output, .. } = &events.last().unwrap().event else {
        panic!("{events:?}");
    };
    // What only looks like a reference is behind one.
    assert_eq!(done.output.as_ref(), Some(output));
    assert_eq!(
        value(&fixture, id, output).await,
        json!({"$payload": "mine"})
    );
    let get = owner::Get {
        tenant: TenantId::generate(),
        execution_id: id,
    };
    assert!(fixture.bus.ask_owner(&get, SOON).await.is_err());
    fixture.drain().await;
}
