//! Clocks: each fire time begins one execution, whatever breaks down in between.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contracts::{
    Principal, Role,
    id::ExecutionId,
    subject::Token,
    trigger::{Fire, FireOutcome, Trigger},
};
use serde_json::json;
use testkit::eventually;

use crate::{
    Fixture, SOON,
    triggers::{spec, yearly},
};

fn each_second() -> contracts::trigger::TriggerSpec {
    spec(json!({"cron": {"expression": "* * * * * *"}}))
}

impl Fixture {
    /// Wakes the trigger as the bus would.
    pub(crate) async fn wake(&self, who: &Principal, trigger: &Trigger) {
        let label = Token::new("test").unwrap();
        self.bus
            .wake_at(who.tenant, trigger.id, &label, Utc::now())
            .await
            .unwrap();
    }

    pub(crate) async fn settled(
        &self,
        who: &Principal,
        trigger: &Trigger,
        count: usize,
    ) -> Vec<Fire> {
        eventually(SOON, async || {
            let fires = self.fires(who, trigger).await;
            let settled = fires
                .iter()
                .filter(|fire| fire.outcome != FireOutcome::Pending);
            (settled.count() >= count).then_some(fires)
        })
        .await
    }
}

fn time_of(fire: &Fire) -> DateTime<Utc> {
    fire.key.parse().unwrap()
}

#[tokio::test]
async fn each_fire_time_begins_one_execution_over_all_replicas() {
    let mut fixture = Fixture::start().await;
    fixture.revive().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let made = fixture.trigger(&user, &flow, each_second()).await.trigger;
    let fires = fixture.settled(&user, &made, 3).await;
    let starts = fixture.started();
    let mut by_time: BTreeMap<DateTime<Utc>, BTreeSet<ExecutionId>> = BTreeMap::new();
    for start in &starts {
        let time = start.input["fire_time"].as_str().unwrap().parse().unwrap();
        by_time.entry(time).or_default().insert(start.execution_id);
        assert_eq!(start.input["trigger_id"], json!(made.id));
        assert_eq!(
            (start.tenant, start.origin.revision),
            (user.tenant, Some(1))
        );
        assert_eq!(start.principal.user_id, user.user_id);
        assert!(start.principal.session_id.is_none());
    }
    assert!(by_time.values().all(|ids| ids.len() == 1), "{by_time:?}");
    for fire in fires {
        assert!(time_of(&fire) <= fire.at, "never early: {fire:?}");
        assert!(fire.outcome != FireOutcome::Refused, "{fire:?}");
    }
    // One after the other, without a gap.
    let times: Vec<_> = by_time.keys().map(DateTime::timestamp).collect();
    assert!(times.is_sorted_by(|a, b| *b == a + 1), "{times:?}");
}

#[tokio::test]
async fn what_passed_while_nobody_was_there_is_made_up_for_by_the_policy() {
    let mut fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let mut triggers = Vec::new();
    for missed in ["skip", "once", "all"] {
        // Any minute but those around this one, so that no fire time is on time.
        let minute = (Utc::now().timestamp() / 60 + 30) % 60;
        let cron = json!({"expression": format!("{minute} * * * *"), "missed": missed});
        let made = fixture
            .trigger(&user, &flow, spec(json!({"cron": cron})))
            .await;
        triggers.push(made.trigger);
    }
    fixture.running.clear();
    let back = "UPDATE flow_triggers SET done_until = done_until - interval '3 hours'";
    fixture.sql(user.tenant, back).await;
    for trigger in &triggers {
        fixture.wake(&user, trigger).await;
    }
    fixture.revive().await;
    let outcomes = async |trigger: &Trigger, count| {
        let fires = fixture.settled(&user, trigger, count).await;
        let mut outcomes: Vec<_> = fires
            .iter()
            .map(|fire| (time_of(fire), fire.outcome))
            .collect();
        outcomes.sort_by_key(|(time, _)| *time);
        let outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        (outcomes, fires)
    };
    let (skip, fires) = outcomes(&triggers[0], 1).await;
    assert_eq!(skip, [FireOutcome::Skipped]);
    assert_eq!(fires[0].reason.as_deref(), Some("missed"));
    assert_eq!(fires[0].execution_id, None);
    let (once, _) = outcomes(&triggers[1], 2).await;
    assert_eq!(once, [FireOutcome::Skipped, FireOutcome::Started]);
    let (all, _) = outcomes(&triggers[2], 3).await;
    assert_eq!(all, [FireOutcome::Started; 3]);
    // Two who look at one time ask for the same execution.
    let started = fixture.started();
    let begun: BTreeSet<_> = started.iter().map(|start| start.execution_id).collect();
    assert_eq!(begun.len(), 4);
}

