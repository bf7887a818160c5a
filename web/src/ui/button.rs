//! Buttons, and links that look like them.

use dioxus::prelude::*;

use super::icon::{Glyph, Icon};
use crate::routes::Route;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The one act of a page or a dialog.
    Primary,
    #[default]
    Plain,
    /// Without a border, for rows and toolbars.
    Quiet,
    Danger,
}

impl Variant {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Plain => "plain",
            Self::Quiet => "quiet",
            Self::Danger => "danger",
        }
    }
}

/// While `busy` it takes no clicks but keeps the focus.
#[component]
pub(crate) fn Button(
    #[props(default)] variant: Variant,
    #[props(default)] small: bool,
    /// Sends the form it is in.
    #[props(default)]
    submit: bool,
    #[props(default)] disabled: bool,
    #[props(default)] busy: bool,
    icon: Option<Glyph>,
    #[props(default)] onclick: EventHandler<MouseEvent>,
    #[props(extends = GlobalAttributes, extends = button)] attributes: Vec<Attribute>,
    children: Element,
) -> Element {
    rsx! {
        button {
            class: "button",
            r#type: if submit { "submit" } else { "button" },
            "data-variant": variant.as_str(),
            "data-small": small.then_some(""),
            disabled,
            "aria-disabled": busy.then_some("true"),
            "data-busy": busy.then_some(""),
            onclick: move |event| {
                if busy {
                    event.prevent_default();
                } else {
                    onclick.call(event);
                }
            },
            ..attributes,
            if let Some(glyph) = icon {
                Icon { glyph }
            }
            {children}
        }
    }
}

/// An icon alone; `label` says what it does.
#[component]
pub(crate) fn IconButton(
    glyph: Glyph,
    label: String,
    #[props(default)] disabled: bool,
    #[props(default)] pressed: Option<bool>,
    #[props(default)] onclick: EventHandler<MouseEvent>,
    #[props(extends = GlobalAttributes, extends = button)] attributes: Vec<Attribute>,
) -> Element {
    rsx! {
        button {
            class: "icon-button",
            r#type: "button",
            "aria-label": "{label}",
            title: "{label}",
            "aria-pressed": pressed.map(|pressed| pressed.to_string()),
            disabled,
            onclick: move |event| onclick.call(event),
            ..attributes,
            Icon { glyph }
        }
    }
}

#[component]
pub(crate) fn ButtonLink(
    to: Route,
    #[props(default)] variant: Variant,
    /// The key for something new presses it.
    #[props(default)]
    creates: bool,
    icon: Option<Glyph>,
    children: Element,
) -> Element {
    rsx! {
        Link { to, class: "button", "data-new": creates.then_some(""), "data-variant": variant.as_str(),
            if let Some(glyph) = icon {
                Icon { glyph }
            }
            {children}
        }
    }
}
