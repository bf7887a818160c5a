//! One file per resource; each handler orders a few steps.

pub(crate) mod attachments;
pub(crate) mod messages;
pub(crate) mod sessions;
pub(crate) mod stop;

use chrono::{DateTime, SubsecRound, Utc};

use crate::State;

pub(crate) type Ctx = kernel::Ctx<State>;

/// To the microsecond, as the database keeps it: what is answered now is what is read later.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
