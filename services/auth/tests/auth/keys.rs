//! The signing key: one for all replicas, sealed, published.

use bus::Bucket;
use contracts::{Service, principal::PublicKey};

use crate::{MASTER_KEY, Platform, connect, database, nats, open};

#[tokio::test]
async fn replicas_that_start_at_once_agree_on_one_key() {
    let (nats, database) = (nats().await, database().await);
    let bus = connect(&nats, Service::Auth).await;
    let states = futures::future::join_all((0..6).map(|_| open(&database, &bus, MASTER_KEY))).await;
    assert!(states.iter().all(Result::is_ok));
    let published = bus.kv(Bucket::Jwks).await.unwrap().entries().await.unwrap();
    assert_eq!(published.len(), 1);
    let (kid, value) = &published[0];
    let key: PublicKey = serde_json::from_slice(value).unwrap();
    assert_eq!((key.kid.as_str(), key.x.len()), (kid.as_str(), 43));
}

#[tokio::test]
async fn another_master_key_does_not_open_the_signing_key() {
    let (nats, database) = (nats().await, database().await);
    let bus = connect(&nats, Service::Auth).await;
    open(&database, &bus, MASTER_KEY)
        .await
        .expect("the first start");
    let other = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    assert!(matches!(
        open(&database, &bus, other).await.err(),
        Some(auth::Error::Vault(_))
    ));
    open(&database, &bus, MASTER_KEY)
        .await
        .expect("the right key still opens it");
}

#[tokio::test]
async fn a_restart_signs_with_the_same_key() {
    let platform = Platform::start().await;
    let session = platform.register("ada").await;
    let bus = connect(&platform.nats, Service::Auth).await;
    bus.kv(Bucket::Jwks).await.unwrap().entries().await.unwrap();
    open(&platform.database, &bus, MASTER_KEY)
        .await
        .expect("a second replica");
    assert_eq!(
        bus.kv(Bucket::Jwks)
            .await
            .unwrap()
            .entries()
            .await
            .unwrap()
            .len(),
        1
    );
    platform.principal(&session).await;
}
