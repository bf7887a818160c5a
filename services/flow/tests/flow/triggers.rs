//! Triggers as people make, change and look at them.

use contracts::{
    ErrorCode, Principal, Role,
    flow::Flow,
    page::{Page, Paging},
    trigger::{
        CreateTrigger, DeleteTrigger, DisableTrigger, EnableTrigger, Fire, GetTrigger, ListFires,
        ListTriggers, NewTrigger, RotateSecret, Trigger, TriggerKind, TriggerSpec, UpdateTrigger,
    },
};
use serde_json::{Value, json};

use crate::{Fixture, reason};

pub(crate) fn spec(mut value: Value) -> TriggerSpec {
    value["name"] = "A trigger".into();
    serde_json::from_value(value).unwrap()
}

pub(crate) fn yearly() -> TriggerSpec {
    spec(json!({"cron": {"expression": "0 0 1 1 *", "time_zone": "Europe/Rome"}}))
}

impl Fixture {
    pub(crate) async fn trigger(
        &self,
        who: &Principal,
        flow: &Flow,
        spec: TriggerSpec,
    ) -> NewTrigger {
        let request = CreateTrigger {
            flow_id: flow.id,
            spec,
        };
        self.ask(who, &request).await.unwrap()
    }

    pub(crate) async fn look(&self, who: &Principal, trigger: &Trigger) -> Trigger {
        let request = GetTrigger {
            flow_id: trigger.flow_id,
            trigger_id: trigger.id,
        };
        self.ask(who, &request).await.unwrap()
    }

    pub(crate) async fn fires(&self, who: &Principal, trigger: &Trigger) -> Vec<Fire> {
        self.page_of_fires(who, trigger, Paging::default())
            .await
            .items
    }

    async fn page_of_fires(
        &self,
        who: &Principal,
        trigger: &Trigger,
        paging: Paging,
    ) -> Page<Fire> {
        let request = ListFires {
            flow_id: trigger.flow_id,
            trigger_id: trigger.id,
            paging,
        };
        self.ask(who, &request).await.unwrap()
    }
}

#[tokio::test]
async fn a_trigger_is_made_changed_and_deleted() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let made = fixture.trigger(&user, &flow, yearly()).await;
    assert_eq!((made.trigger.kind, made.secret), (TriggerKind::Cron, None));
    assert_eq!(made.trigger.next_fires.len(), 5);
    assert!(made.trigger.enabled && made.trigger.next_fires.is_sorted());
    let (flow_id, trigger_id) = (flow.id, made.trigger.id);

    let other = testkit::principal(user.tenant, Role::Editor);
    let update = UpdateTrigger {
        flow_id,
        trigger_id,
        spec: spec(json!({"cron": {"expression": "0 12 * * *"}, "revision": 1})),
    };
    let changed = fixture.ask(&other, &update).await.unwrap();
    assert_eq!(changed.runs_as, other.user_id, "it is whoever changed it");
    assert_eq!(changed.spec, update.spec);
    assert_ne!(changed.next_fires, made.trigger.next_fires);
    assert_eq!(fixture.look(&user, &made.trigger).await, changed);

    let disable = DisableTrigger {
        flow_id,
        trigger_id,
    };
    let disabled = fixture.ask(&user, &disable).await.unwrap();
    assert!(!disabled.enabled && disabled.next_fires.is_empty());
    let enable = EnableTrigger {
        flow_id,
        trigger_id,
    };
    let enabled = fixture.ask(&user, &enable).await.unwrap();
    assert!(enabled.enabled && enabled.runs_as == user.user_id);

    let paging = Paging::default();
    let list = ListTriggers { flow_id, paging };
    let listed = fixture.ask(&user, &list).await.unwrap();
    assert_eq!(listed.items, [enabled]);
    let delete = DeleteTrigger {
        flow_id,
        trigger_id,
    };
    fixture.ask(&user, &delete).await.unwrap();
    assert!(fixture.ask(&user, &list).await.unwrap().items.is_empty());
    let again = fixture.ask(&user, &delete).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_cannot_be_a_trigger_is_refused() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let create = |value: Value| CreateTrigger {
        flow_id: flow.id,
        spec: spec(value),
    };
    let wrong = create(json!({"cron": {"expression": "every day", "time_zone": "UTC"}}));
    let problem = fixture.ask(&user, &wrong).await.err().unwrap();
    assert_eq!(reason(&problem), (422, "trigger_invalid"));
    assert_eq!(problem.errors[0].path, "/spec/cron/expression");
    let missing = create(json!({"webhook": {}, "revision": 7}));
    let problem = fixture.ask(&user, &missing).await.err().unwrap();
    assert_eq!(problem.code, ErrorCode::NotFound);

    let made = fixture.trigger(&user, &flow, yearly()).await.trigger;
    let (flow_id, trigger_id) = (flow.id, made.id);
    let other_kind = UpdateTrigger {
        flow_id,
        trigger_id,
        spec: spec(json!({"webhook": {}})),
    };
    let problem = fixture.ask(&user, &other_kind).await.unwrap_err();
    assert_eq!(reason(&problem), (422, "kind_fixed"));
    let rotate = RotateSecret {
        flow_id,
        trigger_id,
        overlap_minutes: None,
    };
    let problem = fixture.ask(&user, &rotate).await.err().unwrap();
    assert_eq!(reason(&problem), (422, "no_secret"));
    // A trigger is looked for in its flow alone.
    let elsewhere = GetTrigger {
        flow_id: fixture.flow(&user).await.id,
        trigger_id,
    };
    let problem = fixture.ask(&user, &elsewhere).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_flow_has_so_many_triggers() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    for _ in 0..50 {
        fixture.trigger(&user, &flow, yearly()).await;
    }
    let one_more = CreateTrigger {
        flow_id: flow.id,
        spec: yearly(),
    };
    let problem = fixture.ask(&user, &one_more).await.err().unwrap();
    assert_eq!(reason(&problem), (422, "too_many_triggers"));
    let paging = Paging {
        limit: Some(30),
        ..Paging::default()
    };
    let mut list = ListTriggers {
        flow_id: flow.id,
        paging,
    };
    let first = fixture.ask(&user, &list).await.unwrap();
    list.paging.cursor = first.next.clone();
    let second = fixture.ask(&user, &list).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (30, 20));
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn another_tenants_trigger_does_not_exist() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let made = fixture.trigger(&user, &flow, yearly()).await.trigger;
    let stranger = fixture.user(Role::Owner).await;
    let (theirs, _) = fixture.published(&stranger).await;
    for flow_id in [flow.id, theirs.id] {
        let request = GetTrigger {
            flow_id,
            trigger_id: made.id,
        };
        let problem = fixture.ask(&stranger, &request).await.unwrap_err();
        assert_eq!(problem.code, ErrorCode::NotFound);
    }
}
