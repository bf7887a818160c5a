//! The flows of an agent: found by what their drafts and newest revisions name, and made around it.

use contracts::{
    ErrorCode, Principal, Role,
    flow::{
        AgentFlow, CreateAgentFlow, CreateFlow, Definition, DeleteFlow, ExecuteFlow, Flow,
        ListAgentFlows, PublishFlow, RevisionChoice, UpdateFlow, ValidateFlow,
    },
    id::{AgentId, FlowId, TenantId, UserId},
    page::Paging,
};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::{Value, json};

use crate::{Fixture, pins::others};

fn naming(agents: &[AgentId]) -> Definition {
    let agent = |(index, id): (usize, &AgentId)| json!({"id": format!("a{index}"), "type": "agent", "config": {"agent_id": id, "prompt": "x\u{0}"}});
    let mut nodes = vec![json!({"id": "start", "type": "trigger"})];
    nodes.extend(agents.iter().enumerate().map(agent));
    let edges = (0..agents.len()).map(|index| json!({"from": "start", "to": format!("a{index}")}));
    let edges: Vec<_> = edges.collect();
    serde_json::from_value(json!({"nodes": nodes, "edges": edges})).unwrap()
}

impl Fixture {
    async fn naming(&self, who: &Principal, agents: &[AgentId]) -> FlowId {
        let request = CreateFlow {
            name: "Ask".into(),
            description: String::new(),
            definition: naming(agents),
        };
        self.ask(who, &request).await.unwrap().id
    }

    async fn redraw(&self, who: &Principal, flow_id: FlowId, agents: &[AgentId]) -> Flow {
        let request = UpdateFlow {
            flow_id,
            name: None,
            description: None,
            definition: Some(naming(agents)),
            if_version: None,
        };
        self.ask(who, &request).await.unwrap()
    }

    async fn publish(&self, who: &Principal, flow_id: FlowId) {
        let notes = String::new();
        let publish = PublishFlow { flow_id, notes };
        self.ask(who, &publish).await.unwrap();
    }

    async fn of_agent(&self, who: &Principal) -> Vec<AgentFlow> {
        let list = ListAgentFlows {
            agent_id: AgentId::EXAMPLE,
            paging: Paging::default(),
        };
        self.ask(who, &list).await.unwrap().items
    }

    /// Which flows name the agent, in the draft and in the newest revision.
    async fn named(&self, who: &Principal) -> Vec<(FlowId, bool, bool)> {
        let flows = self.of_agent(who).await.into_iter();
        flows.map(|it| (it.id, it.draft, it.published)).collect()
    }
}

/// A connection above all rules, in the schema of an organization.
async fn superuser(fixture: &Fixture, tenant: TenantId) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(fixture.database.url());
    let schema = sql::SchemaName::of(tenant).unwrap();
    options
        .max_connections(1)
        .set_schema_search_path(schema.as_str());
    sea_orm::Database::connect(options).await.unwrap()
}

#[tokio::test]
async fn flows_are_found_by_the_agents_they_name() {
    let fixture = Fixture::start().await;
    let _others = others(&fixture, None).await;
    let user = fixture.user(Role::Editor).await;
    let (agent, other) = (AgentId::EXAMPLE, AgentId::generate());
    fixture.naming(&user, &[other]).await;
    let flow = fixture.naming(&user, &[other, agent, agent]).await;
    assert_eq!(fixture.named(&user).await, [(flow, true, false)]);

    fixture.redraw(&user, flow, &[agent]).await;
    fixture.publish(&user, flow).await;
    assert_eq!(fixture.named(&user).await, [(flow, true, true)]);
    fixture.redraw(&user, flow, &[other]).await;
    assert_eq!(fixture.named(&user).await, [(flow, false, true)]);
    fixture.redraw(&user, flow, &[agent]).await;
    assert_eq!(fixture.named(&user).await, [(flow, true, true)]);
    fixture.redraw(&user, flow, &[]).await;
    fixture.publish(&user, flow).await;
    assert_eq!(fixture.named(&user).await, []);

    fixture.redraw(&user, flow, &[agent]).await;
    let found = fixture.of_agent(&user).await.remove(0);
    assert_eq!((found.name.as_str(), found.revision), ("Ask", Some(2)));
    let delete = DeleteFlow { flow_id: flow };
    fixture.ask(&user, &delete).await.unwrap();
    assert_eq!(fixture.named(&user).await, []);
}

