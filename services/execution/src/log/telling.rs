//! Words to other executions: said until their owner has heard them.

use std::time::Duration;

use bus::Bus;
use contracts::{
    ErrorCode, Problem,
    id::{ExecutionId, TenantId, UserId},
    owner::{Cancel, Ended, Outcome, Pause, Resume},
};
use tokio::sync::mpsc;

use super::{effects::stored, owner::Note};
use crate::domain::Word;

/// How long an owner may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The pause before an owner is told again.
const RETRY: Duration = Duration::from_millis(200);

pub(crate) struct Tell {
    pub(super) tenant: TenantId,
    /// Who says it.
    pub(super) execution: ExecutionId,
    pub(super) to: ExecutionId,
    pub(super) by: UserId,
    pub(super) word: Word,
}

impl Tell {
    pub(super) async fn run(self, bus: &Bus, notes: &mpsc::Sender<Note>) {
        while let Err(problem) = self.say(bus).await {
            match problem.code {
                ErrorCode::Unavailable | ErrorCode::Timeout => tokio::time::sleep(RETRY).await,
                // It is over, or has not begun: its worker says then that it has.
                _ => break,
            }
        }
        if let Word::Ended { .. } = self.word {
            // Without an owner nobody needs to know.
            notes
                .send(Note::Told(self.execution))
                .await
                .unwrap_or_default();
        }
    }

    async fn say(&self, bus: &Bus) -> Result<(), Problem> {
        let (tenant, execution_id, by) = (self.tenant, self.to, self.by);
        match &self.word {
            Word::Cancel => {
                let cancel = Cancel {
                    tenant,
                    execution_id,
                    by,
                };
                bus.ask_owner(&cancel, ANSWER).await.map(drop)
            }
            Word::Pause { event } => {
                let pause = Pause {
                    tenant,
                    execution_id,
                    by,
                    parent_event: Some(*event),
                };
                bus.ask_owner(&pause, ANSWER).await.map(drop)
            }
            Word::Resume { event } => {
                let resume = Resume {
                    tenant,
                    execution_id,
                    by,
                    parent_event: Some(*event),
                };
                bus.ask_owner(&resume, ANSWER).await.map(drop)
            }
            Word::Ended {
                node,
                attempt,
                outcome,
                usage,
                duration_ms,
            } => {
                let outcome = match outcome.as_ref() {
                    Outcome::Succeeded { output } => Outcome::Succeeded {
                        output: stored(bus, tenant, execution_id, output.clone()).await,
                    },
                    other => other.clone(),
                };
                let ended = Ended {
                    tenant,
                    execution_id,
                    node: node.clone(),
                    attempt: *attempt,
                    outcome,
                    usage: *usage,
                    duration_ms: *duration_ms,
                };
                bus.ask_owner(&ended, ANSWER).await
            }
        }
    }
}
