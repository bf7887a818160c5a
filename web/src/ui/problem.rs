//! What went wrong: what, why, what to do, and the id to name when asking for help.

use contracts::{ErrorCode, FieldProblem, Problem};
use dioxus::prelude::*;

use super::{
    button::Button,
    icon::{Glyph, Icon},
};
use crate::api::UNREACHABLE;

/// A capital at the start and a full stop at the end.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut sentence: String = first.to_uppercase().chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

fn heading(problem: &Problem) -> &'static str {
    if problem.reason.as_deref() == Some(UNREACHABLE) {
        return "The server cannot be reached";
    }
    match problem.code {
        ErrorCode::Forbidden => "Your role does not allow this",
        ErrorCode::NotFound => "This does not exist",
        ErrorCode::Conflict => "Somebody else changed it",
        ErrorCode::InvalidInput => "This is not valid",
        ErrorCode::Unauthenticated => "You are signed out",
        ErrorCode::RateLimited => "Too many requests",
        ErrorCode::Timeout | ErrorCode::Unavailable => "The service does not answer",
        ErrorCode::Internal => "Something went wrong on our side",
    }
}

/// What a form says of its fields before anybody else is asked.
pub(crate) fn invalid(detail: &str, errors: Vec<FieldProblem>) -> Problem {
    let mut problem = Problem::new(ErrorCode::InvalidInput, detail);
    problem.errors = errors;
    problem
}

/// In the place of what could not be shown.
#[component]
pub(crate) fn ProblemView(problem: Problem, onretry: Option<EventHandler<()>>) -> Element {
    let again = !matches!(problem.code, ErrorCode::Forbidden | ErrorCode::NotFound);
    rsx! {
        div { class: "problem", role: "alert",
            Icon { glyph: Glyph::Warning, size: 20 }
            div {
                p { class: "problem-title", {heading(&problem)} }
                if problem.reason.as_deref() == Some(UNREACHABLE) {
                    p { "The app goes on looking for it." }
                } else {
                    p { {sentence(&problem.detail)} }
                }
                if let Some(trace) = &problem.trace_id {
                    p { class: "hint", "Request " code { "{trace}" } }
                }
                if let (Some(onretry), true) = (onretry, again) {
                    Button { icon: Glyph::Refresh, onclick: move |_| onretry.call(()), "Try again" }
                }
            }
        }
    }
}

/// In a form, above its buttons. Problems of single fields are listed, without the one that is told already.
#[component]
pub(crate) fn ProblemLine(problem: Problem) -> Element {
    rsx! {
        div { class: "problem-line", role: "alert",
            Icon { glyph: Glyph::Error }
            div {
                p { {sentence(&problem.detail)} }
                for error in untold(&problem) {
                    p { key: "{error.path}{error.message}", code { "{error.path}" } " {error.message}" }
                }
            }
        }
    }
}

/// The problems of fields without the one that the detail is of.
fn untold(problem: &Problem) -> impl Iterator<Item = &FieldProblem> {
    let is_told = |error: &FieldProblem| {
        let (path, message) = (error.path.as_str(), &error.message);
        // As a place, or as the name of the field.
        let names = [path, path.trim_start_matches('/')];
        names
            .iter()
            .any(|name| problem.detail.ends_with(&format!("`{name}` {message}")))
    };
    problem.errors.iter().filter(move |error| !is_told(error))
}

/// What is wrong with the field at that JSON pointer.
pub(crate) fn field_error(problem: Option<&Problem>, path: &str) -> Option<String> {
    let errors = &problem?.errors;
    let error = errors.iter().find(|error| error.path == path)?;
    Some(sentence(&error.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_the_detail_is_of_is_not_listed_again() {
        let error = |path: &str| FieldProblem {
            path: path.to_owned(),
            message: "must be 1 to 100".to_owned(),
        };
        let errors = vec![error("/most"), error("/waiting")];
        let paths = |detail: &str| {
            let problem = invalid(detail, errors.clone());
            let paths: Vec<_> = untold(&problem).map(|error| error.path.clone()).collect();
            paths
        };
        assert_eq!(paths("it is not valid"), ["/most", "/waiting"]);
        for told in [
            "it is not valid: `/most` must be 1 to 100",
            "`most` must be 1 to 100",
        ] {
            assert_eq!(paths(told), ["/waiting"]);
        }
    }

    #[test]
    fn details_become_sentences() {
        assert_eq!(sentence("no such flow"), "No such flow.");
        assert_eq!(sentence("Really?"), "Really?");
        assert_eq!(sentence(""), "");
    }
}
