//! Who may do what, and that another organization's tools do not exist.

use contracts::{
    ErrorCode,
    page::Paging,
    tool::{DeleteSecret, DeleteTool, GetTool, ListTools, SetSecret, UpdateTool, ValidateTool},
};

use super::*;

fn as_role(user: &Principal, role: Role) -> Principal {
    Principal {
        role,
        ..user.clone()
    }
}

fn secret() -> SetSecret {
    SetSecret {
        name: "key".into(),
        value: "v".into(),
        hosts: vec!["api.example.com".into()],
    }
}

#[tokio::test]
async fn each_role_may_do_its_part() {
    let fixture = Fixture::start().await;
    let tool = fixture.make_of(ToolSpec::example()).await;
    let call = invoke(&tool, json!({"a": 1, "b": 2}));
    let get = GetTool {
        tool_id: tool.id,
        version: None,
    };
    for (role, may_call, may_write, may_keep_secrets) in [
        (Role::Viewer, false, false, false),
        (Role::Operator, true, false, false),
        (Role::Editor, true, true, false),
        (Role::Admin, true, true, true),
        (Role::Owner, true, true, true),
    ] {
        let who = as_role(&fixture.user, role);
        assert!(fixture.ask(&who, &get).await.is_ok());
        assert_eq!(fixture.ask(&who, &call).await.is_ok(), may_call, "{role:?}");
        let update = UpdateTool {
            tool_id: tool.id,
            spec: ToolSpec::example(),
            if_version: None,
        };
        assert_eq!(fixture.ask(&who, &update).await.is_ok(), may_write);
        assert_eq!(fixture.ask(&who, &secret()).await.is_ok(), may_keep_secrets);
    }
    fixture.drain().await;
}

#[tokio::test]
async fn a_tool_may_ask_for_a_higher_role() {
    let fixture = Fixture::start().await;
    let mut spec = ToolSpec::example();
    spec.least_role = Role::Admin;
    let tool = fixture.make_of(spec).await;
    let call = invoke(&tool, json!({"a": 1, "b": 2}));
    let editor = as_role(&fixture.user, Role::Editor);
    let refused = fixture.ask(&editor, &call).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.reason.as_deref()),
        (ErrorCode::Forbidden, Some("role"))
    );
    let admin = as_role(&fixture.user, Role::Admin);
    assert!(fixture.ask(&admin, &call).await.is_ok());
    fixture.drain().await;
}

#[tokio::test]
async fn another_organization_sees_nothing() {
    let fixture = Fixture::start().await;
    let tool = fixture.make_of(ToolSpec::example()).await;
    fixture.ask(&fixture.user, &secret()).await.unwrap();
    let stranger = fixture.owner().await;
    async fn missing<R: Request>(fixture: &Fixture, who: &Principal, request: &R)
    where
        R::Reply: std::fmt::Debug,
    {
        let problem = fixture.ask(who, request).await.unwrap_err();
        assert_eq!(problem.code, ErrorCode::NotFound, "{}", R::NAME);
    }
    let tool_id = tool.id;
    let get = GetTool {
        tool_id,
        version: None,
    };
    let update = UpdateTool {
        tool_id,
        spec: ToolSpec::example(),
        if_version: None,
    };
    let calls = ListToolCalls {
        tool_id,
        paging: Paging::default(),
    };
    missing(&fixture, &stranger, &get).await;
    missing(&fixture, &stranger, &update).await;
    missing(&fixture, &stranger, &calls).await;
    missing(&fixture, &stranger, &invoke(&tool, json!({"a": 1, "b": 2}))).await;
    missing(&fixture, &stranger, &ValidateTool { tool_id }).await;
    missing(&fixture, &stranger, &DeleteTool { tool_id }).await;
    missing(&fixture, &stranger, &DeleteSecret { name: "key".into() }).await;
    let list = fixture.ask(&stranger, &ListTools::default()).await.unwrap();
    assert_eq!(list.items, []);
    // Names are unique in an organization, not beyond.
    let same = CreateTool {
        spec: ToolSpec::example(),
    };
    assert!(fixture.ask(&stranger, &same).await.is_ok());
    fixture.drain().await;
}
