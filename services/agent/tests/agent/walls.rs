//! Who may do what, and that another organization's agents and crews do not exist.

use contracts::{
    ErrorCode,
    agent::{DeleteAgent, GetAgent, ListAgentVersions, ListAgents, Pin, Resolve, UpdateAgent},
    crew::{CreateCrew, DeleteCrew, GetCrew, ImportCrew, ListCrewVersions, ListCrews, UpdateCrew},
    page::Paging,
};

use super::{crews::crew_of, *};

#[tokio::test]
async fn each_role_may_do_its_part() {
    let fixture = Fixture::start().await;
    let agent = fixture.make("ada").await;
    let crew = fixture.make_crew("newsroom", &[agent.id]).await;
    let get = GetAgent {
        agent_id: agent.id,
        version: None,
    };
    let get_crew = GetCrew {
        crew_id: crew.id,
        version: None,
    };
    for (role, may_write) in [
        (Role::Viewer, false),
        (Role::Operator, false),
        (Role::Editor, true),
        (Role::Admin, true),
        (Role::Owner, true),
    ] {
        let who = Principal {
            role,
            ..fixture.user.clone()
        };
        assert!(fixture.ask(&who, &get).await.is_ok(), "{role:?}");
        assert!(fixture.ask(&who, &get_crew).await.is_ok(), "{role:?}");
        let update = UpdateAgent {
            agent_id: agent.id,
            spec: spec("ada"),
            if_version: None,
        };
        let update_crew = UpdateCrew {
            crew_id: crew.id,
            spec: crew_of("newsroom", &[agent.id]),
            if_version: None,
        };
        let mut import = ImportCrew::example();
        import.name = role.as_str().to_owned();
        import.agents_yaml = import.agents_yaml.replace("writer", role.as_str());
        import.tasks_yaml = import.tasks_yaml.replace("writer", role.as_str());
        assert_eq!(fixture.ask(&who, &update).await.is_ok(), may_write);
        assert_eq!(fixture.ask(&who, &update_crew).await.is_ok(), may_write);
        assert_eq!(fixture.ask(&who, &import).await.is_ok(), may_write);
    }
    fixture.drain().await;
}

#[tokio::test]
async fn another_organization_sees_nothing() {
    let fixture = Fixture::start().await;
    let agent = fixture.make("ada").await;
    let crew = fixture.make_crew("newsroom", &[agent.id]).await;
    let stranger = fixture.owner().await;
    async fn missing<R: Request<Reply: std::fmt::Debug>>(
        fixture: &Fixture,
        who: &Principal,
        request: &R,
    ) {
        let problem = fixture.ask(who, request).await.unwrap_err();
        assert_eq!(problem.code, ErrorCode::NotFound, "{}", R::NAME);
    }
    let (agent_id, crew_id, paging) = (agent.id, crew.id, Paging::default());
    let (version, if_version) = (None, None);
    let update = UpdateAgent {
        agent_id,
        spec: spec("ada"),
        if_version,
    };
    let versions = ListAgentVersions {
        agent_id,
        paging: paging.clone(),
    };
    let update_crew = UpdateCrew {
        crew_id,
        spec: crew_of("newsroom", &[agent.id]),
        if_version,
    };
    missing(&fixture, &stranger, &GetAgent { agent_id, version }).await;
    missing(&fixture, &stranger, &update).await;
    missing(&fixture, &stranger, &versions).await;
    missing(&fixture, &stranger, &DeleteAgent { agent_id }).await;
    missing(&fixture, &stranger, &GetCrew { crew_id, version }).await;
    missing(&fixture, &stranger, &update_crew).await;
    missing(&fixture, &stranger, &ListCrewVersions { crew_id, paging }).await;
    missing(&fixture, &stranger, &DeleteCrew { crew_id }).await;
    let agents = fixture.ask(&stranger, &ListAgents::default()).await;
    assert_eq!(agents.unwrap().items, []);
    let crews = fixture.ask(&stranger, &ListCrews::default()).await;
    assert_eq!(crews.unwrap().items, []);
    let request = Resolve {
        agents: vec![Pin {
            id: agent.id,
            version,
        }],
        crews: vec![Pin {
            id: crew.id,
            version,
        }],
        bases: Vec::new(),
    };
    let resolved = fixture.ask(&stranger, &request).await.unwrap();
    assert_eq!((resolved.agents.len(), resolved.crews.len()), (0, 0));
    // Nobody takes in another organization's agents.
    let theirs = CreateCrew {
        spec: crew_of("newsroom", &[agent.id]),
    };
    let refused = fixture.ask(&stranger, &theirs).await.unwrap_err();
    assert_eq!(paths(&refused), ["/spec/agents/0"]);
    fixture.drain().await;
}
