//! A modal dialog on `<dialog>`: focus trap, Escape and top layer are the browser's.
//!
//! **Invariant:** it is in the page only while it is open, and the focus goes back to where it came from.

use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::{button::IconButton, icon::Glyph, use_id};
use crate::dom;

/// Render it only while it is open; `onclose` asks the owner to take it away.
#[component]
pub(crate) fn Dialog(
    title: String,
    onclose: EventHandler<()>,
    #[props(default)] wide: bool,
    /// Neither Escape nor a button closes it.
    #[props(default)]
    insistent: bool,
    /// Without its head: the title is for screen readers.
    #[props(default)]
    bare: bool,
    children: Element,
) -> Element {
    let id = use_id("dialog");
    let before = use_hook(dom::focused);
    let own = format!("{id}-box");
    let closing = own.clone();
    use_drop(move || {
        // While it is open nothing outside of it takes the focus.
        let dialog =
            dom::by_id(&closing).and_then(|element| element.dyn_into::<HtmlDialogElement>().ok());
        if let Some(dialog) = dialog {
            dialog.close();
        }
        if let Some(element) = before.filter(|element| element.is_connected()) {
            dom::focus(&element);
        }
    });
    rsx! {
        dialog {
            id: "{own}",
            class: "dialog",
            "data-wide": wide.then_some(""),
            "aria-labelledby": "{id}",
            onmounted: move |event| {
                let element = event.as_web_event();
                if let Ok(dialog) = element.dyn_into::<HtmlDialogElement>() {
                    // It fails where the dialog is open already.
                    drop(dialog.show_modal());
                }
            },
            oncancel: move |event| {
                event.prevent_default();
                if !insistent {
                    onclose.call(());
                }
            },
            onkeydown: move |event| event.stop_propagation(),
            header { class: if bare { "visually-hidden" },
                h2 { id: "{id}", "{title}" }
                if !insistent && !bare {
                    IconButton { glyph: Glyph::Close, label: "Close", onclick: move |_| onclose.call(()) }
                }
            }
            div { class: if bare { "dialog-bare" } else { "dialog-body" }, {children} }
        }
    }
}

/// The buttons at the end of a dialog's form.
#[component]
pub(crate) fn DialogActions(children: Element) -> Element {
    rsx! {
        footer { class: "dialog-actions", {children} }
    }
}
