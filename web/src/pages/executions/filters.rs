//! The filters of the list, in the address.

use contracts::execution::ExecutionState;
use dioxus::prelude::*;

use super::names::Names;
use crate::{
    params::Params,
    routes::Route,
    ui::{badge::state_look, button::Button, icon::Glyph, select::SelectField},
};

/// What may stand in the address, and how the API calls it.
const NAMES: [(&str, &str); 4] = [
    ("state", "state"),
    ("flow", "flow_id"),
    ("agent", "agent_id"),
    ("crew", "crew_id"),
];

/// The filters as the API takes them.
pub(crate) fn query(params: &Params) -> Params {
    let known = NAMES
        .iter()
        .filter_map(|(here, there)| Some((there, params.get(here)?)));
    known.fold(Params::default(), |query, (name, value)| {
        query.with(name, value)
    })
}

#[component]
pub(crate) fn FilterBar(params: Params, names: Names) -> Element {
    let state = params.get("state").unwrap_or_default().to_owned();
    let subject = subject_of(&params);
    let mut states = vec![(String::new(), "All states".to_owned())];
    states.extend(
        ExecutionState::ALL
            .map(|state| (state.as_str().to_owned(), state_look(state).2.to_owned())),
    );
    let mut subjects = vec![(String::new(), "All flows, agents and crews".to_owned())];
    subjects.extend(names.options());
    let go = |params: Params| {
        navigator().push(Route::Executions { params });
    };
    let (by_state, by_subject) = (params.clone(), params.clone());
    rsx! {
        div { class: "filter-bar", role: "search", "aria-label": "Filters",
            SelectField { label: "State", bare: true, value: state, options: states, onchange: move |value: String| go(by_state.with("state", &value)) }
            SelectField { label: "What was executed", bare: true, value: subject, options: subjects,
                onchange: move |value: String| go(with_subject(&by_subject, &value)),
            }
            if !params.is_empty() {
                Button { icon: Glyph::Close, onclick: move |_| go(Params::default()), "Clear" }
            }
        }
    }
}

/// `flow:flow_…`, for the one select that offers all of them.
fn subject_of(params: &Params) -> String {
    let kinds = ["flow", "agent", "crew"];
    let chosen = kinds
        .into_iter()
        .find_map(|kind| Some(format!("{kind}:{}", params.get(kind)?)));
    chosen.unwrap_or_default()
}

fn with_subject(params: &Params, value: &str) -> Params {
    let without = params.with("flow", "").with("agent", "").with("crew", "");
    match value.split_once(':') {
        Some((kind, id)) => without.with(kind, id),
        None => without,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_subject() {
        let params = Params::one("state", "failed").with("flow", "flow_1");
        assert_eq!(subject_of(&params), "flow:flow_1");
        let params = with_subject(&params, "crew:crew_2");
        assert_eq!(
            params,
            Params::one("state", "failed").with("crew", "crew_2")
        );
        assert_eq!(
            query(&params.with("evil", "x")).query(),
            "?state=failed&crew_id=crew_2"
        );
        assert_eq!(with_subject(&params, ""), Params::one("state", "failed"));
    }
}
