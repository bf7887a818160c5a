//! One file per resource; each handler orders a few steps.

pub(crate) mod again;
pub(crate) mod agents;
pub(crate) mod concurrency;
pub(crate) mod execute;
pub(crate) mod flows;
mod pins;
pub(crate) mod regressions;
pub(crate) mod revisions;
pub(crate) mod triggers;
pub(crate) mod upgrades;
pub(crate) mod variables;
pub(crate) mod webhooks;

use chrono::{DateTime, SubsecRound, Utc};

use crate::store::FlowStore;

type Ctx = kernel::Ctx<FlowStore>;

/// To the microsecond, as the database keeps it: what is answered now is what is read later.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
