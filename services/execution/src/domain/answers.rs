//! Whether an answer is one to what was asked.

use contracts::{ErrorCode, FieldProblem, Problem, execution::PendingAnswer};
use graph::schema::Schema;

use super::apply::Answer;

/// # Errors
/// `invalid_input`, with what does not fit.
pub(super) fn check(asked: &PendingAnswer, answer: &Answer) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let mut wrong = |path: String, message: String| errors.push(FieldProblem { path, message });
    if !asked
        .buttons
        .iter()
        .any(|button| button.port == answer.port)
    {
        let ports: Vec<_> = asked.buttons.iter().map(|it| it.port.as_str()).collect();
        wrong(
            "/port".to_owned(),
            format!("must be one of {}", ports.join(", ")),
        );
    }
    match &asked.form {
        Some(form) => match Schema::new(form) {
            Ok(schema) => {
                for misfit in schema.misfits(&answer.values) {
                    wrong(format!("/values{}", misfit.path), misfit.message);
                }
            }
            Err(why) => wrong(
                "/values".to_owned(),
                format!("the form cannot be checked: {why}"),
            ),
        },
        None if !answer.values.is_null() => {
            wrong("/values".to_owned(), "nothing is asked for".to_owned());
        }
        None => {}
    }
    if !answer.fits() {
        wrong("/values".to_owned(), "is larger than 16 MiB".to_owned());
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Problem::new(
            ErrorCode::InvalidInput,
            "this is no answer to what is asked",
        )
        .with_errors(errors)),
    }
}
