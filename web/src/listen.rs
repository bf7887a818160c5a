//! Listening to the window from a component.

use dioxus::{
    core::{Runtime, current_scope_id},
    prelude::*,
};
use wasm_bindgen::{JsCast, closure::Closure};

use crate::dom;

/// Calls `handler` at each such event, as long as the component stands.
pub(crate) fn use_window_event<E: JsCast + 'static>(
    name: &'static str,
    mut handler: impl FnMut(E) + 'static,
) {
    let listener = use_hook(|| {
        let (runtime, scope) = (Runtime::current(), current_scope_id());
        let listener = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            runtime.in_scope(scope, || handler(event.unchecked_into()));
        });
        // A window takes every listener.
        drop(
            dom::window().add_event_listener_with_callback(name, listener.as_ref().unchecked_ref()),
        );
        std::rc::Rc::new(listener)
    });
    use_drop(move || {
        let listener = listener.as_ref().as_ref().unchecked_ref();
        // One that is not there needs no removal.
        drop(dom::window().remove_event_listener_with_callback(name, listener));
    });
}

/// Calls `handler` every so often, as long as the component stands and somebody looks at the page.
pub(crate) fn use_interval(ms: i32, mut handler: impl FnMut() + 'static) {
    use_hook(|| {
        spawn(async move {
            loop {
                dom::sleep_ms(ms).await;
                if !dom::document().hidden() {
                    handler();
                }
            }
        })
    });
}
