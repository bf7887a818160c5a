//! Drafts: create, read, change, list, delete, validate.

use contracts::{
    ErrorCode, Role,
    flow::{
        CreateFlow, Definition, DeleteFlow, GetFlow, ListFlows, ListNodeTypes, UpdateFlow,
        ValidateFlow,
    },
    page::Paging,
};
use serde_json::json;

use crate::{Fixture, reason};

#[tokio::test]
async fn a_flow_is_created_read_changed_and_hidden() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    assert_eq!(
        (flow.version, flow.revision, flow.created_by),
        (1, None, user.user_id)
    );
    let read = fixture
        .ask(&user, &GetFlow { flow_id: flow.id })
        .await
        .unwrap();
    assert_eq!(read.definition, flow.definition);
    let update = UpdateFlow {
        flow_id: flow.id,
        name: Some("Renamed".into()),
        description: None,
        definition: None,
        if_version: Some(1),
    };
    let changed = fixture.ask(&user, &update).await.unwrap();
    assert_eq!((changed.version, changed.name.as_str()), (2, "Renamed"));
    let stale = fixture.ask(&user, &update).await.unwrap_err();
    assert_eq!(reason(&stale), (412, "version_mismatch"));
    fixture
        .ask(&user, &DeleteFlow { flow_id: flow.id })
        .await
        .unwrap();
    let gone = fixture
        .ask(&user, &GetFlow { flow_id: flow.id })
        .await
        .unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    assert_eq!(
        fixture
            .ask(&user, &DeleteFlow { flow_id: flow.id })
            .await
            .unwrap_err()
            .code,
        ErrorCode::NotFound
    );
    assert_eq!(
        fixture
            .ask(&user, &ListFlows::default())
            .await
            .unwrap()
            .items
            .len(),
        0
    );
}

#[tokio::test]
async fn an_invalid_draft_is_kept_and_its_problems_are_told() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let definition: Definition = serde_json::from_value(json!({
        "nodes": [{"id": "start", "type": "trigger"}, {"id": "a", "type": "http", "config": {"method": "GET"}}],
        "edges": [{"from": "start", "to": "a"}, {"from": "a", "to": "ghost"}]
    }))
    .unwrap();
    let create = CreateFlow {
        name: "Broken".into(),
        description: String::new(),
        definition,
    };
    let flow = fixture.ask(&user, &create).await.unwrap();
    let validation = fixture
        .ask(&user, &ValidateFlow { flow_id: flow.id })
        .await
        .unwrap();
    let codes: Vec<_> = validation
        .problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(
        (validation.valid, codes),
        (false, vec!["invalid_config", "dangling_edge"])
    );
}

#[tokio::test]
async fn lists_are_searched_and_paged() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    for name in ["100% sure", "Report", "report again", "other"] {
        let create = CreateFlow {
            name: name.into(),
            description: String::new(),
            definition: Definition::example(),
        };
        fixture.ask(&user, &create).await.unwrap();
    }
    let search = async |text: &str| {
        let list = ListFlows {
            search: Some(text.into()),
            paging: Paging::default(),
        };
        let page = fixture.ask(&user, &list).await.unwrap();
        page.items
            .into_iter()
            .map(|flow| flow.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(search("REPORT").await, ["report again", "Report"]);
    assert_eq!(search("%").await, ["100% sure"]);
    assert_eq!(search("_").await, [""; 0]);
    assert_eq!(search("' OR 1=1 --").await, [""; 0]);
    let mut names = Vec::new();
    let mut paging = Paging {
        cursor: None,
        limit: Some(3),
    };
    loop {
        let page = fixture
            .ask(
                &user,
                &ListFlows {
                    search: None,
                    paging: paging.clone(),
                },
            )
            .await
            .unwrap();
        names.extend(page.items.into_iter().map(|flow| flow.name));
        match page.next {
            Some(next) => paging.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(names, ["other", "report again", "Report", "100% sure"]);
    let bad = ListFlows {
        search: None,
        paging: Paging {
            cursor: Some("nonsense".into()),
            limit: None,
        },
    };
    assert_eq!(
        fixture.ask(&user, &bad).await.unwrap_err().code,
        ErrorCode::InvalidInput
    );
}

#[tokio::test]
async fn names_are_checked() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    for name in ["", "   ", "a\0b", &"x".repeat(201)] {
        let create = CreateFlow {
            name: name.to_owned(),
            description: String::new(),
            definition: Definition::example(),
        };
        let problem = fixture.ask(&user, &create).await.unwrap_err();
        assert_eq!(
            (problem.status, problem.errors[0].path.as_str()),
            (422, "/name")
        );
    }
}

#[tokio::test]
async fn node_types_describe_themselves() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Viewer).await;
    let types = fixture.ask(&user, &ListNodeTypes {}).await.unwrap().items;
    let kinds: Vec<_> = types.iter().map(|kind| kind.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "trigger",
            "chat_trigger",
            "agent",
            "crew",
            "llm",
            "tool",
            "flow",
            "knowledge",
            "http",
            "code",
            "custom",
            "condition",
            "transform",
            "map",
            "loop",
            "join",
            "wait",
            "event",
            "approval",
            "output",
            "error_handler",
        ]
    );
    assert!(
        types
            .iter()
            .all(|kind| kind.config_schema["type"] == "object" && !kind.description.is_empty())
    );
}
