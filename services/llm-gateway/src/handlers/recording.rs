//! `llm.recording`, `llm.set_recording` and `llm.call_bodies`: the words of questions and answers.

use contracts::llm::{CallBodies, GetCallBodies, GetRecording, Recording, SetRecording};
use kernel::Ctx;

use crate::{Error, State};

pub(crate) async fn recording(ctx: Ctx<State>, _: GetRecording) -> Result<Recording, Error> {
    ctx.state.store.recording(ctx.tenant).await
}

pub(crate) async fn set_recording(
    ctx: Ctx<State>,
    request: SetRecording,
) -> Result<Recording, Error> {
    let SetRecording { mut recording } = request;
    let mut seen = Vec::new();
    recording.redact.retain(|kind| {
        let is_new = !seen.contains(kind);
        seen.push(*kind);
        is_new
    });
    ctx.state
        .store
        .set_recording(ctx.tenant, &recording)
        .await?;
    ctx.state.forget(ctx.tenant).await;
    Ok(recording)
}

pub(crate) async fn call_bodies(
    ctx: Ctx<State>,
    request: GetCallBodies,
) -> Result<CallBodies, Error> {
    let id = request.call_id;
    let found = ctx.state.archive.call_bodies(ctx.tenant, id).await?;
    found.ok_or(Error::NotRecorded(id))
}
