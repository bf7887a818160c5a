//! `/dead-letters`: work that nobody could do, for operators.

use contracts::{
    dead_letter::{DeadLetter, ListDeadLetters, Redrive},
    id::DeadLetterId,
    page::Page,
};
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
};

use super::{Tag, form::paging};
use crate::{caller::Bearer, payload::Json};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/dead-letters", tag = "Tag::Executions")]
impl Api {
    /// Work items that nobody could do, the newest first
    ///
    /// A worker that breaks down five times with the same item in hand, or cannot read it, ends here. The step waits for
    /// it until its time is over.
    #[oai(path = "/", method = "get", operation_id = "execution.dead_letters")]
    async fn list(
        &self,
        caller: Bearer,
        /// The `next` of the page before.
        cursor: Query<Option<String>>,
        /// 1 to 200, 50 when absent.
        limit: Query<Option<u32>>,
    ) -> poem::Result<Json<Page<DeadLetter>>> {
        let paging = paging(cursor, limit);
        Ok(Json(caller.ask(&ListDeadLetters { paging }).await?))
    }

    /// Put a work item back into its queue
    ///
    /// Done once: asked again, it answers the same and changes nothing. 409 with the reason `not_wanted` when the execution
    /// no longer waits for the item.
    #[oai(
        path = "/:dead_letter_id/redrive",
        method = "post",
        operation_id = "execution.redrive"
    )]
    async fn redrive(
        &self,
        caller: Bearer,
        dead_letter_id: Path<DeadLetterId>,
    ) -> poem::Result<Json<DeadLetter>> {
        let request = Redrive {
            dead_letter_id: dead_letter_id.0,
        };
        Ok(Json(caller.ask(&request).await?))
    }
}
