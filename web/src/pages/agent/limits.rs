//! What one run may take, folded away until somebody wants it.

use contracts::{Problem, agent::Limits};
use dioxus::prelude::*;

use crate::ui::{field::TextField, problem::field_error};

type Set = fn(&mut Limits, u64);

#[component]
pub(crate) fn LimitFields(
    limits: Limits,
    problem: Option<Problem>,
    onchange: EventHandler<Limits>,
) -> Element {
    let fields: [(&str, &str, u64, Set); 4] = [
        (
            "Questions to the model",
            "/limits/max_steps",
            limits.max_steps.into(),
            |limits, n| {
                limits.max_steps = narrow(n);
            },
        ),
        (
            "Calls of tools",
            "/limits/max_tool_calls",
            limits.max_tool_calls.into(),
            |limits, n| {
                limits.max_tool_calls = narrow(n);
            },
        ),
        (
            "Tokens",
            "/limits/max_tokens",
            limits.max_tokens,
            |limits, n| limits.max_tokens = n,
        ),
        (
            "Depth of flows",
            "/limits/max_depth",
            limits.max_depth.into(),
            |limits, n| {
                limits.max_depth = narrow(n);
            },
        ),
    ];
    let cost = limits
        .max_cost
        .map(|cost| cost.to_string())
        .unwrap_or_default();
    rsx! {
        details { class: "fold",
            summary { "Limits of one run" }
            div { class: "fields",
                for (label , path , value , set) in fields {
                    TextField {
                        key: "{path}",
                        label,
                        kind: "number",
                        min: "0",
                        value: "{value}",
                        error: field_error(problem.as_ref(), path),
                        oninput: move |text: String| {
                            if let Ok(number) = text.parse() {
                                let mut limits = limits;
                                set(&mut limits, number);
                                onchange.call(limits);
                            }
                        },
                    }
                }
                TextField {
                    label: "US dollars (optional)",
                    kind: "number",
                    min: "0",
                    step: "any",
                    value: cost,
                    error: field_error(problem.as_ref(), "/limits/max_cost"),
                    oninput: move |text: String| {
                        onchange.call(Limits { max_cost: text.parse().ok(), ..limits });
                    },
                }
            }
        }
    }
}

/// What does not fit is refused by the server in any case.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
