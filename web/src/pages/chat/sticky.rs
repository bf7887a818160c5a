//! Keeps the end of a growing list in sight, but only for whoever looks at the end.

use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::prelude::*;
use web_sys::{Element as DomElement, ResizeObserver};

/// This near to the end is at the end.
const NEAR_PX: i32 = 48;

#[derive(Clone, Copy, PartialEq)]
pub(super) struct Sticky {
    element: CopyValue<Option<DomElement>>,
    watcher: CopyValue<Option<ResizeObserver>>,
    stuck: Signal<bool>,
}

pub(super) fn use_sticky() -> Sticky {
    let sticky = Sticky {
        element: use_hook(|| CopyValue::new(None)),
        watcher: use_hook(|| CopyValue::new(None)),
        stuck: use_signal(|| true),
    };
    use_drop(move || {
        if let Some(watcher) = &*sticky.watcher.peek() {
            watcher.disconnect();
        }
    });
    sticky
}

fn to_end(element: &DomElement) {
    element.set_scroll_top(element.scroll_height());
}

impl Sticky {
    /// Subscribes the caller.
    pub(super) fn at_end(self) -> bool {
        (self.stuck)()
    }

    pub(super) fn mount(&mut self, event: &MountedEvent) {
        let element = event.as_web_event();
        let (stuck, scrolled) = (self.stuck, element.clone());
        let resized = Closure::<dyn FnMut()>::new(move || {
            if *stuck.peek() {
                to_end(&scrolled);
            }
        });
        // The observer holds it for as long as there is something to observe.
        let resized = resized.into_js_value();
        if let Ok(watcher) = ResizeObserver::new(resized.unchecked_ref()) {
            watcher.observe(&element);
            if let Some(content) = element.first_element_child() {
                watcher.observe(&content);
            }
            self.watcher.set(Some(watcher));
        }
        to_end(&element);
        self.element.set(Some(element));
    }

    pub(super) fn scrolled(&mut self, event: &ScrollEvent) {
        let _ = event;
        let Some(element) = self.element.peek().clone() else {
            return;
        };
        let below = element.scroll_height() - element.scroll_top() - element.client_height();
        let stuck = below < NEAR_PX;
        if *self.stuck.peek() != stuck {
            self.stuck.set(stuck);
        }
    }

    pub(super) fn go(&mut self) {
        if !*self.stuck.peek() {
            self.stuck.set(true);
        }
        if let Some(element) = &*self.element.peek() {
            to_end(element);
        }
    }
}