#[tokio::test]
async fn a_start_that_is_not_taken_is_made_again() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let made = fixture.trigger(&user, &flow, yearly()).await.trigger;
    *fixture.world.refusals.lock().unwrap() = 2;
    let back = "UPDATE flow_triggers SET done_until = done_until - interval '1 year'";
    fixture.sql(user.tenant, back).await;
    fixture.wake(&user, &made).await;
    let fires = fixture.settled(&user, &made, 1).await;
    assert_eq!(fires[0].outcome, FireOutcome::Started);
    assert_eq!(*fixture.world.refusals.lock().unwrap(), 0);
    let starts = fixture.started();
    assert_eq!(starts.len(), 1);
    assert_eq!(fires[0].execution_id, Some(starts[0].execution_id));
}

#[tokio::test]
async fn a_trigger_ends_with_the_rights_of_its_user() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let demoted = testkit::principal(user.tenant, Role::Editor);
    let (flow, _) = fixture.published(&user).await;
    let left = fixture.trigger(&user, &flow, each_second()).await.trigger;
    let may_not = fixture
        .trigger(&demoted, &flow, each_second())
        .await
        .trigger;
    fixture.settled(&user, &left, 1).await;
    fixture.settled(&user, &may_not, 1).await;
    fixture.world.gone.lock().unwrap().insert(user.user_id);
    let viewer = (demoted.user_id, Role::Viewer);
    fixture.world.roles.lock().unwrap().extend([viewer]);
    for (trigger, why) in [(&left, "owner_left"), (&may_not, "owner_may_not")] {
        let ended = eventually(SOON, async || {
            let trigger = fixture.look(&user, trigger).await;
            (!trigger.enabled).then_some(trigger)
        })
        .await;
        assert_eq!(ended.disabled_reason.as_deref(), Some(why));
        assert!(ended.next_fires.is_empty());
        let fires = fixture.fires(&user, trigger).await;
        let refused = fires.iter().find(|it| it.outcome == FireOutcome::Refused);
        assert_eq!(refused.unwrap().reason.as_deref(), Some(why));
    }
}

#[tokio::test]
async fn the_role_is_that_of_the_moment() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Owner).await;
    let (flow, _) = fixture.published(&user).await;
    let operator = (user.user_id, Role::Operator);
    fixture.world.roles.lock().unwrap().extend([operator]);
    let made = fixture.trigger(&user, &flow, each_second()).await.trigger;
    fixture.settled(&user, &made, 1).await;
    assert_eq!(fixture.started()[0].principal.role, Role::Operator);
}

#[tokio::test]
async fn what_cannot_be_executed_is_said_in_the_history() {
    let fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let flow = fixture.flow(&user).await;
    let made = fixture.trigger(&user, &flow, each_second()).await.trigger;
    let fires = fixture.settled(&user, &made, 1).await;
    let refused = fires.last().unwrap();
    assert_eq!(refused.outcome, FireOutcome::Refused);
    assert_eq!(refused.reason.as_deref(), Some("not_published"));
    assert!(fixture.look(&user, &made).await.enabled, "it may be soon");
    assert!(fixture.started().is_empty());
}

#[tokio::test]
async fn a_clock_goes_on_where_the_bus_lost_its_wake_up() {
    let mut fixture = Fixture::start().await;
    let user = fixture.user(Role::Editor).await;
    let (flow, _) = fixture.published(&user).await;
    let made = fixture.trigger(&user, &flow, each_second()).await.trigger;
    let before = fixture.settled(&user, &made, 1).await.len();
    fixture.running.clear();
    fixture.lose_the_server().await;
    fixture.revive().await;
    fixture.settled(&user, &made, before + 2).await;
}
