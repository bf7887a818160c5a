//! Nodes that wait for a person.

use contracts::{
    execution::{AnswerExecution, ListExecutions},
    owner,
};

use super::*;

pub(crate) async fn asking(fixture: &Fixture, config: Value) -> ExecutionId {
    let has_deadline = config.get("deadline_seconds").is_some();
    let mut nodes = vec![
        json!({"id": "t", "type": "trigger"}),
        json!({"id": "q", "type": "approval", "config": config}),
        json!({"id": "yes", "type": "output", "config": {"value": "{{ nodes.q.output.values.name }}"}}),
    ];
    let mut edges = vec![("t", "out", "q"), ("q", "approve", "yes")];
    if has_deadline {
        nodes.push(json!({"id": "late", "type": "output", "config": {"value": "late"}}));
        edges.push(("q", "deadline", "late"));
    }
    let hash = fixture.define(json!(nodes), &edges).await;
    fixture.execute(&hash, json!({})).await
}

async fn listed(fixture: &Fixture, asks: bool) -> Vec<(ExecutionId, u32)> {
    let list = ListExecutions {
        asks: Some(asks),
        ..ListExecutions::default()
    };
    let page = fixture.ask(&fixture.user, &list).await.unwrap();
    page.items.iter().map(|it| (it.id, it.asks)).collect()
}

#[tokio::test]
async fn who_is_asked_answers_once() {
    let mut fixture = Fixture::start().await;
    let form =
        json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}});
    let config = json!({"title": "Who?", "form": form, "least_role": "admin"});
    let id = asking(&fixture, config).await;
    eventually(SOON, async || {
        (listed(&fixture, true).await == [(id, 1)]).then_some(())
    })
    .await;
    // It waits through a change of owner.
    let other = fixture.engine().await;
    fixture.running.replace(other).unwrap().drain().await;
    let get = GetExecution { execution_id: id };
    let waiting = eventually(SOON, async || fixture.ask(&fixture.user, &get).await.ok()).await;
    assert_eq!(waiting.state, ExecutionState::Waiting);
    assert_eq!(waiting.answers[0].title, "Who?");
    let answer = |name: Value| AnswerExecution {
        execution_id: id,
        node: "q".into(),
        port: "approve".into(),
        values: json!({"name": name}),
        comment: String::new(),
    };
    let refused = fixture.ask(&fixture.user, &answer(json!("Ada"))).await;
    assert_eq!(refused.unwrap_err().reason.as_deref(), Some("not_assigned"));
    let mut admin = fixture.user.clone();
    admin.role = Role::Admin;
    let misfit = fixture.ask(&admin, &answer(json!(7))).await.unwrap_err();
    assert_eq!(misfit.errors[0].path, "/values/name");
    fixture.ask(&admin, &answer(json!("Ada"))).await.unwrap();
    fixture.ask(&admin, &answer(json!("Ada"))).await.unwrap();
    let second = fixture.ask(&admin, &answer(json!("Grace"))).await;
    assert_eq!(second.unwrap_err().status, 409);
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(json!("Ada")));
    assert!(done.answers.is_empty());
    // Whoever did not hear the answer to their answer asks again, however late.
    let tenant = fixture.user.tenant;
    let remembers = owner::Get {
        tenant,
        execution_id: id,
    };
    eventually(SOON, async || {
        let forgotten = fixture.bus.ask_owner(&remembers, SOON).await.err()?;
        (forgotten.status == 404).then_some(())
    })
    .await;
    fixture.ask(&admin, &answer(json!("Ada"))).await.unwrap();
    let late = fixture.ask(&admin, &answer(json!("Grace"))).await;
    assert_eq!(late.unwrap_err().reason.as_deref(), Some("not_waiting"));
    let kinds = fixture.kinds(id).await;
    assert_eq!(kinds[2..4], ["answer_asked", "answer_given"]);
    eventually(SOON, async || {
        (listed(&fixture, false).await == [(id, 0)]).then_some(())
    })
    .await;
    let stranger = testkit::principal(TenantId::generate(), Role::Owner);
    fixture.provision(stranger.tenant).await;
    let elsewhere = fixture.ask(&stranger, &answer(json!("Eve"))).await;
    assert_eq!(elsewhere.unwrap_err().status, 404);
    fixture.drain().await;
}

#[tokio::test]
async fn nobody_answers_in_time() {
    let fixture = Fixture::start().await;
    let id = asking(&fixture, json!({"title": "Who?", "deadline_seconds": 1})).await;
    let done = fixture.finished(id).await;
    assert_eq!(done.output, Some(json!("late")));
    assert_eq!(
        fixture.kinds(id).await[2..4],
        ["answer_asked", "step_succeeded"]
    );
    fixture.drain().await;
}
