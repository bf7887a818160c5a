//! Crews, whom they name, and what keeps agents from going.

use contracts::{
    ErrorCode,
    agent::{DeleteAgent, UpdateAgent},
    crew::{
        CreateCrew, Crew, CrewSpec, DeleteCrew, GetCrew, ListCrewVersions, ListCrews, Process,
        Task, UpdateCrew,
    },
    id::AgentId,
    page::Paging,
};

use super::*;

pub(crate) fn crew_of(name: &str, agents: &[AgentId]) -> CrewSpec {
    let example = CrewSpec::example();
    let task = |(place, agent): (usize, &AgentId)| Task {
        name: format!("task{place}"),
        agent_id: *agent,
        ..example.tasks[0].clone()
    };
    CrewSpec {
        name: name.to_owned(),
        agents: agents.to_vec(),
        tasks: agents.iter().enumerate().map(task).collect(),
        ..example.clone()
    }
}

impl Fixture {
    pub(crate) async fn make_crew(&self, name: &str, agents: &[AgentId]) -> Crew {
        let spec = crew_of(name, agents);
        self.ask(&self.user, &CreateCrew { spec }).await.unwrap()
    }
}

fn get(crew: &Crew, version: Option<u32>) -> GetCrew {
    GetCrew {
        crew_id: crew.id,
        version,
    }
}

#[tokio::test]
async fn a_crew_changes_by_versions_that_stay() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let (ada, bob) = (fixture.make("ada").await, fixture.make("bob").await);
    let first = fixture.make_crew("newsroom", &[ada.id]).await;
    let update = |if_version| UpdateCrew {
        crew_id: first.id,
        spec: CrewSpec {
            process: Process::Parallel,
            ..crew_of("newsroom", &[ada.id, bob.id])
        },
        if_version,
    };
    let second = fixture.ask(user, &update(Some(1))).await.unwrap();
    assert_eq!((second.version, second.tasks.len()), (2, 2));
    let late = fixture.refused(&update(Some(1))).await;
    assert_eq!(
        (late.status, late.reason.as_deref()),
        (412, Some("version_mismatch"))
    );
    assert_eq!(fixture.ask(user, &get(&first, None)).await.unwrap(), second);
    let old = fixture.ask(user, &get(&first, Some(1))).await.unwrap();
    assert_eq!(old, first);
    let missing = fixture.refused(&get(&first, Some(3))).await;
    assert_eq!(missing.code, ErrorCode::NotFound);
    let versions = ListCrewVersions {
        crew_id: first.id,
        paging: Paging::default(),
    };
    let page = fixture.ask(user, &versions).await.unwrap();
    let numbers: Vec<_> = page.items.iter().map(|item| item.version).collect();
    assert_eq!(numbers, [2, 1]);
    let listed = fixture.ask(user, &ListCrews::default()).await.unwrap();
    assert_eq!(
        (listed.items[0].version, listed.items[0].process),
        (2, Process::Parallel)
    );
    let again = CreateCrew {
        spec: crew_of("newsroom", &[ada.id]),
    };
    let taken = fixture.refused(&again).await;
    assert_eq!(
        (taken.code, taken.reason.as_deref()),
        (ErrorCode::Conflict, Some("name_taken"))
    );
    // An agent may have the name of a crew.
    fixture.make("newsroom").await;
    let delete = DeleteCrew { crew_id: first.id };
    fixture.ask(user, &delete).await.unwrap();
    let gone = fixture.refused(&get(&first, None)).await;
    assert_eq!(gone.reason.as_deref(), Some("crew_not_found"));
    fixture.ask(user, &again).await.unwrap();
    fixture.drain().await;
}

#[tokio::test]
async fn an_agent_stays_as_long_as_a_crew_names_it() {
    let fixture = Fixture::start().await;
    let user = &fixture.user;
    let (ada, bob) = (fixture.make("ada").await, fixture.make("bob").await);
    let crew = fixture.make_crew("newsroom", &[ada.id, bob.id]).await;
    let delete = |agent: &Agent| DeleteAgent { agent_id: agent.id };
    let refused = fixture.refused(&delete(&ada)).await;
    assert_eq!(
        (refused.code, refused.reason.as_deref()),
        (ErrorCode::Conflict, Some("agent_in_use"))
    );
    assert!(refused.detail.contains("`newsroom`"), "{}", refused.detail);
    // It may change, and go once the newest version of the crew does not name it.
    let update = UpdateAgent {
        agent_id: ada.id,
        spec: spec("ada"),
        if_version: None,
    };
    fixture.ask(user, &update).await.unwrap();
    let update = UpdateCrew {
        crew_id: crew.id,
        spec: crew_of("newsroom", &[bob.id]),
        if_version: None,
    };
    fixture.ask(user, &update).await.unwrap();
    fixture.ask(user, &delete(&ada)).await.unwrap();
    fixture.refused(&delete(&bob)).await;
    let delete_crew = DeleteCrew { crew_id: crew.id };
    fixture.ask(user, &delete_crew).await.unwrap();
    fixture.ask(user, &delete(&bob)).await.unwrap();
    fixture.drain().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_crew_is_said_with_its_place() {
    let fixture = Fixture::start().await;
    let ada = fixture.make("ada").await;
    let stranger = AgentId::generate();
    let mut wrong = crew_of("newsroom", &[ada.id]);
    wrong.tasks[0].agent_id = stranger;
    wrong.tasks[0].context = vec!["nothing".into()];
    let refused = fixture.refused(&CreateCrew { spec: wrong }).await;
    assert_eq!(
        paths(&refused),
        ["/spec/tasks/0/agent_id", "/spec/tasks/0/context/0"]
    );
    let spec = crew_of("newsroom", &[ada.id, stranger]);
    let refused = fixture.refused(&CreateCrew { spec }).await;
    assert_eq!(paths(&refused), ["/spec/agents/1"]);
    // Nothing of it was kept.
    let listed = fixture.ask(&fixture.user, &ListCrews::default()).await;
    assert_eq!(listed.unwrap().items, []);
    fixture.drain().await;
}
