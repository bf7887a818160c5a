//! What tools, agents and crews have in common: they are stored in versions, and a page of one kind edits them.

use contracts::Permission;
use serde::{Serialize, de::DeserializeOwned};

use crate::{params::Params, routes::Route};

/// What is stored in versions.
pub(crate) trait Versioned: Clone + PartialEq + DeserializeOwned + 'static {
    /// What its author says.
    type Spec: Clone + PartialEq + Serialize + 'static;
    /// Its address in the API.
    const PATH: &'static str;
    /// The word for it, in a sentence and above a page.
    const KIND: &'static str;
    const TITLE: &'static str;
    /// What its deletion takes along.
    const NOTE: &'static str;
    const WRITE: Permission;
    /// Key and text; the first, without a key, is the form.
    const TABS: &'static [(&'static str, &'static str)];
    fn list() -> Route;
    fn route(key: String, params: Params) -> Route;
    fn key(&self) -> String;
    fn name(&self) -> String;
    fn version(&self) -> u32;
    fn spec(&self) -> Self::Spec;
}
