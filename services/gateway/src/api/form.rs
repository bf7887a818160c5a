//! What the routes of several resources share.

use contracts::page::Paging;
use poem_openapi::{ApiResponse, param::Query};

use crate::problem::Refusal;

/// The answer to a deletion.
#[derive(ApiResponse)]
pub(super) enum Deleted {
    #[oai(status = 204)]
    Done,
}

pub(super) fn paging(cursor: Query<Option<String>>, limit: Query<Option<u32>>) -> Paging {
    Paging {
        cursor: cursor.0,
        limit: limit.0,
    }
}

/// On the bus the fields that an author writes lie under `spec`, in a REST body at its root: the places of problems
/// follow.
pub(super) fn in_flat_body(Refusal(mut problem): Refusal) -> Refusal {
    let detail = problem.detail.replace("`/spec` ", "it ");
    problem.detail = detail.replace("`/spec/", "`/");
    for error in &mut problem.errors {
        if let Some(rest) = error.path.strip_prefix("/spec") {
            error.path = rest.to_owned();
        }
    }
    Refusal(problem)
}
