//! The few things that the app asks of the browser directly.

use dioxus::{prelude::FormEvent, web::WebEventExt};
use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, File, HtmlElement, HtmlInputElement, Storage, Window};

pub(crate) fn window() -> Window {
    web_sys::window().expect("the app runs in a window")
}

pub(crate) fn document() -> Document {
    window().document().expect("a window has a document")
}

pub(crate) fn root() -> Element {
    document()
        .document_element()
        .expect("a document has a root element")
}

/// Says that the app stands, for whoever waits for it.
pub(crate) fn mark_ready() {
    set_attribute(&root(), "data-app-ready", "");
}

pub(crate) fn set_attribute(element: &Element, name: &str, value: &str) {
    // It fails only for a name that is no attribute's.
    drop(element.set_attribute(name, value));
}

pub(crate) fn by_id(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

pub(crate) fn focused() -> Option<HtmlElement> {
    document().active_element()?.dyn_into().ok()
}

pub(crate) fn focus(element: &HtmlElement) {
    // An element that is gone takes no focus; there is nothing to do about it.
    drop(element.focus());
}

/// The files that were picked in an input, which is free for the next choice, be it the same.
pub(crate) fn picked_files(event: &FormEvent) -> Vec<File> {
    let input = event.as_web_event().target();
    let Some(input) = input.and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
        return Vec::new();
    };
    let list = input.files();
    let files = list
        .iter()
        .flat_map(|list| (0..list.length()).filter_map(|at| list.get(at)))
        .collect();
    input.set_value("");
    files
}

pub(crate) fn reload() {
    // It fails only for a window that is closing.
    drop(window().location().reload());
}

/// Whether keys go into a text at present.
pub(crate) fn is_typing() -> bool {
    let Some(element) = focused() else {
        return false;
    };
    element.is_content_editable()
        || matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
}

/// Storage may be forbidden; the app then forgets.
pub(crate) fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

pub(crate) fn stored(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

pub(crate) fn store(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    // A full or forbidden storage costs a preference, nothing more.
    drop(match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    });
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// Day and time as the clocks of a zone of the IANA database show them, to the second; none where the zone is unknown.
pub(crate) fn clock_in(at_ms: i64, time_zone: &str) -> Option<String> {
    let options = js_sys::Object::new();
    let said = [
        ("timeZone", time_zone),
        ("weekday", "short"),
        ("day", "numeric"),
        ("month", "short"),
        ("year", "numeric"),
        ("hour", "2-digit"),
        ("minute", "2-digit"),
        ("second", "2-digit"),
    ];
    for (name, value) in said {
        Reflect::set(&options, &name.into(), &value.into()).ok()?;
    }
    // Its own constructor would throw past us where the zone is unknown.
    let class = Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
    let class = Reflect::get(&class, &"DateTimeFormat".into()).ok()?;
    let arguments = js_sys::Array::of2(&"en-GB".into(), &options);
    let class: js_sys::Function = class.dyn_into().ok()?;
    let format = Reflect::construct(&class, &arguments).ok()?;
    let write = Reflect::get(&format, &"format".into()).ok()?;
    let write: js_sys::Function = write.dyn_into().ok()?;
    // Milliseconds of any year fit.
    let date = JsValue::from(js_sys::Date::new(&JsValue::from_f64(at_ms as f64)));
    write.call1(&JsValue::UNDEFINED, &date).ok()?.as_string()
}

/// What the user's clock lacks to UTC: positive to the west.
pub(crate) fn offset_minutes() -> i64 {
    js_sys::Date::new_0().get_timezone_offset() as i64
}

pub(crate) async fn sleep_ms(ms: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        // It fails only for a callback that is none.
        drop(window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms));
    });
    // The timer's promise has no way to fail.
    drop(wasm_bindgen_futures::JsFuture::from(promise).await);
}

/// Whether the text is on the clipboard now.
pub(crate) async fn copy(text: &str) -> bool {
    let written = window().navigator().clipboard().write_text(text);
    wasm_bindgen_futures::JsFuture::from(written).await.is_ok()
}

/// A `<meta>` of the page.
pub(crate) fn meta(name: &str) -> Option<String> {
    let element = document()
        .query_selector(&format!("meta[name=\"{name}\"]"))
        .ok()??;
    element.get_attribute("content")
}

/// After a panic nothing of the app runs any more, so this bar is made by hand.
pub(crate) fn show_crash(message: &str) {
    web_sys_console_error(message);
    let document = document();
    let (Some(body), Ok(bar), Ok(button)) = (
        document.body(),
        document.create_element("div"),
        document.create_element("a"),
    ) else {
        return;
    };
    bar.set_class_name("crash");
    set_attribute(&bar, "role", "alert");
    bar.set_text_content(Some("The page stopped because of a fault in the app. "));
    button.set_text_content(Some("Reload"));
    set_attribute(
        &button,
        "href",
        &window().location().href().unwrap_or_default(),
    );
    drop(bar.append_child(&button));
    drop(body.append_child(&bar));
}

fn web_sys_console_error(message: &str) {
    let console = Reflect::get(&js_sys::global(), &JsValue::from_str("console"));
    let error = console.and_then(|console| {
        let error = Reflect::get(&console, &JsValue::from_str("error"))?;
        error
            .dyn_into::<js_sys::Function>()?
            .call1(&console, &JsValue::from_str(message))
    });
    // Where there is no console there is nobody to read it.
    drop(error);
}
