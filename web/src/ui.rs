//! The design system: small pieces on native elements, each shown on `/design`.

pub(crate) mod avatar;
pub(crate) mod badge;
pub(crate) mod button;
pub(crate) mod code;
pub(crate) mod code_editor;
pub(crate) mod confirm;
pub(crate) mod data;
pub(crate) mod dialog;
pub(crate) mod empty;
pub(crate) mod field;
pub(crate) mod icon;
pub(crate) mod kbd;
pub(crate) mod lines;
mod markdown;
pub(crate) mod markdown_view;
pub(crate) mod menu;
pub(crate) mod page;
pub(crate) mod problem;
pub(crate) mod schema_form;
pub(crate) mod search;
pub(crate) mod select;
pub(crate) mod skeleton;
pub(crate) mod switch;
pub(crate) mod tabs;
pub(crate) mod time;
pub(crate) mod toast;

use std::sync::atomic::{AtomicU32, Ordering};

/// What a colour says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Neutral,
    Accent,
    Run,
    Ok,
    Warn,
    Err,
}

impl Tone {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Accent => "accent",
            Self::Run => "run",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Err => "err",
        }
    }
}

/// An element id that nothing else on the page has.
pub(crate) fn use_id(prefix: &'static str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    dioxus::prelude::use_hook(|| format!("{prefix}-{}", LAST.fetch_add(1, Ordering::Relaxed)))
}
