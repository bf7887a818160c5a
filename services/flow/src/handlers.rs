//! One file per resource; each handler orders a few steps.

pub(crate) mod execute;
pub(crate) mod flows;
pub(crate) mod revisions;
pub(crate) mod variables;

use crate::store::FlowStore;

type Ctx = kernel::Ctx<FlowStore>;
