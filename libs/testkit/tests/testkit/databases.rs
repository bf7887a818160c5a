//! A database per test, and templates made once.

use std::sync::atomic::{AtomicUsize, Ordering};

use mongodb::bson::doc;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use testkit::{Mongo, Postgres};

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
    Database::connect(&url).await.expect_err("it is dropped");
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
    assert!(!names(&client).await.contains(&name));
}

async fn names(client: &mongodb::Client) -> Vec<String> {
    client
        .list_database_names()
        .await
        .expect("the server answers")
}
