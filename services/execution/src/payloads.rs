//! Values that stand apart from the records of their execution: in the stream `PAYLOADS` until the execution is over and out of
//! the log, and in the archive as long as its events.
//!
//! **Invariant:** what is given is the very text that was stored, by its hash, or nothing.

use std::{collections::HashMap, time::Duration};

use bus::Bus;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::{
    ErrorCode, Problem,
    execution::{Execution, StepError},
    id::{ExecutionId, TenantId},
    live::Frame,
    payload::{PayloadHash, PayloadRef, SHOWN},
    work::WorkItem,
};
use documents::Archive;
use moka::sync::Cache;
use serde_json::Value;

use crate::{Error, record::Record};

/// Values that are known to be in the archive, of those that were copied last.
const KNOWN: u64 = 10_000;
const IDLE: Duration = Duration::from_secs(60 * 60);

/// Where values are.
#[derive(Clone)]
pub(crate) struct Payloads {
    bus: Bus,
    archive: Archive,
    archived: Cache<(ExecutionId, String), ()>,
}

/// A value that no store has as it was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value `{hash}` of {bytes} bytes is lost")]
pub(crate) struct Lost {
    hash: String,
    bytes: u64,
}

impl Lost {
    fn of(reference: &PayloadRef) -> Self {
        Self {
            hash: reference.hash.clone(),
            bytes: reference.bytes,
        }
    }

    /// As the failure of its execution.
    pub(crate) fn error(&self) -> StepError {
        StepError::new("payload_lost", self.to_string())
    }

    /// To whoever sent the reference: the value is to be stored again.
    pub(crate) fn problem(&self) -> Problem {
        let text = format!("the value `{}` is not there: store it again", self.hash);
        Problem::new(ErrorCode::Unavailable, text)
            .with_reason(MISSING)
            .with_retry_after_ms(200)
    }
}

/// The reason of a refusal: what a reference stands for is not there.
pub(crate) const MISSING: &str = "payload_missing";

impl Payloads {
    pub(crate) fn new(bus: Bus, archive: Archive) -> Self {
        let archived = Cache::builder()
            .max_capacity(KNOWN)
            .time_to_idle(IDLE)
            .build();
        Self {
            bus,
            archive,
            archived,
        }
    }

    /// The value that a reference stands for.
    ///
    /// # Errors
    /// That bus or archive do not answer; inside, that neither has it.
    pub(crate) async fn load(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        reference: &PayloadRef,
    ) -> Result<Result<Value, Lost>, Error> {
        let text = match self.stored(tenant, execution, reference).await? {
            Some(text) => Some(text),
            None => self.archived(tenant, execution, reference).await?,
        };
        let value = text.and_then(|text| serde_json::from_slice(&text).ok());
        Ok(value.ok_or_else(|| Lost::of(reference)))
    }

    /// The text of a value by its name alone; none where the execution has none of that name.
    ///
    /// # Errors
    /// That bus or archive do not answer.
    pub(crate) async fn named(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        name: &PayloadHash,
    ) -> Result<Option<Bytes>, Error> {
        let stored = self.bus.payload_named(tenant, execution, name).await?;
        if let Some(text) = stored.filter(|text| name.is_of(text)) {
            return Ok(Some(text));
        }
        let archived = self.archive.payload_named(tenant, execution, name).await?;
        Ok(archived.filter(|text| name.is_of(text)))
    }

    /// Puts the values back into a record that the log has: then the bus has them too. Where it does not, an archive that does
    /// not answer is as good as none, for a partition waits for nobody's values. Gives one that is lost.
    ///
    /// # Errors
    /// That the bus does not answer.
    pub(crate) async fn fill_logged(&self, record: &mut Record) -> Result<Option<Lost>, Error> {
        let references = record.references();
        let (tenant, execution) = (record.tenant, record.execution);
        let mut texts = HashMap::new();
        for reference in &references {
            let text = match self.stored(tenant, execution, reference).await? {
                Some(text) => Some(text),
                None => match self.archived(tenant, execution, reference).await {
                    Ok(text) => text,
                    Err(error) => {
                        let cause = error.source_text();
                        tracing::warn!(execution.id = %execution, cause, "a value was not found: {error}");
                        None
                    }
                },
            };
            texts.extend(text.map(|text| (reference.hash.clone(), text)));
        }
        Ok(put_back(record, &references, &texts))
    }

    /// As [`Payloads::fill_logged`], where the archive has to answer.
    ///
    /// # Errors
    /// That bus or archive do not answer.
    pub(crate) async fn fill(&self, record: &mut Record) -> Result<Option<Lost>, Error> {
        let references = record.references();
        let (tenant, execution) = (record.tenant, record.execution);
        let mut texts = HashMap::new();
        for reference in &references {
            let text = match self.stored(tenant, execution, reference).await? {
                Some(text) => Some(text),
                None => self.archived(tenant, execution, reference).await?,
            };
            texts.extend(text.map(|text| (reference.hash.clone(), text)));
        }
        Ok(put_back(record, &references, &texts))
    }

