//! The time that a page looks at, in the address: one of several that end now, or from a day to a day.

use chrono::NaiveDate;
use dioxus::prelude::*;

use crate::{
    params::Params,
    routes::Route,
    ui::{field::TextField, select::SelectField},
};

/// Stands in the address before days are chosen.
const DAYS: &str = "days";

/// The days that were chosen.
pub(crate) fn days(params: &Params) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let day = |name: &str| params.get(name)?.parse().ok();
    (day("from"), day("to"))
}

/// The word of the chosen time; `usual` where none is.
fn chosen<'a>(params: &'a Params, usual: &'a str) -> &'a str {
    match params.get("last") {
        Some(word) => word,
        None if params.get("from").is_some() || params.get("to").is_some() => DAYS,
        None => usual,
    }
}

/// The address with another time.
fn choose(params: &Params, word: &str) -> Params {
    let without = params.with("from", "").with("to", "");
    without.with("last", word)
}

/// The address of one of the days.
fn with_day(params: &Params, name: &str, day: &str) -> Params {
    params.with("last", DAYS).with(name, day)
}

/// `options` are pairs of the word in the address and the text; `to` makes the address of the page.
#[component]
pub(crate) fn Period(
    label: String,
    options: Vec<(String, String)>,
    usual: &'static str,
    params: Params,
    to: Callback<Params, Route>,
) -> Element {
    let chosen = chosen(&params, usual).to_owned();
    let mut options = options;
    options.push((DAYS.to_owned(), "Days…".to_owned()));
    let by_days = chosen == DAYS;
    let before = params.clone();
    rsx! {
        SelectField { label, bare: true, value: chosen, options,
            onchange: move |word: String| {
                navigator().push(to.call(choose(&before, &word)));
            },
        }
        if by_days {
            Day { label: "From", name: "from", params: params.clone(), to }
            Day { label: "To", name: "to", params, to }
        }
    }
}

/// One of the days. A date that is being typed leaves no trace in the history.
#[component]
fn Day(label: String, name: &'static str, params: Params, to: Callback<Params, Route>) -> Element {
    let value = params.get(name).unwrap_or_default().to_owned();
    rsx! {
        TextField { label, bare: true, kind: "date", value,
            oninput: move |day: String| {
                navigator().replace(to.call(with_day(&params, name, &day)));
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_time() {
        let days = with_day(&Params::one("last", "7d"), "from", "2026-11-20");
        assert_eq!(days.get("from"), Some("2026-11-20"));
        assert_eq!(chosen(&days, ""), DAYS);
        assert_eq!(choose(&days, "1h"), Params::one("last", "1h"));
        assert_eq!(chosen(&Params::default(), "30d"), "30d");
    }
}
