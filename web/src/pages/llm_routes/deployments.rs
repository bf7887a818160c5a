//! The models of a route in their order, which a pointer, buttons and keys change.
//!
//! **Invariant:** whoever moves a row by the keyboard keeps the focus on it, and hears where it went.

use contracts::{
    Problem,
    llm::{Model, RouteStrategy},
    page::Page as ListPage,
};
use dioxus::{prelude::*, web::WebEventExt};
use wasm_bindgen::JsCast;
use web_sys::{Element as DomElement, HtmlElement};

use super::{
    draft::{Draft, Placed},
    order::{Extent, place, shift},
};
use crate::{
    api::query::use_get,
    dom,
    pages::{order::Order, providers::MODELS},
    ui::{
        Tone,
        badge::Badge,
        button::IconButton,
        field::TextField,
        icon::{Glyph, Icon},
        problem::field_error,
        select::SelectField,
        use_id,
    },
};

/// Of `GET /llm/models`, what stands in the place of a provider's name where a model is a route.
const ROUTE: &str = "route";

/// What moves, and what is said of it.
#[derive(Clone, Copy, PartialEq)]
struct Moves {
    draft: Signal<Draft>,
    said: Signal<String>,
    /// The number of the one that is dragged.
    held: Signal<Option<u32>>,
    /// What had the focus when a key or a button moved something, and the handle of that.
    focus: Signal<Option<(HtmlElement, String)>>,
}

impl Moves {
    fn shift(mut self, from: usize, to: usize) {
        if from == to {
            return;
        }
        let mut draft = self.draft.write();
        shift(&mut draft.deployments, from, to);
        let (name, count) = (draft.deployments[to].name(), draft.deployments.len());
        self.said
            .set(format!("{name} is number {} of {count}.", to + 1));
    }

    /// By a key or a button.
    fn step(mut self, from: usize, to: usize) {
        let number = self.draft.peek().deployments[from].number;
        let handle = handle_of(number);
        self.focus.set(dom::focused().map(|it| (it, handle)));
        self.shift(from, to);
    }

    /// Follows the pointer with what is held.
    fn drag(self, list: &str, y: f64) {
        let Some(number) = *self.held.peek() else {
            return;
        };
        let from = {
            let draft = self.draft.peek();
            draft.deployments.iter().position(|it| it.number == number)
        };
        let rows = extents(list);
        if let Some(from) = from.filter(|from| *from < rows.len()) {
            self.shift(from, place(&rows, from, y));
        }
    }
}

fn handle_of(number: u32) -> String {
    format!("deployment-{number}")
}

fn extents(list: &str) -> Vec<Extent> {
    let rows = dom::by_id(list).and_then(|list| list.query_selector_all("li").ok());
    let Some(rows) = rows else {
        return Vec::new();
    };
    let extent = |index| {
        let row: DomElement = rows.item(index)?.dyn_into().ok()?;
        let bounds = row.get_bounding_client_rect();
        Some((bounds.top(), bounds.height()))
    };
    (0..rows.length()).filter_map(extent).collect()
}

#[component]
pub(super) fn Deployments(draft: Signal<Draft>, problem: Option<Problem>) -> Element {
    let models = use_get::<ListPage<Model>>(MODELS.into());
    let id = use_id("deployments");
    let moves = Moves {
        draft,
        said: use_signal(String::new),
        held: use_signal(|| None),
        focus: use_signal(|| None),
    };
    use_effect(move || refocus((moves.focus)()));
    let now = draft();
    let known = models.data().map(|page| offered(&page.items));
    let count = now.deployments.len();
    let weighted = now.strategy == RouteStrategy::Weighted;
    let mut held = moves.held;
    let list = id.clone();
    rsx! {
        section { class: "stack-s", "aria-labelledby": "{id}-title",
            h3 { id: "{id}-title", "Models" }
            if count > 0 {
                ol {
                    id: "{id}",
                    class: "deployments",
                    onpointermove: move |event| moves.drag(&list, event.client_coordinates().y),
                    onpointerup: move |_| held.set(None),
                    onpointercancel: move |_| held.set(None),
                    for (index , placed) in now.deployments.iter().enumerate() {
                        Row {
                            key: "{placed.number}",
                            moves,
                            index,
                            count,
                            placed: placed.clone(),
                            share: now.share(index).filter(|_| weighted),
                            weighted,
                            is_offered: known.as_ref().is_none_or(|known| known.contains(&placed.name())),
                            problem: problem.clone(),
                        }
                    }
                }
            }
            Add { draft, known: known.unwrap_or_default(), error: field_error(problem.as_ref(), "/deployments") }
            p { class: "visually-hidden", role: "status", "{moves.said}" }
        }
    }
}

