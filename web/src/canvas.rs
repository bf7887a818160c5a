//! The canvas on which flows are drawn: a pure model with a command log, and the components that show it.
//!
//! **Invariant:** the graph changes through the command log only; the signals of nodes and edges follow it.
//! **Invariant:** `model`, `log`, `commands`, `compare`, `layout`, `geometry`, `ports`, `keys`, `completion`, `fields`
//! and `upgrading` know no browser.

pub(crate) mod commands;
pub(crate) mod compare;
pub(crate) mod completion;
pub(crate) mod fields;
pub(crate) mod geometry;
pub(crate) mod keys;
pub(crate) mod layout;
pub(crate) mod log;
pub(crate) mod model;
pub(crate) mod ports;
pub(crate) mod upgrading;

pub(crate) mod acts;
pub(crate) mod board;
mod gesture;
mod moving;
pub(crate) mod tally;

mod add_menu;
mod body_view;
mod edges;
mod editing;
mod glyph;
mod group_view;
mod minimap;
mod nodes;
mod note_view;
mod outline;
mod palette;
mod picture;
mod stage;
mod toolbar;

pub(crate) use add_menu::AddMenu;
pub(crate) use glyph::KindGlyph;
pub(crate) use outline::Outline;
pub(crate) use palette::Palette;
pub(crate) use picture::{Picture, use_picture};
pub(crate) use stage::{Stage, focus_stage};
pub(crate) use toolbar::Toolbar;
