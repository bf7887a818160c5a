//! A field for code: the code editor, loaded when the first such field appears; a plain text until then.

use std::rc::Rc;

use dioxus::prelude::*;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use crate::{dom, ui::use_id};

#[wasm_bindgen(inline_js = "export function load(url) { return import(url); }")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn load(url: &str) -> Result<Promise, JsValue>;
}

/// An editor in the page.
struct Mounted {
    module: JsValue,
    view: JsValue,
    _change: Closure<dyn FnMut(String)>,
}

impl Mounted {
    fn call(&self, name: &str, text: Option<&str>) {
        let function = Reflect::get(&self.module, &name.into()).ok();
        if let Some(function) = function.and_then(|function| function.dyn_into::<Function>().ok()) {
            // The editor's own faults are its own; the text is in the model already.
            drop(match text {
                Some(text) => function.call2(&JsValue::NULL, &self.view, &text.into()),
                None => function.call1(&JsValue::NULL, &self.view),
            });
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.call("destroy", None);
    }
}

#[component]
pub(crate) fn CodeField(
    label: String,
    hint: String,
    text: String,
    language: &'static str,
    oninput: EventHandler<String>,
) -> Element {
    let id = use_id("code");
    let mut mounted = use_signal(|| None::<Rc<Mounted>>);
    let mut failed = use_signal(|| false);
    if let Some(mounted) = &*mounted.read() {
        mounted.call("setText", Some(&text));
    }
    let place = id.clone();
    let first = text.clone();
    let name = label.clone();
    rsx! {
        div { class: "field code-field",
            span { class: "field-title", "{label}" }
            if *failed.read() {
                textarea {
                    class: "input",
                    "aria-label": "{label}",
                    rows: "12",
                    spellcheck: "false",
                    value: "{text}",
                    oninput: move |event| oninput.call(event.value()),
                }
            } else {
                div {
                    id: "{id}",
                    class: "code-editor",
                    onkeydown: move |event| event.stop_propagation(),
                    onmounted: move |_| {
                        let (place, first, name) = (place.clone(), first.clone(), name.clone());
                        async move {
                            match mount(&place, &first, language, &name, oninput).await {
                                Some(new) => mounted.set(Some(Rc::new(new))),
                                None => failed.set(true),
                            }
                        }
                    },
                }
            }
            p { class: "hint", "{hint}" }
        }
    }
}

async fn mount(place: &str, text: &str, language: &str, label: &str, oninput: EventHandler<String>) -> Option<Mounted> {
    let url = dom::meta("troupe-editor")?;
    let module = JsFuture::from(load(&url).ok()?).await.ok()?;
    let mount: Function = Reflect::get(&module, &"mount".into()).ok()?.dyn_into().ok()?;
    let change = Closure::<dyn FnMut(String)>::new(move |text| oninput.call(text));
    let arguments = js_sys::Array::of5(
        dom::by_id(place)?.as_ref(),
        &text.into(),
        &language.into(),
        &label.into(),
        change.as_ref(),
    );
    let view = mount.apply(&JsValue::NULL, &arguments).ok()?;
    Some(Mounted { module, view, _change: change })
}