/// Names of the models that a route may ask: a route is none.
fn offered(models: &[Model]) -> Vec<String> {
    let models = models.iter().filter(|model| model.provider != ROUTE);
    models.map(|model| model.id.clone()).collect()
}

/// Rows changed places: what had the focus has it again, or the row's handle where a button is off now.
fn refocus(before: Option<(HtmlElement, String)>) {
    let Some((element, handle)) = before else {
        return;
    };
    dom::focus(&element);
    if dom::focused().as_ref() != Some(&element)
        && let Some(handle) = dom::by_id(&handle)
    {
        dom::focus(&handle);
    }
}

#[component]
fn Row(
    moves: Moves,
    index: usize,
    count: usize,
    placed: Placed,
    share: Option<String>,
    weighted: bool,
    is_offered: bool,
    problem: Option<Problem>,
) -> Element {
    let (mut draft, mut held) = (moves.draft, moves.held);
    let Placed { number, .. } = placed;
    let name = placed.name();
    let error = |field| field_error(problem.as_ref(), &format!("/deployments/{index}/{field}"));
    let unfit = error("model");
    rsx! {
        li {
            class: "deployment",
            "data-held": (held() == Some(number)).then_some(""),
            onkeydown: move |event| {
                let to = match event.key() {
                    Key::ArrowUp => index.checked_sub(1),
                    Key::ArrowDown => Some(index + 1).filter(|to| *to < count),
                    _ => return,
                };
                if event.modifiers().alt() {
                    event.prevent_default();
                    if let Some(to) = to {
                        moves.step(index, to);
                    }
                }
            },
            button {
                id: handle_of(number),
                class: "icon-button grip",
                r#type: "button",
                "aria-label": "Move {name}: drag, or Alt with the arrow keys",
                "aria-keyshortcuts": "Alt+ArrowUp Alt+ArrowDown",
                title: "Drag, or Alt with the arrow keys",
                onpointerdown: move |event| {
                    let event = event.as_web_event();
                    let handle = event.target().and_then(|it| it.dyn_into::<DomElement>().ok());
                    let list = handle.and_then(|it| it.closest("ol").ok().flatten());
                    if let Some(list) = list {
                        // The list stays where it is while its rows change places. It fails for a pointer that is gone.
                        drop(list.set_pointer_capture(event.pointer_id()));
                        held.set(Some(number));
                    }
                },
                Icon { glyph: Glyph::Grip }
            }
            span { class: "num muted", "aria-hidden": "true", "{index + 1}" }
            div { class: "deployment-model",
                code { "{name}" }
                if !is_offered {
                    Badge { tone: Tone::Warn, glyph: Glyph::Warning, "not offered" }
                }
                if let Some(unfit) = unfit {
                    p { class: "error", "{unfit}" }
                }
            }
            if weighted {
                div { class: "deployment-weight",
                    TextField { label: "Weight of {name}", bare: true, inputmode: "numeric", value: placed.weight, error: error("weight"), oninput: move |text| draft.write().deployments[index].weight = text }
                    span { class: "num muted", {share.unwrap_or_default()} }
                }
            }
            div { class: "deployment-acts",
                Order { name: name.clone(), index, count, onswap: move |with| moves.step(index, with) }
                IconButton {
                    glyph: Glyph::Trash,
                    label: "Take {name} out",
                    onclick: move |_| draft.write().deployments.retain(|it| it.number != number),
                }
            }
        }
    }
}

#[component]
fn Add(draft: Signal<Draft>, known: Vec<String>, error: Option<String>) -> Element {
    let placed: Vec<_> = draft.read().deployments.iter().map(Placed::name).collect();
    let left = known.into_iter().filter(|name| !placed.contains(name));
    let mut options: Vec<_> = left.map(|name| (name.clone(), name)).collect();
    let first = match options.is_empty() {
        true => "No other model is offered",
        false => "Add a model…",
    };
    options.insert(0, (String::new(), first.to_owned()));
    rsx! {
        SelectField {
            label: "Add a model",
            bare: true,
            value: "",
            options,
            error,
            onchange: move |name: String| draft.write().add(&name),
        }
    }
}
