//! Providers: made, shown, changed, tested, removed; by whom; and where their keys go.

use contracts::{
    ErrorCode, Principal, Role,
    id::ProviderId,
    llm::{
        DeleteProvider, GetProvider, ListModels, ListProviders, ModelKind, ProviderKind,
        ProviderModel, TestProvider, UpdateProvider,
    },
    page::Paging,
};
use sea_orm::{ConnectionTrait, Database, Statement};
use testkit::{FakeLlm, fake_llm::Answer};

use crate::{Fixture, question, vendor_at};

fn unchanged(provider_id: ProviderId) -> UpdateProvider {
    UpdateProvider {
        provider_id,
        base_url: None,
        api_key: None,
        more_api_keys: Vec::new(),
        limits: None,
        models: None,
    }
}

#[tokio::test]
async fn a_provider_is_made_shown_changed_and_removed() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let made = fixture.vendor_of(&owner).await;
    assert_eq!(made.kind, ProviderKind::OpenaiCompatible);
    assert_eq!(made.key_hint.as_deref(), Some("-key"));
    let get = GetProvider {
        provider_id: made.id,
    };
    let shown = fixture.ask(&owner, &get).await.unwrap();
    assert_eq!(
        (&shown.models, &shown.base_url),
        (&made.models, &made.base_url)
    );

    let again = fixture
        .ask(&owner, &vendor_at("https://example.com/v1"))
        .await;
    let problem = again.unwrap_err();
    assert_eq!(
        (problem.code, problem.reason.as_deref()),
        (ErrorCode::Conflict, Some("provider_exists"))
    );

    let change = UpdateProvider {
        models: Some(vec![ProviderModel {
            name: "other".into(),
            kind: ModelKind::Chat,
            price: None,
        }]),
        base_url: Some(format!("{}/", made.base_url)),
        ..unchanged(made.id)
    };
    let changed = fixture.ask(&owner, &change).await.unwrap();
    assert_eq!(changed.models[0].name, "other");
    assert_eq!(
        (&changed.base_url, &changed.key_hint),
        (&made.base_url, &made.key_hint)
    );

    let delete = DeleteProvider {
        provider_id: made.id,
    };
    fixture.ask(&owner, &delete).await.unwrap();
    assert_eq!(
        fixture.ask(&owner, &get).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    assert_eq!(
        fixture.ask(&owner, &delete).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn lists_come_in_pages_and_models_with_their_labels() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    for name in ["one", "two", "three"] {
        let mut request = vendor_at("https://example.com/v1");
        request.name = name.into();
        fixture.ask(&owner, &request).await.unwrap();
    }
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let paging = Paging {
            cursor,
            limit: Some(2),
        };
        let page = fixture
            .ask(&owner, &ListProviders { paging })
            .await
            .unwrap();
        names.extend(page.items.into_iter().map(|provider| provider.name));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["one", "two", "three"]);
    let models = fixture.ask(&owner, &ListModels {}).await.unwrap().items;
    let labels: Vec<_> = models
        .iter()
        .map(|model| (model.id.as_str(), model.rehearsal))
        .collect();
    assert_eq!(labels.len(), 7);
    assert_eq!(labels[0], ("rehearsal/rehearsal", true));
    assert_eq!(labels[1], ("one/fake-large", false));
}

#[tokio::test]
async fn odd_settings_are_refused_with_their_fields() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let mut request = vendor_at("ftp://example.com");
    request.name = "rehearsal".into();
    request.kind = ProviderKind::Rehearsal;
    request.api_key = Some("a b".into());
    request.models[1].name = request.models[0].name.clone();
    let problem = fixture.ask(&owner, &request).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::InvalidInput);
    let mut paths: Vec<_> = problem
        .errors
        .iter()
        .map(|error| error.path.as_str())
        .collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        ["/api_key", "/base_url", "/kind", "/models/1/name", "/name"]
    );
}

#[tokio::test]
async fn roles_and_tenants_are_walls() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let made = fixture.vendor_of(&owner).await;
    let get = GetProvider {
        provider_id: made.id,
    };
    let role = |role| Principal {
        role,
        ..testkit::principal(owner.tenant, role)
    };
    assert!(fixture.ask(&role(Role::Viewer), &get).await.is_ok());
    for low in [Role::Viewer, Role::Editor] {
        let made = fixture
            .ask(&role(low), &vendor_at("https://example.com"))
            .await;
        assert_eq!(made.unwrap_err().code, ErrorCode::Forbidden);
    }
    let stranger = fixture.owner().await;
    let test = TestProvider {
        provider_id: made.id,
    };
    let delete = DeleteProvider {
        provider_id: made.id,
    };
    let codes = [
        fixture.ask(&stranger, &get).await.map(drop),
        fixture.ask(&stranger, &unchanged(made.id)).await.map(drop),
        fixture.ask(&stranger, &test).await.map(drop),
        fixture.ask(&stranger, &delete).await,
    ]
    .map(|answer| answer.unwrap_err().code);
    assert_eq!(codes, [ErrorCode::NotFound; 4]);
    let asked = question("vendor/fake-large", "hi");
    assert_eq!(
        fixture.refused(&stranger, &asked).await.code,
        ErrorCode::NotFound
    );
    assert!(fixture.vendor.requests().is_empty());
    assert!(fixture.ask(&owner, &get).await.is_ok());
}

