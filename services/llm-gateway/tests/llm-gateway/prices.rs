//! Prices that hold without a restart: the operator's table, and what an organization says itself.

use std::{path::Path, time::Duration};

use contracts::{
    Principal,
    id::ProviderId,
    llm::{CreateProvider, ListModels, ModelKind, Price, ProviderModel, UpdateProvider},
};
use llm_gateway::{Settings, State};
use serde_json::json;
use testkit::TempDir;

use crate::{Fixture, vendor_at};

fn write(file: &Path, version: &str, prompt: &str) {
    let line = json!({"vendor": "openai", "model": "gpt-4o", "prompt": prompt, "completion": "8", "tiers": [
        {"above": 1000, "prompt": "100", "completion": "100"}]});
    let table = json!({"version": version, "models": [line]});
    std::fs::write(file, table.to_string()).unwrap();
}

fn models(price: Option<Price>) -> Vec<ProviderModel> {
    let model = ProviderModel {
        name: "gpt-4o".into(),
        kind: ModelKind::Chat,
        price,
    };
    vec![model]
}

/// What a million tokens of a question cost.
async fn price(fixture: &Fixture, owner: &Principal) -> Option<String> {
    let page = fixture.ask(owner, &ListModels {}).await.unwrap();
    let model = page.items.into_iter().find(|it| it.id == "vendor/gpt-4o");
    Some(model?.price?.prompt.to_string())
}

async fn becomes(fixture: &Fixture, owner: &Principal, expect: Option<&str>) {
    testkit::eventually(Duration::from_secs(20), async || {
        let found = price(fixture, owner).await;
        (found.as_deref() == expect).then_some(())
    })
    .await;
}

async fn say(fixture: &Fixture, owner: &Principal, provider_id: ProviderId, price: Option<Price>) {
    let update = UpdateProvider {
        provider_id,
        base_url: None,
        api_key: None,
        more_api_keys: Vec::new(),
        limits: None,
        models: Some(models(price)),
    };
    fixture.ask(owner, &update).await.unwrap();
}

#[tokio::test]
async fn a_new_table_and_an_organizations_own_price_hold_without_a_restart() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("prices.json");
    write(&file, "one", "3");
    let settings = Settings {
        llm_prices: Some(file.clone()),
        ..Settings::default()
    };
    let fixture = Fixture::with(&[], settings).await;
    let owner = fixture.owner().await;
    let provider = CreateProvider {
        models: models(None),
        ..vendor_at("https://api.openai.com/v1")
    };
    let provider = fixture.ask(&owner, &provider).await.unwrap();
    assert_eq!(price(&fixture, &owner).await.as_deref(), Some("3"));
    write(&file, "two", "4");
    becomes(&fixture, &owner, Some("4")).await;
    // What an organization says itself goes first, from the next question on.
    let own = Price {
        prompt: "7".parse().unwrap(),
        ..Price::default()
    };
    say(&fixture, &owner, provider.id, Some(own)).await;
    assert_eq!(price(&fixture, &owner).await.as_deref(), Some("7"));
    say(&fixture, &owner, provider.id, None).await;
    assert_eq!(price(&fixture, &owner).await.as_deref(), Some("4"));
    // No table, then none at all: the prices stay, and the next table counts again.
    std::fs::write(&file, "{").unwrap();
    let state = State::connect(&fixture.config).await;
    let error = state.err().expect("the file is no table").to_string();
    assert!(error.contains("prices.json"), "{error}");
    assert_eq!(price(&fixture, &owner).await.as_deref(), Some("4"));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(price(&fixture, &owner).await.as_deref(), Some("4"));
    write(&file, "three", "5");
    becomes(&fixture, &owner, Some("5")).await;
}
