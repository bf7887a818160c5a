//! What agents remember: once, with where it comes from, and for the eyes it was kept for.

use contracts::{
    ErrorCode, Principal, Problem, Role,
    agent::{
        Agent, AgentSpec, CreateAgent, DeleteAgent, Fact, Forget, ListMemories, Memory,
        MemoryScope, Recall, Remember, UpdateAgent,
    },
    id::{AgentId, ExecutionId, UserId},
    page::Paging,
};

use crate::Fixture;

impl Fixture {
    async fn agent_with(&self, name: &str, memory: MemoryScope) -> Agent {
        let spec = AgentSpec {
            name: name.to_owned(),
            memory,
            ..AgentSpec::example()
        };
        self.ask(&self.user, &CreateAgent { spec }).await.unwrap()
    }

    async fn learn(&self, run: &Principal, agent: &Agent, key: &str, facts: &[&str]) {
        let request = lesson(agent.id, key, facts);
        self.ask(run, &request).await.unwrap();
    }

    /// Texts, the nearest first.
    async fn recall(
        &self,
        who: &Principal,
        agent: &Agent,
        scope: MemoryScope,
        query: &str,
    ) -> Vec<String> {
        let request = Recall {
            agent_id: agent.id,
            scope,
            query: query.to_owned(),
            limit: 20,
        };
        texts(self.ask(who, &request).await.unwrap().items)
    }

    /// The newest first.
    async fn memories(&self, who: &Principal, agent: &Agent) -> Vec<Memory> {
        let request = ListMemories {
            agent_id: agent.id,
            paging: Paging::default(),
        };
        self.ask(who, &request).await.unwrap().items
    }

    /// A run of a member of the user's organization.
    fn run(&self) -> Principal {
        Principal {
            user_id: UserId::generate(),
            role: Role::Operator,
            session_id: None,
            execution_id: Some(ExecutionId::generate()),
            ..self.user.clone()
        }
    }
}

fn lesson(agent_id: AgentId, key: &str, facts: &[&str]) -> Remember {
    let fact = |text: &&str| Fact {
        entity: Some("Ada".to_owned()),
        text: (*text).to_owned(),
    };
    Remember {
        agent_id,
        facts: facts.iter().map(fact).collect(),
        idempotency_key: key.to_owned(),
    }
}

fn texts(memories: Vec<Memory>) -> Vec<String> {
    memories.into_iter().map(|memory| memory.text).collect()
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Problem>) -> ErrorCode {
    outcome.unwrap_err().code
}

#[tokio::test]
async fn what_a_run_learns_is_recalled_by_its_meaning() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent_with("writer", MemoryScope::User).await;
    let run = fixture.run();
    assert!(
        fixture
            .recall(&run, &agent, MemoryScope::User, "tea")
            .await
            .is_empty()
    );
    // Nothing was there to compare with.
    assert!(fixture.models.asked().is_empty());
    fixture
        .learn(&run, &agent, "one", &["drinks coffee", "plays chess"])
        .await;

    let mut later = fixture.run();
    later.user_id = run.user_id;
    let recalled = fixture
        .recall(&later, &agent, MemoryScope::User, "chess players")
        .await;
    assert_eq!(recalled, ["plays chess", "drinks coffee"]);
    let memory = fixture
        .memories(&reader(&later), &agent)
        .await
        .pop()
        .unwrap();
    assert_eq!(memory.entity.as_deref(), Some("Ada"));
    assert_eq!(Some(memory.execution_id), run.execution_id);
    assert_eq!(memory.user_id, run.user_id);
    fixture.drain().await;
}

#[tokio::test]
async fn nothing_is_kept_twice() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent_with("writer", MemoryScope::User).await;
    let run = fixture.run();
    for _ in 0..2 {
        fixture.learn(&run, &agent, "one", &["drinks coffee"]).await;
    }
    // The same wish is known before any model is asked; other words for it are known after.
    assert_eq!(fixture.models.asked().len(), 1);
    fixture
        .learn(
            &run,
            &agent,
            "two",
            &["drinks coffee!", "plays chess", "Plays chess"],
        )
        .await;
    let newest = texts(fixture.memories(&reader(&run), &agent).await);
    assert_eq!(newest, ["plays chess", "drinks coffee"]);
    // The same of another is something else, and so is the same of another user.
    let mut other = lesson(agent.id, "three", &["drinks coffee"]);
    other.facts[0].entity = Some("Grace".to_owned());
    fixture.ask(&run, &other).await.unwrap();
    fixture
        .learn(&fixture.run(), &agent, "one", &["drinks coffee"])
        .await;
    assert_eq!(fixture.rows("agent_memories").await, 4);
    fixture.drain().await;
}

#[tokio::test]
async fn memories_of_a_user_are_seen_by_that_user_alone() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent_with("writer", MemoryScope::User).await;
    let (ada, grace) = (fixture.run(), fixture.run());
    fixture.learn(&ada, &agent, "one", &["drinks coffee"]).await;
    fixture.learn(&grace, &agent, "one", &["plays chess"]).await;
    for scope in [MemoryScope::User, MemoryScope::Organization] {
        let seen = fixture.recall(&ada, &agent, scope, "anything").await;
        assert_eq!(seen, ["drinks coffee"], "{scope:?}");
    }
    // Not even by the owner of the organization.
    assert!(fixture.memories(&fixture.user, &agent).await.is_empty());
    let foreign = fixture.memories(&reader(&grace), &agent).await.remove(0);
    let forget = Forget {
        agent_id: agent.id,
        memory_id: Some(foreign.id),
    };
    let refused = fixture.ask(&reader(&ada), &forget).await;
    assert_eq!(code(refused), ErrorCode::NotFound);
    let forget = Forget {
        memory_id: None,
        ..forget
    };
    fixture.ask(&reader(&ada), &forget).await.unwrap();
    assert!(fixture.memories(&reader(&ada), &agent).await.is_empty());
    assert_eq!(fixture.memories(&reader(&grace), &agent).await.len(), 1);
    fixture.drain().await;
}

