//! A database per test, and templates made once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use mongodb::bson::doc;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use testkit::{Mongo, Postgres, eventually};

const SOON: Duration = Duration::from_secs(10);

async fn open(url: &str) -> DatabaseConnection {
    Database::connect(url).await.expect("the database answers")
}

#[tokio::test]
async fn a_database_is_gone_with_its_owner_even_while_in_use() {
    let postgres = Postgres::create().await;
    let url = postgres.url();
    let connection = open(&url).await;
    connection
        .execute_unprepared("CREATE TABLE t (n int)")
        .await
        .expect("it is ours");
    drop(postgres);
    eventually(SOON, async || Database::connect(&url).await.err()).await;
}

#[tokio::test]
async fn a_client_that_is_signing_in_does_not_stop_the_test() {
    let (kept, dropped) = (Postgres::create().await, Postgres::create().await);
    let url = kept.url();
    let signing_in = Database::connect(&url);
    futures::pin_mut!(signing_in);
    // Far enough for the server to wait for an answer of the client.
    let early = tokio::time::timeout(Duration::from_millis(5), &mut signing_in).await;
    let started = Instant::now();
    drop(dropped);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    match early {
        Ok(connected) => connected.expect("the database is there"),
        Err(_) => signing_in.await.expect("the database is there"),
    };
}

#[tokio::test]
async fn a_template_is_migrated_once_and_copied_for_each() {
    let key = format!("once-{}", uuid::Uuid::now_v7());
    let runs = AtomicUsize::new(0);
    let migrate = async |url: String| {
        runs.fetch_add(1, Ordering::SeqCst);
        // The pool stays open on purpose: the kit must cope with it.
        let connection = open(&url).await;
        connection
            .execute_unprepared("CREATE TABLE t (n int)")
            .await?;
        std::mem::forget(connection);
        Ok(())
    };
    let (first, second) = tokio::join!(
        Postgres::migrated(&key, migrate),
        Postgres::migrated(&key, migrate)
    );
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_ne!(first.database(), second.database());

    let (one, two) = (open(&first.url()).await, open(&second.url()).await);
    one.execute_unprepared("INSERT INTO t VALUES (1)")
        .await
        .expect("the table is copied");
    let changed = two
        .execute_unprepared("DELETE FROM t")
        .await
        .expect("the table is copied");
    assert_eq!(changed.rows_affected(), 0, "the copies are separate");
}

#[tokio::test]
async fn a_mongo_database_is_gone_with_its_owner() {
    let mongo = Mongo::create();
    let client = mongodb::Client::with_uri_str(mongo.url())
        .await
        .expect("the server answers");
    let name = mongo.database().to_owned();
    client
        .database(&name)
        .collection("things")
        .insert_one(doc! { "n": 1 })
        .await
        .expect("it is ours");
    assert!(names(&client).await.contains(&name));
    drop(mongo);
    eventually(SOON, async || {
        (!names(&client).await.contains(&name)).then_some(())
    })
    .await;
}

async fn names(client: &mongodb::Client) -> Vec<String> {
    client
        .list_database_names()
        .await
        .expect("the server answers")
}
