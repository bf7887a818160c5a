//! Publishing, and what was published.

use contracts::{
    ErrorCode, Principal, Role,
    flow::{
        Definition, GetRevision, ListRevisions, PublishFlow, RestoreRevision, Revision, UpdateFlow,
    },
    page::Paging,
};

use crate::{Fixture, reason};

#[tokio::test]
async fn a_revision_is_numbered_kept_and_restored() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, first) = fixture.published(&user).await;
    assert_eq!(
        (first.revision, first.notes.as_str(), first.published_by),
        (1, "first", user.user_id)
    );
    let mut changed = flow.definition.clone();
    changed.nodes[1].name = Some("Another name".into());
    let update = UpdateFlow {
        flow_id: flow.id,
        name: None,
        description: None,
        definition: Some(changed),
        if_version: None,
    };
    fixture.ask(&user, &update).await.unwrap();
    let publish = PublishFlow {
        flow_id: flow.id,
        notes: String::new(),
    };
    let second = fixture.ask(&user, &publish).await.unwrap();
    assert_eq!(second.revision, 2);
    assert_ne!(second.hash, first.hash);
    let read = fixture
        .ask(
            &user,
            &GetRevision {
                flow_id: flow.id,
                revision: 1,
            },
        )
        .await
        .unwrap();
    assert_eq!(read, first);
    let list = ListRevisions {
        flow_id: flow.id,
        paging: Paging::default(),
    };
    let numbers: Vec<_> = fixture
        .ask(&user, &list)
        .await
        .unwrap()
        .items
        .iter()
        .map(|revision| revision.revision)
        .collect();
    assert_eq!(numbers, [2, 1]);
    check_restore(&fixture, &user, first).await;
}

async fn check_restore(fixture: &Fixture, user: &Principal, first: Revision) {
    let flow_id = first.flow_id;
    let restored = fixture
        .ask(
            user,
            &RestoreRevision {
                flow_id,
                revision: 1,
            },
        )
        .await
        .unwrap();
    assert_eq!(
        (restored.definition, restored.revision),
        (first.definition, Some(2))
    );
    for revision in [0, 3, u32::MAX] {
        let problem = fixture
            .ask(user, &GetRevision { flow_id, revision })
            .await
            .unwrap_err();
        assert_eq!(problem.code, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn an_invalid_draft_is_not_published() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    let empty = UpdateFlow {
        flow_id: flow.id,
        name: None,
        description: None,
        definition: Some(Definition::default()),
        if_version: None,
    };
    fixture.ask(&user, &empty).await.unwrap();
    let publish = PublishFlow {
        flow_id: flow.id,
        notes: String::new(),
    };
    let problem = fixture.ask(&user, &publish).await.unwrap_err();
    assert_eq!(reason(&problem), (422, "flow_invalid"));
    assert_eq!(problem.errors[0].path, "/definition/nodes");
}

#[tokio::test]
async fn publishing_at_once_gives_each_a_number_of_its_own() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    let publish = PublishFlow {
        flow_id: flow.id,
        notes: String::new(),
    };
    let published = futures::future::join_all((0..8).map(|_| fixture.ask(&user, &publish))).await;
    let mut numbers: Vec<_> = published
        .into_iter()
        .map(|revision| revision.unwrap().revision)
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
}
