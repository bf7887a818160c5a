//! Light, dark, or what the system says. `theme.js` sets the same before the first paint.

use dioxus::prelude::*;

use crate::{dom, ui::icon::Glyph};

const KEY: &str = "theme";

pub(crate) static THEME: GlobalSignal<Theme> = Signal::global(Theme::stored);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const CHOICES: [(Self, Glyph, &'static str); 3] = [
        (Self::System, Glyph::System, "System theme"),
        (Self::Light, Glyph::Sun, "Light theme"),
        (Self::Dark, Glyph::Moon, "Dark theme"),
    ];

    fn stored() -> Self {
        match dom::stored(KEY).as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    pub(crate) fn choose(self) {
        let (name, root) = (self.name(), dom::root());
        dom::store(KEY, name);
        match name {
            Some(name) => dom::set_attribute(&root, "data-theme", name),
            // It fails only for a name that is no attribute's.
            None => drop(root.remove_attribute("data-theme")),
        }
        *THEME.write() = self;
    }

    const fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}
