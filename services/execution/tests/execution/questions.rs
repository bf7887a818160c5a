//! Questions: tenants, lists, and what is answered once an execution has left memory.

use contracts::{
    execution::{CancelExecution, GetExecutionDefinition, ListExecutions},
    page::Paging,
};

use super::*;

#[tokio::test]
async fn another_tenant_finds_nothing() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let id = fixture.execute(&hash, json!({"name": "Ada"})).await;
    let stranger = testkit::principal(TenantId::generate(), Role::Owner);
    fixture.provision(stranger.tenant).await;
    let get = GetExecution { execution_id: id };
    let events = ListEvents {
        execution_id: id,
        after: 0,
        limit: None,
    };
    let cancel = CancelExecution { execution_id: id };
    let definition = GetExecutionDefinition { execution_id: id };
    let nodes = fixture.ask(&fixture.user, &definition).await.unwrap().nodes;
    assert_eq!(nodes[0].id, "t");
    let refused = fixture.ask(&stranger, &definition).await.unwrap_err();
    assert_eq!(refused.status, 404);
    assert_eq!(fixture.ask(&stranger, &get).await.unwrap_err().status, 404);
    assert_eq!(
        fixture.ask(&stranger, &events).await.unwrap_err().status,
        404
    );
    assert_eq!(
        fixture.ask(&stranger, &cancel).await.unwrap_err().status,
        404
    );
    let list = ListExecutions::default();
    assert!(
        fixture
            .ask(&stranger, &list)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    fixture.drain().await;
}

#[tokio::test]
async fn lists_are_of_a_time() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    for _ in 0..4 {
        fixture.execute(&hash, json!({"name": "Ada"})).await;
    }
    let mut list = ListExecutions::default();
    let all = eventually(SOON, async || {
        let page = fixture.ask(&fixture.user, &list).await.unwrap();
        (page.items.len() == 4).then_some(page)
    })
    .await;
    let (since, until) = (all.items[2].created_at, all.items[0].created_at);
    (list.since, list.until) = (Some(since), Some(until));
    let found = fixture.ask(&fixture.user, &list).await.unwrap().items;
    // Two may have begun in the same millisecond.
    let mut between = all.items.clone();
    between.retain(|item| (since..until).contains(&item.created_at));
    assert_eq!(found, between);
    fixture.drain().await;
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let failing = fixture
        .define(
            json!([{"id": "t", "type": "trigger"}, {"id": "a", "type": "transform", "config": {"value": "{{ input.nope }}"}}]),
            &[("t", "out", "a")],
        )
        .await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(fixture.execute(&hash, json!({"name": "Ada"})).await);
    }
    ids.push(fixture.execute(&failing, json!({})).await);
    ids.reverse();
    let all = eventually(SOON, async || {
        let page = fixture
            .ask(&fixture.user, &ListExecutions::default())
            .await
            .unwrap();
        (page.items.len() == 5).then_some(page)
    })
    .await;
    assert_eq!(all.next, None);
    let listed: Vec<_> = all.items.iter().map(|item| item.id).collect();
    assert_eq!(listed, ids);
    let mut list = ListExecutions {
        state: Some(ExecutionState::Failed),
        ..ListExecutions::default()
    };
    let failed = fixture.ask(&fixture.user, &list).await.unwrap().items;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].error.as_ref().unwrap().code, "expression");
    list.state = None;
    for (text, count) in [("EXPRESS", 1), ("expr%ion", 0), ("nobody said this", 0)] {
        list.search = Some(text.into());
        let found = fixture.ask(&fixture.user, &list).await.unwrap().items;
        assert_eq!(found.len(), count, "{text}");
    }
    list.search = Some(ids[2].to_string());
    let found = fixture.ask(&fixture.user, &list).await.unwrap().items;
    assert_eq!(found, [all.items[2].clone()]);
    list.search = None;
    list.paging = Paging {
        cursor: None,
        limit: Some(2),
    };
    let mut paged = Vec::new();
    loop {
        let page = fixture.ask(&fixture.user, &list).await.unwrap();
        paged.extend(page.items.iter().map(|item| item.id));
        let Some(next) = page.next else { break };
        list.paging.cursor = Some(next);
    }
    assert_eq!(paged, ids);
    list.flow_id = Some(FlowId::generate());
    list.paging.cursor = None;
    assert!(
        fixture
            .ask(&fixture.user, &list)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    fixture.drain().await;
}

#[tokio::test]
async fn the_archive_catches_up_and_then_answers() {
    let fixture = Fixture::start().await;
    let hash = inline_flow(&fixture).await;
    let id = fixture.execute(&hash, json!({"name": "Ada"})).await;
    let (execution, events) = (fixture.get(id).await, fixture.events(id).await);
    // The owner forgets what the archive and the header rows have.
    let left = contracts::owner::Get {
        tenant: fixture.user.tenant,
        execution_id: id,
    };
    eventually(SOON, async || {
        let answer = fixture.bus.ask_owner(&left, SOON).await;
        (answer.err()?.status == 404).then_some(())
    })
    .await;
    assert_eq!(fixture.get(id).await, execution);
    assert_eq!(fixture.events(id).await, events);
    let cancel = CancelExecution { execution_id: id };
    assert_eq!(
        fixture.ask(&fixture.user, &cancel).await.unwrap(),
        execution
    );
    fixture.drain().await;
}
