//! A menu that opens from a button, on the popover API.
//!
//! **Invariant:** arrow keys, Home and End move inside of it, Escape closes it and gives the focus back.

use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;
use web_sys::{Element as DomElement, HtmlElement};

use super::{
    Tone,
    icon::{Glyph, Icon},
    use_id,
};
use crate::dom;

/// Space between the button and the menu.
const GAP: f64 = 4.0;

/// `trigger` is what the button shows.
#[component]
pub(crate) fn Menu(
    label: String,
    trigger: Element,
    #[props(default = "icon-button")] class: &'static str,
    #[props(extends = GlobalAttributes, extends = button)] attributes: Vec<Attribute>,
    children: Element,
) -> Element {
    let id = use_id("menu");
    let (button, menu) = (format!("{id}-button"), id.clone());
    let mut open = use_signal(|| false);
    rsx! {
        button {
            id: "{button}",
            class,
            r#type: "button",
            popovertarget: "{id}",
            "aria-haspopup": "menu",
            "aria-expanded": "{open}",
            "aria-label": "{label}",
            title: "{label}",
            onkeydown: move |event| {
                if event.key() == Key::ArrowDown && let Some(menu) = dom::by_id(&menu) {
                    event.prevent_default();
                    // It fails where the menu is open already.
                    drop(menu.show_popover());
                }
            },
            ..attributes,
            {trigger}
        }
        div {
            id: "{id}",
            class: "menu",
            role: "menu",
            popover: "auto",
            "aria-label": "{label}",
            ontoggle: move |event| {
                let Some(menu) = event.as_web_event().current_target() else { return };
                let menu: HtmlElement = menu.unchecked_into();
                let is_open = menu.matches(":popover-open").unwrap_or(false);
                if is_open && let Some(button) = dom::by_id(&button) {
                    place(&menu, &button);
                    move_focus(&menu, Step::First);
                }
                open.set(is_open);
            },
            onkeydown: move |event| {
                let step = match event.key() {
                    Key::ArrowDown => Step::Next,
                    Key::ArrowUp => Step::Previous,
                    Key::Home => Step::First,
                    Key::End => Step::Last,
                    _ => return,
                };
                event.prevent_default();
                if let Some(menu) = dom::by_id(&id) {
                    move_focus(&menu, step);
                }
            },
            {children}
        }
    }
}

#[component]
pub(crate) fn MenuItem(
    glyph: Option<Glyph>,
    #[props(default)] tone: Tone,
    #[props(default)] checked: Option<bool>,
    onclick: EventHandler<()>,
    children: Element,
) -> Element {
    rsx! {
        button {
            class: "menu-item",
            r#type: "button",
            role: if checked.is_some() { "menuitemradio" } else { "menuitem" },
            "aria-checked": checked.map(|checked| checked.to_string()),
            tabindex: "-1",
            "data-tone": tone.as_str(),
            onclick: move |event| {
                event.stop_propagation();
                let target: DomElement = event.as_web_event().target().expect("a click has a target").unchecked_into();
                if let Ok(Some(menu)) = target.closest(".menu") {
                    // It fails where the menu is closed already.
                    drop(menu.unchecked_into::<HtmlElement>().hide_popover());
                }
                onclick.call(());
            },
            if let Some(glyph) = glyph {
                Icon { glyph }
            }
            span { {children} }
            if checked == Some(true) {
                Icon { glyph: Glyph::Check }
            }
        }
    }
}

#[component]
pub(crate) fn MenuLine() -> Element {
    rsx! {
        div { class: "menu-line", role: "separator" }
    }
}

#[derive(Clone, Copy)]
enum Step {
    First,
    Last,
    Next,
    Previous,
}

fn move_focus(menu: &HtmlElement, step: Step) {
    let Ok(items) = menu.query_selector_all("[role^=menuitem]") else {
        return;
    };
    let items: Vec<HtmlElement> = (0..items.length())
        .filter_map(|index| items.get(index)?.dyn_into().ok())
        .collect();
    let focused = dom::focused();
    let at = items.iter().position(|item| Some(item) == focused.as_ref());
    let last = items.len().saturating_sub(1);
    let to = match (step, at) {
        (Step::First, _) | (Step::Next, None) => 0,
        (Step::Last, _) | (Step::Previous, None | Some(0)) => last,
        (Step::Next, Some(at)) => {
            if at == last {
                0
            } else {
                at + 1
            }
        }
        (Step::Previous, Some(at)) => at - 1,
    };
    if let Some(item) = items.get(to) {
        dom::focus(item);
    }
}

/// Under the button, or above it where there is no room; never outside of the window.
fn place(menu: &HtmlElement, button: &HtmlElement) {
    let (from, size) = (
        button.get_bounding_client_rect(),
        menu.get_bounding_client_rect(),
    );
    let window = dom::window();
    let side = |value: Result<wasm_bindgen::JsValue, _>| {
        value.ok().and_then(|value| value.as_f64()).unwrap_or(0.0)
    };
    let (width, height) = (side(window.inner_width()), side(window.inner_height()));
    let below = from.bottom() + GAP;
    let top = match below + size.height() > height && from.top() > size.height() {
        true => from.top() - GAP - size.height(),
        false => below,
    };
    let rightmost = (width - size.width() - GAP).max(GAP);
    let left = match from.left() > width / 2.0 {
        true => from.right() - size.width(),
        false => from.left(),
    };
    let left = left.clamp(GAP, rightmost);
    // Lengths in pixels are valid values.
    drop(menu.style().set_property("left", &format!("{left}px")));
    drop(menu.style().set_property("top", &format!("{top}px")));
}