#[tokio::test]
async fn memories_of_the_organization_are_shared_from_then_until_then() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent_with("writer", MemoryScope::User).await;
    let (ada, grace) = (fixture.run(), fixture.run());
    fixture.learn(&ada, &agent, "one", &["drinks coffee"]).await;
    let set = async |memory| {
        let spec = AgentSpec {
            name: "writer".to_owned(),
            memory,
            ..AgentSpec::example()
        };
        let request = UpdateAgent {
            agent_id: agent.id,
            spec,
            if_version: None,
        };
        fixture.ask(&fixture.user, &request).await.unwrap();
    };
    set(MemoryScope::Organization).await;
    fixture.learn(&ada, &agent, "two", &["plays chess"]).await;
    // What was kept for one user stays that user's.
    let organization = MemoryScope::Organization;
    assert_eq!(
        fixture.recall(&grace, &agent, organization, "x").await,
        ["plays chess"]
    );
    assert!(
        fixture
            .recall(&grace, &agent, MemoryScope::User, "x")
            .await
            .is_empty()
    );
    assert_eq!(fixture.memories(&fixture.user, &agent).await.len(), 1);
    assert_eq!(fixture.memories(&reader(&ada), &agent).await.len(), 2);
    // One learns what the other knows already.
    fixture
        .learn(&grace, &agent, "three", &["plays chess"])
        .await;
    assert_eq!(fixture.rows("agent_memories").await, 2);

    set(MemoryScope::User).await;
    assert!(
        fixture
            .recall(&grace, &agent, organization, "x")
            .await
            .is_empty()
    );
    set(MemoryScope::Off).await;
    let refused = fixture
        .ask(&ada, &lesson(agent.id, "four", &["sings"]))
        .await;
    assert_eq!(code(refused), ErrorCode::Conflict);
    assert!(
        fixture
            .recall(&ada, &agent, organization, "x")
            .await
            .is_empty()
    );
    fixture.drain().await;
}

#[tokio::test]
async fn who_may_not_remember_does_not() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent_with("writer", MemoryScope::User).await;
    // A person teaches nothing; a run forgets nothing.
    let by_hand = fixture
        .ask(&fixture.user, &lesson(agent.id, "k", &["x"]))
        .await;
    assert_eq!(code(by_hand), ErrorCode::Forbidden);
    let forget = Forget {
        agent_id: agent.id,
        memory_id: None,
    };
    assert_eq!(
        code(fixture.ask(&fixture.run(), &forget).await),
        ErrorCode::Forbidden
    );
    let missing = fixture
        .ask(&fixture.run(), &lesson(AgentId::generate(), "k", &["x"]))
        .await;
    assert_eq!(code(missing), ErrorCode::NotFound);
    let stranger = Principal {
        execution_id: Some(ExecutionId::generate()),
        ..fixture.owner().await
    };
    let foreign = fixture.ask(&stranger, &lesson(agent.id, "k", &["x"])).await;
    assert_eq!(code(foreign), ErrorCode::NotFound);
    let empty = fixture
        .ask(&fixture.run(), &lesson(agent.id, "", &[]))
        .await;
    let paths: Vec<_> = empty
        .unwrap_err()
        .errors
        .into_iter()
        .map(|e| e.path)
        .collect();
    assert_eq!(paths, ["/facts", "/idempotency_key"]);
    fixture.drain().await;
}

#[tokio::test]
async fn an_agent_takes_its_memories_along() {
    let fixture = Fixture::start().await;
    let gone = fixture.agent_with("gone", MemoryScope::Organization).await;
    let kept = fixture.agent_with("kept", MemoryScope::Organization).await;
    for agent in [&gone, &kept] {
        fixture
            .learn(&fixture.run(), agent, "one", &["drinks coffee"])
            .await;
    }
    let delete = DeleteAgent { agent_id: gone.id };
    fixture.ask(&fixture.user, &delete).await.unwrap();
    assert_eq!(fixture.rows("agent_memories").await, 1);
    fixture.drain().await;
}

#[tokio::test]
async fn the_oldest_memories_make_room() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent_with("writer", MemoryScope::User).await;
    let run = fixture.run();
    fixture.learn(&run, &agent, "one", &["drinks coffee"]).await;
    let filling = format!(
        "INSERT INTO agent_memories SELECT gen_random_uuid(), agent_id, scope, '{}', execution_id, key, n, entity,
            n::text, embedded_by, embedding, created_at - n * interval '1 second'
         FROM agent_memories, generate_series(1, 1999) n",
        run.user_id.uuid()
    );
    fixture.sql(&filling).await;
    fixture.learn(&run, &agent, "two", &["plays chess"]).await;
    assert_eq!(fixture.rows("agent_memories").await, 2_000);
    let newest = texts(fixture.memories(&reader(&run), &agent).await);
    assert_eq!(newest[..3], ["plays chess", "drinks coffee", "1"]);
    let oldest = fixture.recall(&run, &agent, MemoryScope::User, "x").await;
    assert!(!oldest.contains(&"1999".to_owned()));
    fixture.drain().await;
}

/// The person behind a run.
fn reader(run: &Principal) -> Principal {
    Principal {
        execution_id: None,
        ..run.clone()
    }
}
