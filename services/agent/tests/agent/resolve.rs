//! What a run pins.

use contracts::{
    agent::{
        AgentSnapshot, DeleteAgent, Guardrail, KnowledgeSnapshot, Limits, MemoryScope, Pin,
        Resolve, UpdateAgent,
    },
    id::{AgentId, BaseId, CrewId},
    knowledge::{DeleteBase, UpdateBase},
};

use super::*;

const fn pin<I>(id: I, version: Option<u32>) -> Pin<I> {
    Pin { id, version }
}

#[tokio::test]
async fn agents_and_crews_come_with_their_tools() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let (add, gone) = (fixture.tool("add"), fixture.tool("gone"));
    let ada = fixture
        .make_of(AgentSpec {
            tools: vec![add.id, gone.id],
            ..spec("ada")
        })
        .await;
    let update = UpdateAgent {
        agent_id: ada.id,
        spec: AgentSpec {
            tools: vec![add.id],
            ..spec("ada")
        },
        if_version: None,
    };
    fixture.ask(user, &update).await.unwrap();
    let crew = fixture.make_crew("newsroom", &[ada.id]).await;
    fixture.tools.lock().unwrap().pop();
    let request = Resolve {
        agents: vec![
            pin(ada.id, Some(1)),
            pin(ada.id, None),
            pin(ada.id, Some(9)),
            pin(AgentId::generate(), None),
            // A crew is no agent.
            pin(AgentId::from_uuid(crew.id.uuid()), None),
        ],
        crews: vec![pin(crew.id, None), pin(CrewId::generate(), None)],
        bases: vec![BaseId::generate()],
    };
    let resolved = fixture.ask(user, &request).await.unwrap();
    let versions: Vec<_> = resolved.agents.iter().map(|agent| agent.version).collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(
        resolved.agents[0].tools,
        std::slice::from_ref(&add),
        "`gone` is left out"
    );
    let [pinned] = &resolved.crews[..] else {
        panic!("{:?}", resolved.crews);
    };
    assert_eq!((pinned.id, &pinned.tasks), (crew.id, &crew.tasks));
    assert_eq!(pinned.agents, [resolved.agents[1].clone()]);
    assert_eq!(resolved.bases, []);
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_deleted_is_left_out() {
    let fixture = Fixture::start().await;
    let ada = fixture.make("ada").await;
    let request = Resolve {
        agents: vec![pin(ada.id, Some(1))],
        ..Resolve::default()
    };
    let pinned = fixture.ask(&fixture.user, &request).await.unwrap();
    assert_eq!(pinned.agents.len(), 1);
    let delete = DeleteAgent { agent_id: ada.id };
    fixture.ask(&fixture.user, &delete).await.unwrap();
    let pinned = fixture.ask(&fixture.user, &request).await.unwrap();
    assert_eq!(pinned.agents, []);
    let many = Resolve {
        agents: vec![pin(ada.id, None); 257],
        ..Resolve::default()
    };
    let refused = fixture.refused(&many).await;
    assert_eq!(refused.reason.as_deref(), Some("too_many_pins"));
    fixture.drain().await;
}

#[tokio::test]
async fn a_snapshot_holds_all_that_a_run_needs() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let (add, base) = (fixture.tool("add"), fixture.base("handbook").await);
    let said = AgentSpec {
        backstory: "Seen it all.".into(),
        model: Some("fake/one".into()),
        tools: vec![add.id],
        knowledge: vec![base.id],
        memory: MemoryScope::User,
        guardrails: vec![Guardrail {
            expression: "output != ''".into(),
            message: "Say something.".into(),
        }],
        output_schema: Some(json!({"type": "object"})),
        limits: Limits {
            max_steps: 3,
            ..Limits::default()
        },
        ..spec("ada")
    };
    let ada = fixture.make_of(said.clone()).await;
    let crew = fixture.make_crew("newsroom", &[ada.id]).await;
    let request = Resolve {
        agents: vec![pin(ada.id, None)],
        crews: vec![pin(crew.id, None)],
        bases: vec![base.id, BaseId::generate()],
    };
    let resolved = fixture.ask(user, &request).await.unwrap();
    let handbook = KnowledgeSnapshot {
        id: base.id,
        name: "handbook".into(),
        description: String::new(),
    };
    let expected = AgentSnapshot {
        id: ada.id,
        version: 1,
        name: said.name,
        role: said.role,
        goal: said.goal,
        backstory: said.backstory,
        model: said.model,
        tools: vec![add],
        knowledge: vec![handbook.clone()],
        memory: said.memory,
        guardrails: said.guardrails,
        output_schema: said.output_schema,
        limits: said.limits,
    };
    assert_eq!(resolved.agents, std::slice::from_ref(&expected));
    assert_eq!(resolved.crews[0].agents, [expected]);
    assert_eq!(resolved.bases, [handbook]);
    fixture.drain().await;
}

#[tokio::test]
async fn bases_come_as_they_are_now_and_leave_when_they_are_deleted() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let (kept, gone) = (fixture.base("kept").await, fixture.base("gone").await);
    let ada = fixture
        .make_of(AgentSpec {
            knowledge: vec![gone.id, kept.id],
            ..spec("ada")
        })
        .await;
    let request = Resolve {
        agents: vec![pin(ada.id, Some(1))],
        crews: Vec::new(),
        bases: vec![kept.id, gone.id],
    };
    let ids = |bases: &[KnowledgeSnapshot]| bases.iter().map(|base| base.id).collect::<Vec<_>>();
    let resolved = fixture.ask(user, &request).await.unwrap();
    assert_eq!(ids(&resolved.agents[0].knowledge), [gone.id, kept.id]);
    assert_eq!(ids(&resolved.bases), [kept.id, gone.id]);

    // The agent's version stays; what it is told of a base is what people say of it now.
    let described = UpdateBase {
        base_id: kept.id,
        name: None,
        description: Some("How we work.".into()),
        embedding_model: None,
    };
    fixture.ask(user, &described).await.unwrap();
    let delete = DeleteBase { base_id: gone.id };
    fixture.ask(user, &delete).await.unwrap();
    let resolved = fixture.ask(user, &request).await.unwrap();
    let [base] = &resolved.agents[0].knowledge[..] else {
        panic!("{resolved:?}");
    };
    assert_eq!((base.id, &*base.description), (kept.id, "How we work."));
    assert_eq!(resolved.bases, std::slice::from_ref(base));

    let stranger = fixture.owner().await;
    let nothing = fixture.ask(&stranger, &request).await.unwrap();
    assert_eq!((nothing.agents, nothing.bases), (Vec::new(), Vec::new()));
    fixture.drain().await;
}
