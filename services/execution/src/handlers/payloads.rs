//! Values that stand apart, given away piece by piece.
//!
//! **Invariant:** a value is read under its own tenant and execution, and the first piece always comes from the stores: what was
//! deleted is not begun to be read.

use std::time::Duration;

use bytes::Bytes;
use contracts::{
    execution::{GetPayload, ReadPayload},
    file::FilePart,
    id::{ExecutionId, TenantId},
    payload::PayloadHash,
};
use kernel::Ctx;
use moka::sync::Cache;
use tokio::sync::Semaphore;

use crate::{Error, State, payloads::Payloads};

/// Values that are loaded at the same time.
const MAX_LOADED: usize = 4;
/// Bytes of values whose next pieces are waited for.
const KEPT: u64 = 64 * 1024 * 1024;
/// How long the next piece is waited for.
const IDLE: Duration = Duration::from_secs(10);

/// Values that are being read.
pub(crate) struct Readings {
    turns: Semaphore,
    texts: Cache<Key, Bytes>,
}

type Key = (TenantId, ExecutionId, PayloadHash);

impl Default for Readings {
    fn default() -> Self {
        let texts = Cache::builder()
            .max_capacity(KEPT)
            .weigher(|_: &Key, text: &Bytes| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .time_to_idle(IDLE)
            .build();
        Self {
            turns: Semaphore::new(MAX_LOADED),
            texts,
        }
    }
}

pub(crate) async fn get(ctx: Ctx<State>, request: GetPayload) -> Result<FilePart, Error> {
    piece(&ctx, request.execution_id, request.hash, request.offset).await
}

pub(crate) async fn read(ctx: Ctx<State>, request: ReadPayload) -> Result<FilePart, Error> {
    piece(&ctx, request.execution_id, request.hash, request.offset).await
}

async fn piece(
    ctx: &Ctx<State>,
    id: ExecutionId,
    hash: PayloadHash,
    offset: u64,
) -> Result<FilePart, Error> {
    let readings = &ctx.state.readings;
    let key = (ctx.tenant, id, hash);
    let known = match offset {
        0 => None,
        _ => readings.texts.get(&key),
    };
    let text = match known {
        Some(text) => text,
        None => load(ctx, &key).await?,
    };
    let from = usize::try_from(offset).map_or(text.len(), |from| from.min(text.len()));
    let to = text.len().min(from + FilePart::MAX_BYTES as usize);
    let (_, _, hash) = key;
    let name = format!("{hash}.json");
    let (kind, bytes) = ("application/json".to_owned(), text.len() as u64);
    Ok(FilePart::new(name, kind, bytes, &text[from..to]))
}

async fn load(ctx: &Ctx<State>, key: &Key) -> Result<Bytes, Error> {
    let (tenant, id, hash) = key;
    let readings = &ctx.state.readings;
    let turn = readings.turns.acquire().await;
    let _turn = turn.expect("nobody closes it");
    let payloads = Payloads::new(ctx.bus.clone(), ctx.state.archive.clone());
    let text = payloads.named(*tenant, *id, hash).await?;
    let text = text.ok_or_else(|| Error::NoPayload {
        id: *id,
        hash: hash.to_string(),
    })?;
    if text.len() > FilePart::MAX_BYTES as usize {
        readings.texts.insert(key.clone(), text.clone());
    }
    Ok(text)
}
