//! Triggers as people make, change and look at them.
//!
//! **Invariant:** the wake-up of a clock is stored before the trigger is, so no trigger waits for one that never comes.

use contracts::{
    id::TriggerId,
    page::Page,
    trigger::{
        CreateTrigger, DeleteTrigger, DisableTrigger, EnableTrigger, Fire, GetTrigger, ListFires,
        ListTriggers, NewSecret, NewTrigger, RotateSecret, Trigger, TriggerKind, TriggerSpec,
        UpdateTrigger,
    },
};
use secrecy::ExposeSecret;

use crate::{
    domain::{cron::Schedule, signature, trigger as rules},
    error::Error,
    handlers::{Ctx, now},
    launch,
    store::LockedTrigger,
    wakes,
};

/// Fire times that are shown.
const SHOWN: usize = 5;

pub(crate) async fn create(ctx: Ctx, request: CreateTrigger) -> Result<NewTrigger, Error> {
    let kind = rules::check(&request.spec)?;
    check_revision(&ctx, request.flow_id, &request.spec).await?;
    let secret = match kind {
        TriggerKind::Webhook => Some(signature::new_secret()?),
        TriggerKind::Cron | TriggerKind::Event => None,
    };
    let now = now();
    let id = TriggerId::generate();
    let trigger = Trigger {
        id,
        flow_id: request.flow_id,
        kind,
        spec: request.spec,
        enabled: true,
        disabled_reason: None,
        runs_as: ctx.principal().user_id,
        next_fires: Vec::new(),
        hook_path: secret
            .is_some()
            .then(|| format!("/hooks/{}/{id}", ctx.tenant)),
        previous_secret_until: None,
        created_at: now,
        updated_at: now,
    };
    let locked = ctx
        .state
        .new_trigger(ctx.tenant, trigger, secret.as_ref())
        .await?;
    Ok(NewTrigger {
        trigger: commit(&ctx, locked).await?,
        secret: secret.map(|secret| secret.expose_secret().to_owned()),
    })
}

pub(crate) async fn list(ctx: Ctx, request: ListTriggers) -> Result<Page<Trigger>, Error> {
    let page = ctx
        .state
        .triggers(ctx.tenant, request.flow_id, &request.paging, now())
        .await?;
    Ok(Page {
        items: page.items.into_iter().map(shown).collect(),
        next: page.next,
    })
}

pub(crate) async fn get(ctx: Ctx, request: GetTrigger) -> Result<Trigger, Error> {
    let (flow_id, id) = (request.flow_id, request.trigger_id);
    let trigger = ctx.state.trigger(ctx.tenant, flow_id, id, now()).await?;
    Ok(shown(trigger))
}

pub(crate) async fn update(ctx: Ctx, request: UpdateTrigger) -> Result<Trigger, Error> {
    let kind = rules::check(&request.spec)?;
    check_revision(&ctx, request.flow_id, &request.spec).await?;
    let mut locked = lock(&ctx, request.flow_id, request.trigger_id).await?;
    if locked.trigger().kind != kind {
        return Err(Error::KindFixed);
    }
    let enabled = locked.trigger().enabled;
    let by = ctx.principal().user_id;
    locked
        .change(Some(request.spec), enabled, by, now())
        .await?;
    commit(&ctx, locked).await
}

pub(crate) async fn enable(ctx: Ctx, request: EnableTrigger) -> Result<Trigger, Error> {
    switch(&ctx, request.flow_id, request.trigger_id, true).await
}

pub(crate) async fn disable(ctx: Ctx, request: DisableTrigger) -> Result<Trigger, Error> {
    switch(&ctx, request.flow_id, request.trigger_id, false).await
}

async fn switch(
    ctx: &Ctx,
    flow_id: contracts::id::FlowId,
    id: TriggerId,
    enabled: bool,
) -> Result<Trigger, Error> {
    let mut locked = lock(ctx, flow_id, id).await?;
    let by = ctx.principal().user_id;
    locked.change(None, enabled, by, now()).await?;
    commit(ctx, locked).await
}

pub(crate) async fn delete(ctx: Ctx, request: DeleteTrigger) -> Result<(), Error> {
    let locked = lock(&ctx, request.flow_id, request.trigger_id).await?;
    locked.delete().await
}

pub(crate) async fn fires(ctx: Ctx, request: ListFires) -> Result<Page<Fire>, Error> {
    let (flow_id, id) = (request.flow_id, request.trigger_id);
    ctx.state
        .fires(ctx.tenant, flow_id, id, &request.paging)
        .await
}

pub(crate) async fn rotate(ctx: Ctx, request: RotateSecret) -> Result<NewSecret, Error> {
    let overlap = rules::overlap(request.overlap_minutes)?;
    let mut locked = lock(&ctx, request.flow_id, request.trigger_id).await?;
    if locked.trigger().kind != TriggerKind::Webhook {
        return Err(Error::NoSecret);
    }
    let secret = signature::new_secret()?;
    let now = now();
    let until = now + overlap;
    ctx.state.rotate(&mut locked, &secret, until, now).await?;
    locked.commit().await?;
    Ok(NewSecret {
        secret: secret.expose_secret().to_owned(),
        previous_secret_until: until,
    })
}

/// A revision that is named must be there.
async fn check_revision(
    ctx: &Ctx,
    flow_id: contracts::id::FlowId,
    spec: &TriggerSpec,
) -> Result<(), Error> {
    let Some(number) = spec.revision else {
        return Ok(());
    };
    launch::published(&ctx.state, ctx.tenant, flow_id, Some(number)).await?;
    Ok(())
}

async fn lock(
    ctx: &Ctx,
    flow_id: contracts::id::FlowId,
    id: TriggerId,
) -> Result<LockedTrigger, Error> {
    let locked = ctx
        .state
        .lock_trigger(ctx.tenant, Some(flow_id), id, now())
        .await?;
    locked.ok_or(Error::TriggerNotFound(id))
}

/// Stores the wake-up of a clock that is to run, and then the trigger.
async fn commit(ctx: &Ctx, locked: LockedTrigger) -> Result<Trigger, Error> {
    let trigger = shown(locked.trigger().clone());
    if let Some(next) = trigger.next_fires.first() {
        wakes::wake(&ctx.bus, ctx.tenant, &locked, *next).await?;
    }
    locked.commit().await?;
    Ok(trigger)
}

/// With the fire times that come.
fn shown(mut trigger: Trigger) -> Trigger {
    let cron = trigger.spec.cron.as_ref().filter(|_| trigger.enabled);
    let schedule = cron.and_then(|cron| Schedule::parse(cron).ok());
    trigger.next_fires = schedule.map_or_else(Vec::new, |schedule| schedule.next(now(), SHOWN));
    trigger
}
