//! The filters of the list, in the address.

use chrono::{DateTime, SecondsFormat, Utc};
use contracts::execution::ExecutionState;
use dioxus::prelude::*;

use super::period;
use crate::{
    api::names::{Named, Names},
    pages::period::Period,
    params::Params,
    routes::Route,
    ui::{
        badge::state_look, button::Button, icon::Glyph, search::SearchField, select::SelectField,
    },
};

/// What may stand in the address, and how the API calls it.
const NAMES: [(&str, &str); 6] = [
    ("search", "search"),
    ("state", "state"),
    ("asks", "asks"),
    ("flow", "flow_id"),
    ("agent", "agent_id"),
    ("crew", "crew_id"),
];

/// Among the states: what waits for an answer or an approval.
const ASKS: &str = "asks";

/// The filters as the API takes them; `offset_minutes` is what the user's clock lacks to UTC.
pub(crate) fn query(params: &Params, now: DateTime<Utc>, offset_minutes: i64) -> Params {
    let known = NAMES
        .iter()
        .filter_map(|(here, there)| Some((there, params.get(here)?)));
    let query = known.fold(Params::default(), |query, (name, value)| {
        query.with(name, value)
    });
    let (since, until) = period::bounds(params, now, offset_minutes);
    let bounds = [("since", since), ("until", until)];
    bounds.iter().fold(query, |query, (name, at)| {
        let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        query.with(name, &at.unwrap_or_default())
    })
}

#[component]
pub(crate) fn FilterBar(params: Params, names: Names) -> Element {
    let state = match params.get("asks") {
        Some(_) => ASKS.to_owned(),
        None => params.get("state").unwrap_or_default().to_owned(),
    };
    let subject = subject_of(&params);
    let mut states = vec![
        (String::new(), "All states".to_owned()),
        (ASKS.to_owned(), "Waits for a person".to_owned()),
    ];
    states.extend(
        ExecutionState::ALL
            .map(|state| (state.as_str().to_owned(), state_look(state).2.to_owned())),
    );
    let mut subjects = vec![(String::new(), "All flows, agents and crews".to_owned())];
    subjects.extend(names.all().iter().map(option));
    let mut times = vec![(String::new(), "Any time".to_owned())];
    times.extend(period::LAST.map(|(word, text, _)| (word.to_owned(), text.to_owned())));
    let go = |params: Params| {
        navigator().push(Route::Executions { params });
    };
    let (by_text, by_state, by_subject) = (params.clone(), params.clone(), params.clone());
    rsx! {
        div { class: "filter-bar", role: "group", "aria-label": "Filters",
            SearchField { label: "Search errors or an id", value: params.get("search").unwrap_or_default(), onsearch: move |text: String| go(by_text.with("search", &text)) }
            SelectField { label: "State", bare: true, value: state, options: states, onchange: move |value: String| go(with_state(&by_state, &value)) }
            SelectField { label: "What was executed", bare: true, value: subject, options: subjects,
                onchange: move |value: String| go(with_subject(&by_subject, &value)),
            }
            Period { label: "Started", options: times, usual: "", params: params.clone(), to: |params| Route::Executions { params } }
            if !params.is_empty() {
                Button { icon: Glyph::Close, onclick: move |_| go(Params::default()), "Clear" }
            }
        }
    }
}

/// For the select of subjects.
fn option(named: &Named) -> (String, String) {
    let kind = match named.kind {
        "flow" => "Flow",
        "agent" => "Agent",
        _ => "Crew",
    };
    (
        format!("{}:{}", named.kind, named.id),
        format!("{kind}: {}", named.name),
    )
}

/// `flow:flow_…`, for the one select that offers all of them.
fn subject_of(params: &Params) -> String {
    let kinds = ["flow", "agent", "crew"];
    let chosen = kinds
        .into_iter()
        .find_map(|kind| Some(format!("{kind}:{}", params.get(kind)?)));
    chosen.unwrap_or_default()
}

fn with_state(params: &Params, value: &str) -> Params {
    let without = params.with("state", "").with("asks", "");
    match value {
        ASKS => without.with("asks", "true"),
        state => without.with("state", state),
    }
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
        let asked = |params: &Params| query(params, DateTime::UNIX_EPOCH, -60).query();
        assert_eq!(
            asked(&params.with("evil", "x")),
            "?state=failed&crew_id=crew_2"
        );
        let days = Params::one("search", "timeout").with("to", "1999-12-31");
        assert_eq!(
            asked(&days),
            "?search=timeout&until=1999-12-31T23%3A00%3A00Z"
        );
        let asking = with_state(&params, ASKS);
        assert_eq!(asked(&asking), "?asks=true&crew_id=crew_2");
        assert_eq!(
            with_state(&asking, "failed"),
            Params::one("crew", "crew_2").with("state", "failed")
        );
        assert_eq!(with_subject(&params, ""), Params::one("state", "failed"));
    }
}
