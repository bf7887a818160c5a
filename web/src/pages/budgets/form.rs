//! Making a budget, or changing one.

use contracts::{
    Problem,
    llm::{Budget, BudgetPeriod, BudgetScope},
};
use dioxus::prelude::*;

use super::{
    draft::Draft,
    words::{PERIODS, SCOPES, period_look, scope_look},
};
use crate::{
    api::names::{Named, use_member_names, use_names},
    pages::saving::{SaveDialog, use_saving},
    ui::{field::TextField, problem::field_error, select::SelectField, switch::Switch},
};

#[component]
pub(super) fn BudgetDialog(budget: Option<Budget>, onclose: EventHandler<()>) -> Element {
    let draft = use_signal(|| match &budget {
        Some(budget) => Draft::of(&budget.spec),
        None => Draft::fresh(),
    });
    let saving = use_saving(budget);
    let mut taken = draft;
    rsx! {
        SaveDialog {
            saving,
            spec: move |()| draft.peek().spec(),
            ontake: move |theirs: Budget| taken.set(Draft::of(&theirs.spec)),
            onclose,
            Fields { draft, is_new: saving.is_new(), problem: (saving.problem)() }
        }
    }
}

#[component]
fn Fields(draft: Signal<Draft>, is_new: bool, problem: Option<Problem>) -> Element {
    let now = draft();
    let wrong = |path: &str| field_error(problem.as_ref(), path);
    let pair = |(word, text): (&str, &str)| (word.to_owned(), text.to_owned());
    let stays = (!is_new).then(|| "It stays: what was spent is counted by it.".to_owned());
    rsx! {
        div { class: "fields",
            TextField { label: "Name", required: true, focused: is_new, maxlength: 100, value: now.name.clone(), error: wrong("/name"), oninput: move |text| draft.write().name = text }
            TextField { label: "Limit in US dollars", required: true, inputmode: "decimal", placeholder: "100", value: now.limit.clone(), error: wrong("/limit"), oninput: move |text| draft.write().limit = text }
        }
        div { class: "fields",
            SelectField {
                label: "Limits",
                disabled: !is_new,
                value: scope_look(now.scope).0,
                options: SCOPES.map(scope_look).map(pair).to_vec(),
                hint: stays.clone(),
                error: wrong("/scope"),
                onchange: move |word: String| {
                    let chosen = SCOPES.into_iter().find(|it| scope_look(*it).0 == word);
                    draft.write().choose(chosen.unwrap_or(BudgetScope::Organization));
                },
            }
            Subject { draft, is_new, error: wrong("/flow_id").or(wrong("/user_id")) }
            SelectField {
                label: "Period",
                disabled: !is_new,
                value: period_look(now.period).0,
                options: PERIODS.map(period_look).map(pair).to_vec(),
                hint: stays,
                error: wrong("/period"),
                onchange: move |word: String| {
                    let chosen = PERIODS.into_iter().find(|it| period_look(*it).0 == word);
                    draft.write().period = chosen.unwrap_or(BudgetPeriod::Month);
                },
            }
        }
        Switch {
            label: "Refuse questions to models without a price",
            hint: "Otherwise they are put, and count nothing.",
            checked: now.refuses_unpriced,
            onchange: move |on| draft.write().refuses_unpriced = on,
        }
    }
}

/// One flow or user, or each by itself.
#[component]
fn Subject(draft: Signal<Draft>, is_new: bool, error: Option<String>) -> Element {
    let (flows, members) = (use_names(), use_member_names());
    let now = draft();
    let (label, each, known) = match now.scope {
        BudgetScope::Organization | BudgetScope::Execution => return rsx! {},
        BudgetScope::Flow => ("Flow", "Each flow by itself", flows),
        BudgetScope::User => ("User", "Each user by itself", members),
    };
    let mut options = vec![(String::new(), each.to_owned())];
    let fits = |it: &&Named| it.kind == scope_look(now.scope).0;
    let named = known.all().iter().filter(fits);
    options.extend(named.map(|it| (it.id.clone(), it.name.clone())));
    // What was chosen stays to be seen, also where it is gone.
    if options.iter().all(|(id, _)| *id != now.subject) {
        options.push((now.subject.clone(), known.of(&now.subject)));
    }
    rsx! {
        SelectField { label, disabled: !is_new, value: now.subject, options, error, onchange: move |id| draft.write().subject = id }
    }
}
