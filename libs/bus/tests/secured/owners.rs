//! Owners of partitions, in the process of who asks and elsewhere.

use std::time::Duration;

use bus::Incoming;
use contracts::{
    Service,
    id::{ExecutionId, TenantId},
    owner::Claim,
    subject::partition_of,
};
use futures::StreamExt;

use crate::{connect, platform};

const SOON: Duration = Duration::from_secs(10);

fn claim() -> Claim {
    Claim {
        tenant: TenantId::EXAMPLE,
        execution_id: ExecutionId::generate(),
        node: "fetch".into(),
        attempt: 1,
    }
}

fn read(question: &Incoming) -> Claim {
    serde_json::from_slice(question.payload()).expect("a claim")
}

#[tokio::test]
async fn an_owner_here_and_elsewhere_is_asked_the_same() {
    let nats = platform().await;
    let (here, elsewhere) = (
        connect(&nats, Service::Execution).await,
        connect(&nats, Service::Execution).await,
    );
    let claim = claim();
    let partitions = here.partitions().await.expect("decided");
    let mut questions = here
        .own(partition_of(claim.execution_id, partitions))
        .await
        .expect("subscribes");
    for asker in [&here, &elsewhere] {
        let answers = async {
            let question = questions.next().await.expect("a question");
            assert_eq!(read(&question), claim);
            assert!(question.subject().ends_with(".claim"));
            here.reply(&question, Ok(&())).await.expect("answers");
        };
        let (answer, ()) = tokio::join!(asker.ask_owner(&claim, SOON), answers);
        answer.expect("answered");
    }
}

#[tokio::test]
async fn who_asks_an_owner_that_leaves_is_answered_by_the_next() {
    let nats = platform().await;
    let (here, elsewhere) = (
        connect(&nats, Service::Execution).await,
        connect(&nats, Service::Execution).await,
    );
    let claim = claim();
    let partitions = here.partitions().await.expect("decided");
    let partition = partition_of(claim.execution_id, partitions);
    let mut left = here.own(partition).await.expect("subscribes");
    let mut next = elsewhere.own(partition).await.expect("subscribes");
    let owners = async {
        drop(left.next().await.expect("it took the question in"));
        drop(left);
        let question = next.next().await.expect("asked over the wire");
        elsewhere.reply(&question, Ok(&())).await.expect("answers");
    };
    let (answer, ()) = tokio::join!(here.ask_owner(&claim, SOON), owners);
    answer.expect("answered by the other one");
}