#[tokio::test]
async fn the_list_has_pages_and_walls() {
    let fixture = Fixture::start().await;
    let _others = others(&fixture, None).await;
    let user = fixture.user(Role::Editor).await;
    let stranger = fixture.user(Role::Owner).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, fixture.naming(&user, &[AgentId::EXAMPLE]).await);
    }
    let mut paged = Vec::new();
    let mut paging = Paging {
        cursor: None,
        limit: Some(2),
    };
    loop {
        let list = ListAgentFlows {
            agent_id: AgentId::EXAMPLE,
            paging: paging.clone(),
        };
        let page = fixture.ask(&user, &list).await.unwrap();
        paged.extend(page.items.into_iter().map(|it| it.id));
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, made);
    // The agents of this test are everybody's; the flows are not.
    assert_eq!(fixture.named(&stranger).await, []);
    let list = ListAgentFlows {
        agent_id: AgentId::generate(),
        paging: Paging::default(),
    };
    let missing = fixture.ask(&user, &list).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    assert!(missing.detail.contains(&list.agent_id.to_string()));
}

#[tokio::test]
async fn a_flow_made_around_an_agent_is_valid_and_runs() {
    let fixture = Fixture::start().await;
    let _others = others(&fixture, None).await;
    let user = fixture.user(Role::Editor).await;
    let mut create = CreateAgentFlow {
        agent_id: AgentId::EXAMPLE,
        name: None,
    };
    let flow = fixture.ask(&user, &create).await.unwrap();
    assert_eq!((flow.name.as_str(), flow.version), ("ada", 1));
    let check = ValidateFlow { flow_id: flow.id };
    let validation = fixture.ask(&user, &check).await.unwrap();
    assert_eq!(validation.problems, []);
    assert_eq!(fixture.named(&user).await, [(flow.id, true, false)]);

    let mut execute = ExecuteFlow {
        flow_id: flow.id,
        input: json!({"prompt": "Hello"}),
        revision: Some(RevisionChoice::DRAFT),
        session: None,
        priority: None,
        idempotency_key: None,
    };
    fixture.ask(&user, &execute).await.unwrap();
    assert_eq!(fixture.started().len(), 1);
    execute.input = Value::Null;
    let refused = fixture.ask(&user, &execute).await.unwrap_err();
    assert_eq!(refused.reason.as_deref(), Some("input_invalid"));

    create.name = Some("  ".into());
    let refused = fixture.ask(&user, &create).await.unwrap_err();
    assert_eq!(refused.errors[0].path, "/name");
    create.agent_id = AgentId::generate();
    let missing = fixture.ask(&user, &create).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
}

/// A database of before the index: its flows are in the index after the migration.
#[tokio::test]
async fn flows_of_before_are_found_too() {
    let fixture = Fixture::start().await;
    let _others = others(&fixture, None).await;
    let before = sql::Migrations {
        tenant: &flow::MIGRATIONS.tenant[..2],
        ..flow::MIGRATIONS
    };
    let owner = sql::Owner::connect(&fixture.config).await.unwrap();
    let tenant = TenantId::generate();
    owner.create_tenant(tenant, &[before]).await.unwrap();
    let (agent, other) = (AgentId::EXAMPLE, AgentId::generate());
    let (drawn, published) = (FlowId::generate(), FlowId::generate());
    let mut broken = naming(&[agent]);
    let config = &mut broken.nodes[1].config;
    config.insert("agent_id".into(), "agent_x\\u{0}".into());
    let old = superuser(&fixture, tenant).await;
    for (id, draft, revisions) in [
        (drawn, naming(&[agent, other]), vec![]),
        (published, broken, vec![naming(&[other]), naming(&[agent])]),
    ] {
        let user = UserId::EXAMPLE.uuid();
        let flow = format!(
            "INSERT INTO flows VALUES ('{}', 'Old', '', '{}', 1, {}, '{user}', now(), now(), NULL)",
            id.uuid(),
            json!(draft),
            revisions.len(),
        );
        old.execute_unprepared(&flow).await.unwrap();
        for (index, revision) in revisions.iter().enumerate() {
            let revision = format!(
                "INSERT INTO flow_revisions VALUES ('{}', {}, '{}', '', '', '{user}', now(), NULL)",
                id.uuid(),
                index + 1,
                json!(revision),
            );
            old.execute_unprepared(&revision).await.unwrap();
        }
    }
    old.close().await.unwrap();
    owner
        .migrate_tenant(tenant, &[flow::MIGRATIONS])
        .await
        .unwrap();
    let user = testkit::principal(tenant, Role::Editor);
    let mut named = fixture.named(&user).await;
    named.sort_unstable();
    let mut expected = [(drawn, true, false), (published, false, true)];
    expected.sort_unstable();
    assert_eq!(named, expected);
}
