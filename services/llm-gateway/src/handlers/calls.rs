//! `llm.calls` and `llm.get_call`: what the archive keeps of calls.

use contracts::{
    id::CallId,
    llm::{CallRecord, GetCall, ListCalls},
    page::Page,
};
use documents::CallQuestion;
use kernel::Ctx;
use sql::Cursor;

use crate::{Error, State};

pub(crate) async fn calls(ctx: Ctx<State>, request: ListCalls) -> Result<Page<CallRecord>, Error> {
    let ListCalls {
        provider,
        model,
        route,
        execution_id,
        failed,
        paging,
    } = request;
    let before = Cursor::of(&paging)?;
    let question = CallQuestion {
        provider,
        model,
        route,
        execution: execution_id,
        failed,
        before: before.map(|cursor| (cursor.at, CallId::from_uuid(cursor.id))),
    };
    let archive = &ctx.state.archive;
    let found = archive
        .latest_calls(ctx.tenant, &question, paging.rows() + 1)
        .await?;
    let cursor = |call: &CallRecord| Cursor {
        at: call.at,
        id: call.id.uuid(),
    };
    Ok(sql::page(found, &paging, cursor, |call| call))
}

pub(crate) async fn get_call(ctx: Ctx<State>, request: GetCall) -> Result<CallRecord, Error> {
    let found = ctx.state.archive.call(ctx.tenant, request.call_id).await?;
    found.ok_or(Error::UnknownCall(request.call_id))
}