#[tokio::test]
async fn a_test_tells_how_the_provider_does() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let made = fixture.vendor_of(&owner).await;
    let test = TestProvider {
        provider_id: made.id,
    };
    fixture.vendor.script(Answer::text("ok"));
    let verdict = fixture.ask(&owner, &test).await.unwrap();
    assert!(verdict.ok, "{verdict:?}");
    assert_eq!(fixture.vendor.requests()[0].body["max_tokens"], 256);
    let change = UpdateProvider {
        api_key: Some("sk-another-key-1234".into()),
        ..unchanged(made.id)
    };
    let changed = fixture.ask(&owner, &change).await.unwrap();
    assert_eq!(changed.key_hint.as_deref(), Some("1234"));
    let verdict = fixture.ask(&owner, &test).await.unwrap();
    assert_eq!(
        (verdict.ok, verdict.message.as_str()),
        (false, "provider `vendor` refused our credential")
    );
}

#[tokio::test]
async fn a_key_goes_only_to_the_server_it_was_given_for() {
    let elsewhere = FakeLlm::start().await;
    let fixture = Fixture::reaching(&[elsewhere.address()]).await;
    elsewhere.otherwise(Answer::text("caught it"));
    let owner = fixture.owner().await;
    let made = fixture.vendor_of(&owner).await;
    let moved = UpdateProvider {
        base_url: Some(elsewhere.base_url()),
        ..unchanged(made.id)
    };
    let problem = fixture.ask(&owner, &moved).await.unwrap_err();
    assert_eq!(problem.errors[0].path, "/api_key");

    // Whoever can write rows but not seal cannot move a key either: to another server, or to another provider.
    let mut other = vendor_at(&elsewhere.base_url());
    other.name = "other".into();
    other.api_key = Some("sk-of-the-other-1".into());
    fixture.ask(&owner, &other).await.unwrap();
    let schema = format!("t_{}", owner.tenant.uuid().simple());
    let rows = Database::connect(fixture.database.url()).await.unwrap();
    let run = async |sql: String| rows.execute_unprepared(&sql).await.unwrap();
    run(format!("UPDATE {schema}.llm_providers AS a SET sealed_key = b.sealed_key FROM {schema}.llm_providers AS b WHERE a.name = 'other' AND b.name = 'vendor'")).await;
    run(format!(
        "UPDATE {schema}.llm_providers SET base_url = '{}' WHERE name = 'vendor'",
        elsewhere.base_url()
    ))
    .await;
    for model in ["vendor/fake-large", "other/fake-large"] {
        // Until the service has forgotten the rows as they were.
        testkit::eventually(std::time::Duration::from_secs(5), async || {
            fixture.vendor.otherwise(Answer::text("ok"));
            let outcome = fixture.complete(&owner, &question(model, "hi")).await.1;
            outcome
                .err()
                .filter(|problem| problem.reason.as_deref() == Some("credential"))
        })
        .await;
    }
    assert!(elsewhere.requests().is_empty());

    let sealed = Statement::from_string(
        rows.get_database_backend(),
        format!("SELECT string_agg(encode(sealed_key, 'escape'), '') FROM {schema}.llm_providers"),
    );
    let row = rows.query_one_raw(sealed).await.unwrap().unwrap();
    let bytes: String = row.try_get_by_index(0).unwrap();
    assert!(!bytes.is_empty() && !bytes.contains("vendor-key"));
}

#[tokio::test]
async fn a_new_key_fails_no_question_that_is_under_way() {
    let fixture = Fixture::start().await;
    let owner = fixture.owner().await;
    let made = fixture.vendor_of(&owner).await;
    let pause = std::time::Duration::from_millis(3);
    let slowly = Answer::text("one two three four").slow(pause, pause);
    fixture.vendor.otherwise(slowly);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let asks = (0..8).map(|_| async {
        let mut answered = 0_u32;
        while !*stopped.borrow() {
            let ask = question("vendor/fake-large", "hi");
            let done = fixture.complete(&owner, &ask).await.1;
            done.unwrap();
            answered += 1;
        }
        answered
    });
    // The same key, sealed anew, with another behind it each time.
    let change = async {
        for n in 0..10 {
            let change = UpdateProvider {
                api_key: Some(FakeLlm::API_KEY.into()),
                more_api_keys: vec![FakeLlm::API_KEY.into(); n % 3],
                ..unchanged(made.id)
            };
            fixture.ask(&owner, &change).await.unwrap();
            let asked = fixture.vendor.requests().len();
            testkit::eventually(std::time::Duration::from_secs(10), async || {
                (fixture.vendor.requests().len() >= asked + 8).then_some(())
            })
            .await;
        }
        stop.send_replace(true);
    };
    let (answered, ()) = tokio::join!(futures::future::join_all(asks), change);
    assert!(answered.iter().all(|count| *count > 0), "{answered:?}");
}
