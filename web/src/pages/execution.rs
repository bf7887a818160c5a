//! One execution: four lenses on one selection and one time axis, live while it runs.
//!
//! **Invariant:** what is selected, the lens and the moment are in the address, so a link shows the same again.

mod again;
mod began;
mod details;
mod events;
mod graph_lens;
mod header;
mod holding;
mod lenses;
mod mark;
mod messages;
mod more;
mod scrubber;
mod step;
pub(crate) mod subject;
mod timeline;
mod tree;
mod virtual_list;
mod waiting;
mod watch;

use dioxus::prelude::*;

use self::watch::Watch;
use crate::{
    dom,
    live::feed::{self, Link},
    params::Params,
    ui::{page::Page, problem::ProblemView, skeleton::Skeleton},
};

#[component]
pub(crate) fn Execution(id: String, params: Params) -> Element {
    // Another execution is another page: nothing of the one before may stay.
    rsx! {
        // A key counts in a list.
        for id in [id] {
            Content { key: "{id}", id, params: params.clone() }
        }
    }
}

#[component]
fn Content(id: String, params: Params) -> Element {
    let mut watch = use_context_provider(|| Watch::new(&id, &params));
    use_effect(use_reactive!(|params| watch.take(&params)));
    use_future(move || feed::follow(watch.id(), watch.record, watch.link));
    use_future(move || async move {
        while !watch.record.peek().is_final() {
            dom::sleep_ms(500).await;
            watch.now.set(dom::now_ms());
        }
    });
    subject::use_subject(watch);
    let link = watch.link.read().clone();
    let empty = watch.is_empty();
    let title = watch
        .subject
        .read()
        .as_ref()
        .map_or_else(|| "Execution".to_owned(), |it| it.name.clone());

    rsx! {
        Page {
            title,
            loaded: link != Link::Loading || !empty,
            heading: (!empty).then(|| rsx! { header::Heading {} }),
            actions: (!empty).then(|| rsx! { header::Actions {} }),
            match link {
                Link::Refused(problem) if empty => rsx! {
                    ProblemView { problem, onretry: move |()| watch.again() }
                },
                Link::Loading | Link::Lost if empty => rsx! { Skeleton {} },
                _ => rsx! {
                    header::Facts {}
                    waiting::Waiting {}
                    scrubber::Scrubber {}
                    lenses::Lenses {}
                },
            }
        }
    }
}
