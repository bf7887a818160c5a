//! Crews that come as files: all is made or nothing.

use contracts::{
    ErrorCode,
    agent::ListAgents,
    crew::{ImportCrew, ListCrews},
};

use super::*;

fn files() -> ImportCrew {
    let mut request = ImportCrew::example();
    request.agents_yaml = "\
researcher: {role: a researcher, goal: find out, llm: vendor/large, verbose: true}
writer: {role: a writer, goal: write well}
"
    .into();
    request.tasks_yaml = "\
research: {description: 'Look into {topic}.', expected_output: a list, agent: researcher}
write: {description: Write it up., expected_output: one page, agent: writer, context: [research]}
"
    .into();
    request
}

#[tokio::test]
async fn files_become_agents_and_their_crew() {
    let fixture = Fixture::start().await;
    let made = fixture.ask(&fixture.user, &files()).await.unwrap();
    let names: Vec<_> = made.agents.iter().map(|agent| &agent.name).collect();
    assert_eq!(names, ["researcher", "writer"]);
    assert_eq!(made.agents[0].model.as_deref(), Some("vendor/large"));
    assert_eq!(made.crew.agents[1], made.agents[1].id);
    assert_eq!(
        made.crew.tasks[0].description,
        "Look into {{ input.topic }}."
    );
    assert_eq!(made.ignored, ["agents.yaml: researcher.verbose"]);
    let again = fixture.refused(&files()).await;
    assert_eq!(
        (again.code, again.reason.as_deref()),
        (ErrorCode::Conflict, Some("name_taken"))
    );
    fixture.drain().await;
}

#[tokio::test]
async fn an_import_that_fails_leaves_nothing() {
    let fixture = Fixture::start().await;
    fixture.make("writer").await;
    // The first agent is new, the second has a name that is taken.
    let taken = fixture.refused(&files()).await;
    assert_eq!(taken.code, ErrorCode::Conflict);
    let mut wrong = files();
    wrong.tasks_yaml = wrong.tasks_yaml.replace("agent: writer", "agent: poet");
    let refused = fixture.refused(&wrong).await;
    assert_eq!(
        (paths(&refused), refused.errors[0].message.as_str()),
        (
            vec!["/tasks_yaml"],
            "tasks.yaml: write.agent: there is no agent `poet`"
        )
    );
    let user = &fixture.user;
    let agents = fixture.ask(user, &ListAgents::default()).await.unwrap();
    assert_eq!(agents.items.len(), 1);
    let crews = fixture.ask(user, &ListCrews::default()).await.unwrap();
    assert_eq!(crews.items, []);
    fixture.drain().await;
}
