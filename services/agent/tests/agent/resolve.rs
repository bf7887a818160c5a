//! What a run pins.

use contracts::{
    agent::{DeleteAgent, Pin, Resolve, UpdateAgent},
    id::{AgentId, BaseId, CrewId},
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
