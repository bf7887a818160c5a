//! Executions that are forgotten.

use contracts::execution::{
    DeleteExecution, GetRetention, ListExecutions, Retention, SetRetention,
};

use super::{outside::*, *};

/// As only who owns the database may.
async fn sql(fixture: &Fixture, statement: &str) {
    let admin = sea_orm::Database::connect(fixture._database.url())
        .await
        .unwrap();
    let schema = sql::SchemaName::of(fixture.user.tenant).unwrap();
    let text = format!("SET search_path TO \"{schema}\"; {statement}");
    sea_orm::ConnectionTrait::execute_unprepared(&admin, &text)
        .await
        .unwrap();
    admin.close().await.unwrap();
}

async fn rows(fixture: &Fixture) -> usize {
    let list = ListExecutions::default();
    fixture.ask(&fixture.user, &list).await.unwrap().items.len()
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_does_not_begin_again() {
    let mut outside = Outside::start().await;
    outside.fixture.user.role = Role::Admin;
    let fixture = &outside.fixture;
    let hash = inline_flow(fixture).await;
    let start = fixture.start_of(&hash, json!({"name": "Ada"}));
    let id = fixture.begin(&start).await.id;
    let kept = fixture.execute(&hash, json!({"name": "Eve"})).await;
    fixture.finished(id).await;
    fixture.finished(kept).await;
    let delete = DeleteExecution { execution_id: id };
    fixture.ask(&fixture.user, &delete).await.unwrap();
    let get = GetExecution { execution_id: id };
    assert_eq!(
        fixture.ask(&fixture.user, &get).await.unwrap_err().status,
        404
    );
    let again = fixture.ask(&fixture.user, &delete).await.unwrap_err();
    assert_eq!(again.status, 404);
    assert_eq!(rows(fixture).await, 1);
    // A new owner may know it from the log for a moment, and does not let it begin again.
    let other = outside.fixture.engine().await;
    let old = outside.fixture.running.replace(other).unwrap();
    old.drain().await;
    let fixture = &outside.fixture;
    eventually(SOON, async || {
        let asked = fixture.bus.ask_owner(&start, SOON).await;
        match asked {
            Ok(accepted) => accepted.state.is_final().then_some(()),
            Err(problem) => (problem.status == 404).then_some(()),
        }
    })
    .await;
    eventually(SOON, async || {
        let gone = fixture.ask(&fixture.user, &get).await;
        gone.is_err_and(|problem| problem.status == 404)
            .then_some(())
    })
    .await;
    assert_eq!(rows(fixture).await, 1);
    assert_eq!(fixture.events(kept).await.len(), 5);
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_runs_is_not_deleted() {
    let mut outside = Outside::start().await;
    outside.fixture.user.role = Role::Admin;
    outside.ledger.hold();
    let fixture = &outside.fixture;
    let nodes = json!([{"id": "t", "type": "trigger"}, outside.call("a", json!({}))]);
    let hash = fixture.define(nodes, &[("t", "out", "a")]).await;
    let id = fixture.execute(&hash, json!({})).await;
    let delete = DeleteExecution { execution_id: id };
    let problem = fixture.ask(&fixture.user, &delete).await.unwrap_err();
    assert_eq!(
        (problem.status, problem.reason.as_deref()),
        (409, Some("not_ended"))
    );
    outside.ledger.release();
    outside.fixture.drain().await;
}

#[tokio::test]
async fn what_is_older_than_its_organization_keeps_it_is_forgotten() {
    let mut outside = Outside::start().await;
    outside.fixture.user.role = Role::Admin;
    outside.fixture.config.engine.retention_sweep_seconds = 1;
    let other = outside.fixture.engine().await;
    let old = outside.fixture.running.replace(other).unwrap();
    old.drain().await;
    let fixture = &outside.fixture;
    let user = &fixture.user;
    let hash = inline_flow(fixture).await;
    let old = fixture.execute(&hash, json!({"name": "Ada"})).await;
    let young = fixture.execute(&hash, json!({"name": "Eve"})).await;
    for id in [old, young] {
        fixture.finished(id).await;
        // Only what has left memory stays as it is in the database.
        eventually(SOON, async || {
            let question = contracts::owner::Get {
                tenant: user.tenant,
                execution_id: id,
            };
            let asked = fixture.bus.ask_owner(&question, SOON).await;
            asked
                .is_err_and(|problem| problem.status == 404)
                .then_some(())
        })
        .await;
    }
    for wrong in [0, 3651] {
        let set = SetRetention { days: Some(wrong) };
        assert_eq!(fixture.ask(user, &set).await.unwrap_err().status, 422);
    }
    let id = old.uuid();
    let age = "finished_at = now() - interval '8 days'";
    sql(
        fixture,
        &format!("UPDATE executions SET {age} WHERE id = '{id}'"),
    )
    .await;
    let set = SetRetention { days: Some(7) };
    fixture.ask(user, &set).await.unwrap();
    let kept = fixture.ask(user, &GetRetention {}).await.unwrap();
    assert_eq!(kept, Retention { days: Some(7) });
    eventually(SOON, async || (rows(fixture).await == 1).then_some(())).await;
    let get = GetExecution { execution_id: old };
    assert_eq!(fixture.ask(user, &get).await.unwrap_err().status, 404);
    assert_eq!(fixture.get(young).await.state, ExecutionState::Succeeded);
    fixture
        .ask(user, &SetRetention { days: None })
        .await
        .unwrap();
    let kept = fixture.ask(user, &GetRetention {}).await.unwrap();
    assert_eq!(kept.days, None);
    outside.fixture.drain().await;
}
