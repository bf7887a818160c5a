//! The command palette: pages, acts, and whatever the organization has, by a few letters.

mod rank;

use contracts::{
    Permission, agent::AgentSummary, crew::CrewSummary, flow::FlowSummary, page::Page as ListPage,
    tool::ToolSummary,
};
use dioxus::{prelude::*, router::Navigator};

use super::{account, keys, rail, theme::Theme};
use crate::{
    api::{query::use_get, session},
    dom,
    params::Params,
    routes::Route,
    ui::{
        dialog::Dialog,
        icon::{Glyph, Icon},
        kbd::Kbd,
    },
};

/// So many lines are shown at most.
const SHOWN: usize = 12;

pub(crate) static OPEN: GlobalSignal<bool> = Signal::global(|| false);

#[derive(Clone, PartialEq)]
struct Line {
    text: String,
    /// What kind of thing it is.
    kind: &'static str,
    glyph: Glyph,
    keys: &'static str,
    act: Act,
}

#[derive(Clone, PartialEq)]
enum Act {
    Go(Route),
    Theme(Theme),
    Shortcuts,
    SignOut,
}

impl Act {
    fn run(self, navigator: Navigator) {
        match self {
            Self::Go(route) => drop(navigator.push(route)),
            Self::Theme(theme) => theme.choose(),
            Self::Shortcuts => *keys::SHEET.write() = true,
            Self::SignOut => account::sign_out(navigator),
        }
    }
}

#[component]
pub(super) fn Palette() -> Element {
    let navigator = navigator();
    let mut asked = use_signal(String::new);
    let mut at = use_signal(|| 0_usize);
    let all = use_lines();
    let lines = rank::best(&asked(), all, |line| &line.text, SHOWN);
    let last = lines.len().saturating_sub(1);
    let chosen = at().min(last);
    let run = move |act: Act| {
        *OPEN.write() = false;
        act.run(navigator);
    };
    let none = lines.is_empty();
    let entered = lines.get(chosen).map(|line| line.act.clone());
    rsx! {
        Dialog { title: "Go to or do", bare: true, onclose: |()| *OPEN.write() = false,
            div { class: "palette",
                input {
                    class: "palette-input",
                    r#type: "text",
                    role: "combobox",
                    placeholder: "Go to a page, a flow, an agent… or do something",
                    "aria-label": "Go to or do",
                    "aria-expanded": "true",
                    "aria-controls": "palette-list",
                    "aria-activedescendant": "palette-{chosen}",
                    autocomplete: "off",
                    spellcheck: "false",
                    value: "{asked}",
                    onmounted: |event| async move { drop(event.set_focus(true).await) },
                    oninput: move |event| { asked.set(event.value()); at.set(0); },
                    onkeydown: move |event| {
                        match event.key() {
                            Key::ArrowDown => at.set(if chosen == last { 0 } else { chosen + 1 }),
                            Key::ArrowUp => at.set(if chosen == 0 { last } else { chosen - 1 }),
                            Key::Enter => if let Some(act) = entered.clone() { run(act) },
                            _ => return,
                        }
                        event.prevent_default();
                        if let Some(line) = dom::by_id(&format!("palette-{at}")) {
                            line.scroll_into_view_with_bool(false);
                        }
                    },
                }
                ul { id: "palette-list", role: "listbox", "aria-label": "Matches",
                    for (index , line) in lines.into_iter().enumerate() {
                        li {
                            key: "{line.kind}{line.text}{index}",
                            id: "palette-{index}",
                            role: "option",
                            "aria-selected": if index == chosen { "true" } else { "false" },
                            onpointermove: move |_| if *at.peek() != index { at.set(index) },
                            onclick: move |_| run(line.act.clone()),
                            Icon { glyph: line.glyph }
                            span { class: "clip", "{line.text}" }
                            span { class: "palette-kind", "{line.kind}" }
                            if !line.keys.is_empty() {
                                Kbd { keys: line.keys }
                            }
                        }
                    }
                }
                if none {
                    p { class: "palette-none", "Nothing matches." }
                }
            }
        }
    }
}

impl Line {
    fn new(text: &str, kind: &'static str, glyph: Glyph, act: Act) -> Self {
        Self {
            text: text.to_owned(),
            kind,
            glyph,
            keys: "",
            act,
        }
    }
}

/// Everything there is to choose from: pages and acts first.
fn use_lines() -> Vec<Line> {
    let flows = use_get::<ListPage<FlowSummary>>("/flows?limit=200".into());
    let agents = use_get::<ListPage<AgentSummary>>("/agents?limit=200".into());
    let crews = use_get::<ListPage<CrewSummary>>("/crews?limit=200".into());
    let tools = use_get::<ListPage<ToolSummary>>("/tools?limit=200".into());
    let mut lines = fixed();
    let named = |kind, glyph, name: &str, to| Line::new(name, kind, glyph, Act::Go(to));
    for page in flows.data().iter() {
        let of = |it: &FlowSummary| named("flow", Glyph::Flow, &it.name, Route::flow(it.id));
        lines.extend(page.items.iter().map(of));
    }
    for page in agents.data().iter() {
        let of = |it: &AgentSummary| named("agent", Glyph::Agent, &it.name, Route::agent(it.id));
        lines.extend(page.items.iter().map(of));
    }
    for page in crews.data().iter() {
        let of = |it: &CrewSummary| named("crew", Glyph::Crew, &it.name, Route::crew(it.id));
        lines.extend(page.items.iter().map(of));
    }
    for page in tools.data().iter() {
        let of = |it: &ToolSummary| named("tool", Glyph::Tool, &it.name, Route::tool(it.id));
        lines.extend(page.items.iter().map(of));
    }
    lines
}

/// What every organization has.
fn fixed() -> Vec<Line> {
    let mut lines: Vec<_> = rail::places()
        .map(|(text, glyph, route)| Line {
            keys: keys::of(text),
            ..Line::new(text, "page", glyph, Act::Go(route))
        })
        .collect();
    let settings = Act::Go(Route::Settings {});
    lines.push(Line::new(
        "Organization settings",
        "page",
        Glyph::Settings,
        settings,
    ));
    if session::may(Permission::DeadLetterRead) {
        let letters = Act::Go(Route::dead_letters());
        lines.push(Line::new("Dead letters", "page", Glyph::Warning, letters));
    }
    if session::may(Permission::FlowWrite) {
        let params = Params::one("new", "1");
        let new = Act::Go(Route::Flows { params });
        lines.push(Line::new("New flow", "act", Glyph::Plus, new));
    }
    for (theme, glyph, text) in Theme::CHOICES {
        lines.push(Line::new(text, "act", glyph, Act::Theme(theme)));
    }
    lines.push(Line {
        keys: "?",
        ..Line::new("Keyboard shortcuts", "act", Glyph::Keyboard, Act::Shortcuts)
    });
    lines.push(Line::new("Sign out", "act", Glyph::SignOut, Act::SignOut));
    lines
}
