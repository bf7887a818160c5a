//! Tools, their versions and their lists.

use contracts::{
    ErrorCode,
    page::Paging,
    tool::{Approval, DeleteTool, GetTool, ListToolVersions, ListTools, UpdateTool, ValidateTool},
};

use super::*;

fn get(tool: &Tool, version: Option<u32>) -> GetTool {
    GetTool {
        tool_id: tool.id,
        version,
    }
}

#[tokio::test]
async fn a_tool_changes_by_versions_that_stay() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let first = fixture.make_of(ToolSpec::example()).await;
    assert_eq!((first.version, first.timeout_ms), (1, 30_000));
    assert_eq!(first.created_by, user.user_id);
    let update = |if_version| UpdateTool {
        tool_id: first.id,
        spec: ToolSpec {
            description: "Adds two numbers, well.".into(),
            approval: Approval::SecondPerson,
            timeout_ms: Some(500),
            ..ToolSpec::example()
        },
        if_version,
    };
    let second = fixture.ask(user, &update(Some(1))).await.unwrap();
    assert_eq!((second.version, second.timeout_ms), (2, 500));
    let late = fixture.ask(user, &update(Some(1))).await.unwrap_err();
    assert_eq!(
        (late.status, late.reason.as_deref()),
        (412, Some("version_mismatch"))
    );
    assert_eq!(fixture.ask(user, &get(&first, None)).await.unwrap(), second);
    assert_eq!(
        fixture.ask(user, &get(&first, Some(1))).await.unwrap(),
        first
    );
    for version in [0, 3, u32::MAX] {
        let missing = fixture.ask(user, &get(&first, Some(version))).await;
        assert_eq!(missing.unwrap_err().code, ErrorCode::NotFound);
    }
    for spec in [
        ToolSpec {
            name: "other".into(),
            ..ToolSpec::example()
        },
        ToolSpec {
            kind: ToolKind::Builtin,
            config: json!({"name": "time"}),
            ..ToolSpec::example()
        },
    ] {
        let request = UpdateTool {
            spec,
            ..update(None)
        };
        let refused = fixture.ask(user, &request).await.unwrap_err();
        assert_eq!((refused.status, refused.errors.len()), (422, 1));
    }
    let third = fixture.ask(user, &update(None)).await.unwrap();
    let mut versions = ListToolVersions {
        tool_id: third.id,
        paging: Paging {
            cursor: None,
            limit: Some(2),
        },
    };
    let page = fixture.ask(user, &versions).await.unwrap();
    let numbers: Vec<_> = page.items.iter().map(|item| item.version).collect();
    assert_eq!(numbers, [3, 2]);
    versions.paging.cursor = page.next;
    let page = fixture.ask(user, &versions).await.unwrap();
    assert_eq!((page.items[0].version, page.next), (1, None));
    fixture.drain().await;
}

#[tokio::test]
async fn lists_are_by_name_and_can_be_searched() {
    let fixture = Fixture::start().await;
    for name in ["zeta", "Beta", "alpha", "a_b", "axb"] {
        let config = json!({"name": "time"});
        fixture.make(ToolKind::Builtin, name, config).await;
    }
    let script = json!({"source": "export default () => 1"});
    fixture.make(ToolKind::Javascript, "code", script).await;
    let names = async |request: ListTools| {
        let page = fixture.ask(&fixture.user, &request).await.unwrap();
        let names: Vec<_> = page.items.into_iter().map(|item| item.name).collect();
        (names.join(" "), page.next)
    };
    let all = ListTools::default();
    assert_eq!(
        names(all.clone()).await.0,
        "Beta a_b alpha axb code zeta",
        "byte by byte"
    );
    let of_kind = ListTools {
        kind: Some(ToolKind::Javascript),
        ..all.clone()
    };
    assert_eq!(names(of_kind).await.0, "code");
    for (text, expect) in [("ET", "Beta zeta"), ("a_b", "a_b"), ("%", "")] {
        let request = ListTools {
            search: Some(text.into()),
            ..all.clone()
        };
        assert_eq!(names(request).await.0, expect, "{text}");
    }
    let mut request = ListTools {
        paging: Paging {
            cursor: None,
            limit: Some(4),
        },
        ..all
    };
    let (first, next) = names(request.clone()).await;
    assert_eq!(first, "Beta a_b alpha axb");
    request.paging.cursor = next;
    assert_eq!(names(request.clone()).await, ("code zeta".into(), None));
    request.paging.cursor = Some("no cursor".into());
    let refused = fixture.ask(&fixture.user, &request).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    fixture.drain().await;
}

#[tokio::test]
async fn a_deleted_tool_is_gone_and_frees_its_name() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let tool = fixture.make_of(ToolSpec::example()).await;
    let again = CreateTool {
        spec: ToolSpec::example(),
    };
    let taken = fixture.ask(user, &again).await.unwrap_err();
    assert_eq!(
        (taken.code, taken.reason.as_deref()),
        (ErrorCode::Conflict, Some("tool_exists"))
    );
    fixture
        .ask(user, &DeleteTool { tool_id: tool.id })
        .await
        .unwrap();
    let gone = fixture.ask(user, &get(&tool, None)).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    let call = fixture.call(&tool, json!({"a": 1, "b": 2})).await;
    assert_eq!(call.unwrap_err().code, ErrorCode::NotFound);
    let new = fixture.ask(user, &again).await.unwrap();
    assert_ne!(new.id, tool.id);
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_place() {
    let fixture = Fixture::start().await;
    let config = json!({
        "method": "GET", "url": "http://example.com/{{ input.x }}",
        "headers": {"x/y": {"$secret": 1}}, "query": {"q": [1]}, "body": {"a": {"$secret": "s"}}
    });
    let mut wrong = spec(ToolKind::Http, "wrong", config);
    wrong.input_schema = json!({"type": "array"});
    let refused = fixture
        .ask(&fixture.user, &CreateTool { spec: wrong })
        .await
        .unwrap_err();
    let paths: Vec<_> = refused.errors.iter().map(|error| &error.path).collect();
    assert_eq!(refused.reason.as_deref(), Some("tool_invalid"));
    assert_eq!(
        paths,
        [
            "/spec/input_schema",
            "/spec/config/url",
            "/spec/config/headers/x~1y",
            "/spec/config/query/q",
            "/spec/config/body",
        ]
    );
    let tool = fixture.make_of(ToolSpec::example()).await;
    let request = ValidateTool { tool_id: tool.id };
    let said = fixture.ask(&fixture.user, &request).await.unwrap();
    assert!(said.valid && said.problems.is_empty());
    fixture.drain().await;
}
