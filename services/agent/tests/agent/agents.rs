//! Agents, their versions and their lists.

use contracts::{
    ErrorCode,
    agent::{
        DeleteAgent, Framework, GetAgent, Guardrail, ListAgentVersions, ListAgents, UpdateAgent,
    },
    id::BaseId,
    page::Paging,
};

use super::*;

fn get(agent: &Agent, version: Option<u32>) -> GetAgent {
    GetAgent {
        agent_id: agent.id,
        version,
    }
}

#[tokio::test]
async fn an_agent_changes_by_versions_that_stay() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let first = fixture.make("writer").await;
    assert_eq!((first.version, first.created_by), (1, user.user_id));
    let update = |name: &str, if_version| UpdateAgent {
        agent_id: first.id,
        spec: AgentSpec {
            goal: "Say it in two sentences.".into(),
            ..spec(name)
        },
        if_version,
    };
    let second = fixture.ask(user, &update("author", Some(1))).await.unwrap();
    assert_eq!((second.version, second.name.as_str()), (2, "author"));
    let late = fixture.ask(user, &update("late", Some(1))).await;
    let late = late.unwrap_err();
    assert_eq!(
        (late.status, late.reason.as_deref()),
        (412, Some("version_mismatch"))
    );
    assert_eq!(fixture.ask(user, &get(&first, None)).await.unwrap(), second);
    let old = fixture.ask(user, &get(&first, Some(1))).await.unwrap();
    assert_eq!(old, first);
    for version in [0, 3, u32::MAX] {
        let missing = fixture.ask(user, &get(&first, Some(version))).await;
        assert_eq!(missing.unwrap_err().code, ErrorCode::NotFound);
    }
    fixture.ask(user, &update("author", None)).await.unwrap();
    let mut versions = ListAgentVersions {
        agent_id: first.id,
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
async fn a_name_is_taken_until_its_agent_is_gone() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let agent = fixture.make("writer").await;
    let other = fixture.make("other").await;
    let again = CreateAgent {
        spec: spec("writer"),
    };
    let rename = UpdateAgent {
        agent_id: other.id,
        spec: spec("writer"),
        if_version: None,
    };
    for taken in [
        fixture.ask(user, &again).await.unwrap_err(),
        fixture.ask(user, &rename).await.unwrap_err(),
    ] {
        assert_eq!(
            (taken.code, taken.reason.as_deref()),
            (ErrorCode::Conflict, Some("name_taken"))
        );
    }
    let unchanged = fixture.ask(user, &get(&other, None)).await.unwrap();
    assert_eq!(unchanged, other);
    let delete = DeleteAgent { agent_id: agent.id };
    fixture.ask(user, &delete).await.unwrap();
    let gone = fixture.ask(user, &get(&agent, None)).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    assert_eq!(
        fixture.ask(user, &delete).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    let new = fixture.ask(user, &again).await.unwrap();
    assert_ne!(new.id, agent.id);
    fixture.drain().await;
}

#[tokio::test]
async fn lists_are_by_name_and_can_be_searched() {
    let fixture = Fixture::start().await;
    for name in ["zeta", "Beta", "a b", "a_b"] {
        fixture.make(name).await;
    }
    let poet = AgentSpec {
        role: "a POET".into(),
        goal: "Rhyme.".into(),
        ..spec("quill")
    };
    fixture.make_of(poet).await;
    let names = async |request: ListAgents| {
        let page = fixture.ask(&fixture.user, &request).await.unwrap();
        let names: Vec<_> = page.items.into_iter().map(|item| item.name).collect();
        (names.join(","), page.next)
    };
    let all = ListAgents::default();
    let (found, _) = names(all.clone()).await;
    assert_eq!(found, "Beta,a b,a_b,quill,zeta", "byte by byte");
    for (text, expect) in [
        ("ET", "Beta,quill,zeta"),
        ("a_b", "a_b"),
        ("rhyme", "quill"),
        ("%", ""),
    ] {
        let request = ListAgents {
            search: Some(text.into()),
            ..all.clone()
        };
        assert_eq!(names(request).await.0, expect, "{text}");
    }
    let mut request = ListAgents {
        paging: Paging {
            cursor: None,
            limit: Some(3),
        },
        ..all
    };
    let (first, next) = names(request.clone()).await;
    assert_eq!(first, "Beta,a b,a_b");
    request.paging.cursor = next;
    assert_eq!(names(request.clone()).await, ("quill,zeta".into(), None));
    request.paging.cursor = Some("x".repeat(401));
    let refused = fixture.ask(&fixture.user, &request).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_place() {
    let fixture = Fixture::start().await;
    let wrong = AgentSpec {
        role: " ".into(),
        framework: Framework::Crewai,
        model: Some("no provider".into()),
        guardrails: vec![Guardrail {
            expression: "input.x > 1".into(),
            message: String::new(),
        }],
        output_schema: Some(json!({"type": "strnig"})),
        ..spec("writer")
    };
    let refused = fixture.refused(&CreateAgent { spec: wrong }).await;
    assert_eq!(refused.status, 422);
    assert_eq!(
        paths(&refused),
        [
            "/spec/role",
            "/spec/framework",
            "/spec/model",
            "/spec/guardrails/0/expression",
            "/spec/guardrails/0/message",
            "/spec/output_schema",
        ]
    );
    assert_eq!(
        refused.errors[1].message,
        "no runtime of the framework `crewai` is registered"
    );
    let known = fixture.tool("add");
    let lonely = AgentSpec {
        tools: vec![known.id, ToolId::generate()],
        knowledge: vec![BaseId::generate()],
        ..spec("writer")
    };
    let refused = fixture.refused(&CreateAgent { spec: lonely }).await;
    assert_eq!(paths(&refused), ["/spec/tools/1", "/spec/knowledge/0"]);
    let agent = fixture
        .make_of(AgentSpec {
            tools: vec![known.id],
            ..spec("writer")
        })
        .await;
    assert_eq!(agent.tools, [known.id]);
    fixture.drain().await;
}
