//! One file per resource; each handler orders a few steps.

pub(crate) mod calls;
pub(crate) mod imports;
pub(crate) mod resolve;
pub(crate) mod secrets;
pub(crate) mod tools;

use chrono::{DateTime, SubsecRound, Utc};

use crate::State;

type Ctx = kernel::Ctx<State>;

/// To the microsecond, as the database keeps it: what is answered now is what is read later.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
