//! The web app.

use dioxus::prelude::*;

fn main() {
    dioxus::launch(App);
}

#[component]
fn App() -> Element {
    use_effect(|| {
        let ready = web_sys::window()
            .and_then(|window| window.document())
            .and_then(|document| document.document_element());
        if let Some(root) = ready {
            root.set_attribute("data-app-ready", "").ok();
        }
    });

    rsx! { h1 { "Troupe" } }
}
