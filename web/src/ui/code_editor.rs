//! The code editor, loaded when a page first needs one.
//!
//! **Invariant:** where it cannot be loaded there is a plain text area, so no page depends on it.

use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::prelude::*;

use super::{
    field::{Field, TextArea},
    use_id,
};
use crate::dom;

#[wasm_bindgen(inline_js = "export const load = (address) => import(address);")]
extern "C" {
    #[wasm_bindgen(catch, js_name = load)]
    async fn load(address: &str) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type Module;
    #[wasm_bindgen(method)]
    fn mount(
        this: &Module,
        parent: &web_sys::Element,
        text: &str,
        language: &str,
        label: &str,
        change: &JsValue,
    ) -> JsValue;
    #[wasm_bindgen(method, js_name = setText)]
    fn set_text(this: &Module, view: &JsValue, text: &str);
    #[wasm_bindgen(method)]
    fn destroy(this: &Module, view: &JsValue);
}

/// An editor in the page. Its callback lives as long as it.
struct Mounted {
    module: Module,
    view: JsValue,
    _change: Closure<dyn FnMut(String)>,
}

/// `language` is `json`, `javascript`, `python`, or anything else for plain text.
#[component]
pub(crate) fn CodeEditor(
    label: String,
    value: String,
    language: &'static str,
    oninput: EventHandler<String>,
    hint: Option<String>,
    error: Option<String>,
    #[props(default)] bare: bool,
) -> Element {
    let id = use_id("code");
    let mut mounted = use_hook(|| CopyValue::new(None::<Mounted>));
    let mut failed = use_signal(|| false);
    // What the editor shows, so that its own edits do not come back to it.
    let mut shown = use_hook(|| CopyValue::new(value.clone()));
    let text = value.clone();
    use_effect(use_reactive!(|text| {
        if *shown.peek() == text {
            return;
        }
        shown.set(text.clone());
        if let Some(editor) = &*mounted.peek() {
            editor.module.set_text(&editor.view, &text);
        }
    }));
    use_drop(move || {
        if let Some(editor) = mounted.take() {
            editor.module.destroy(&editor.view);
        }
    });
    if failed() {
        return rsx! {
            TextArea { label, value, oninput, hint, error, bare, rows: 10, class: "input mono" }
        };
    }
    let name = label.clone();
    let start = move |event: MountedEvent| {
        let (element, name) = (event.as_web_event(), name.clone());
        async move {
            let address = dom::meta("troupe-editor").unwrap_or_default();
            let Ok(module) = load(&address).await else {
                failed.set(true);
                return;
            };
            if !element.is_connected() {
                return;
            }
            let module: Module = module.unchecked_into();
            let change = Closure::<dyn FnMut(String)>::new(move |text: String| {
                if *shown.peek() != text {
                    shown.set(text.clone());
                    oninput.call(text);
                }
            });
            let text = shown.peek().clone();
            let view = module.mount(&element, &text, language, &name, change.as_ref());
            mounted.set(Some(Mounted {
                module,
                view,
                _change: change,
            }));
        }
    };
    rsx! {
        Field { id: id.clone(), label, hint, error, bare,
            div { id, class: "code-editor", "data-language": language, onmounted: start,
                // Letters are for the text, not for the page.
                onkeydown: move |event| {
                    if !event.modifiers().ctrl() && !event.modifiers().meta() {
                        event.stop_propagation();
                    }
                },
            }
        }
    }
}