    /// Puts the values back into events that are looked back at.
    ///
    /// # Errors
    /// [`Error::LostPayload`]; that bus or archive do not answer.
    pub(crate) async fn fill_frames(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        frames: Vec<Frame>,
    ) -> Result<Vec<Frame>, Error> {
        let mut filled = Vec::with_capacity(frames.len());
        for frame in frames {
            let mut record = Record {
                execution,
                tenant,
                private: None,
                frame,
            };
            if let Some(lost) = self.fill(&mut record).await? {
                return Err(Error::LostPayload {
                    id: execution,
                    hash: lost.hash,
                });
            }
            filled.push(record.frame);
        }
        Ok(filled)
    }

    /// Puts back the values of an execution as it is shown, as far as they are small enough for an answer.
    ///
    /// # Errors
    /// That bus or archive do not answer.
    pub(crate) async fn fill_shown(
        &self,
        tenant: TenantId,
        execution: &mut Execution,
    ) -> Result<(), Error> {
        let id = execution.id;
        for value in [Some(&mut execution.input), execution.output.as_mut()] {
            let Some(value) = value else { continue };
            let is_small = |reference: &PayloadRef| reference.bytes <= SHOWN as u64;
            let Some(reference) = PayloadRef::of(value).filter(is_small) else {
                continue;
            };
            // What is lost, or looks like a reference itself, stays one.
            if let Ok(found) = self.load(tenant, id, &reference).await?
                && found.get(contracts::payload::KEY).is_none()
            {
                *value = found;
            }
        }
        Ok(())
    }

    /// Puts back the values of a work item.
    ///
    /// # Errors
    /// That bus or archive do not answer; inside, that a value is lost.
    pub(crate) async fn fill_item(&self, item: &mut WorkItem) -> Result<Result<(), Lost>, Error> {
        let (tenant, execution) = (item.tenant, item.execution_id);
        for value in item.config.values_mut().chain([&mut item.argument]) {
            let Some(reference) = PayloadRef::of(value) else {
                continue;
            };
            match self.load(tenant, execution, &reference).await? {
                Ok(found) => *value = found,
                Err(lost) => return Ok(Err(lost)),
            }
        }
        Ok(Ok(()))
    }

    /// Copies the values of a record into the archive. One that is lost is told of, and holds nothing up.
    ///
    /// # Errors
    /// That bus or archive do not answer.
    pub(crate) async fn archive(&self, record: &mut Record) -> Result<(), Error> {
        let (tenant, execution, at) = (record.tenant, record.execution, record.frame.ts);
        for reference in record.references() {
            let known = (execution, reference.hash.clone());
            if self.archived.contains_key(&known) {
                continue;
            }
            match self.stored(tenant, execution, &reference).await? {
                Some(text) => self.keep(tenant, execution, &reference, &text, at).await?,
                None if self
                    .archived(tenant, execution, &reference)
                    .await?
                    .is_some() => {}
                None => {
                    let lost = Lost::of(&reference);
                    tracing::error!(execution.id = %execution, alarm = "payload_lost", "{lost}");
                    continue;
                }
            }
            self.archived.insert(known, ());
        }
        Ok(())
    }

    /// Keeps a value in the archive.
    ///
    /// # Errors
    /// That the archive does not answer.
    pub(crate) async fn keep(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        reference: &PayloadRef,
        text: &Bytes,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let kept = self
            .archive
            .put_payload(tenant, execution, reference, text, at);
        Ok(kept.await?)
    }

    async fn stored(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        reference: &PayloadRef,
    ) -> Result<Option<Bytes>, Error> {
        let text = self.bus.payload(tenant, execution, reference).await?;
        Ok(text.filter(|text| reference.is_of(text)))
    }

    async fn archived(
        &self,
        tenant: TenantId,
        execution: ExecutionId,
        reference: &PayloadRef,
    ) -> Result<Option<Bytes>, Error> {
        let text = self.archive.payload(tenant, execution, reference).await?;
        Ok(text.filter(|text| reference.is_of(text)))
    }
}

fn put_back(
    record: &mut Record,
    references: &[PayloadRef],
    texts: &HashMap<String, Bytes>,
) -> Option<Lost> {
    let missing = |it: &&PayloadRef| !texts.contains_key(&it.hash);
    let lost = references.iter().find(missing).map(Lost::of);
    record.fill(|reference| serde_json::from_slice(texts.get(&reference.hash)?).ok());
    lost
}

/// The execution as an answer shows it: values that are too large for one by their references.
pub(crate) fn shown(mut execution: Execution) -> Execution {
    let asked = execution.approvals.iter_mut().map(|it| &mut it.arguments);
    let values = std::iter::once(&mut execution.input);
    for value in values.chain(&mut execution.output).chain(asked) {
        let is_apart = contracts::payload::exceeds(value, SHOWN)
            || value.get(contracts::payload::KEY).is_some();
        if is_apart && let Some(payload) = contracts::payload::Payload::of(value) {
            *value = payload.reference.to_value();
        }
    }
    execution
}
