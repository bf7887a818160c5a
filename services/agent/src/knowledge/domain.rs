//! The rules of knowledge: what bases and documents may be, and when an attempt is made again.

use std::time::Duration;

use contracts::{
    FieldProblem,
    knowledge::{AddDocument, CreateBase, SearchBase, UpdateBase},
};

use crate::error::Error;

/// Documents of a base at most.
pub(crate) const MAX_DOCUMENTS: i64 = 10_000;
/// Passages of a base at most: a search looks at each.
pub(crate) const MAX_BASE_PASSAGES: i64 = 100_000;
/// Bytes of a text that comes with its request.
const MAX_CONTENT: usize = 512 * 1024;
/// Bytes of a file at most.
pub(crate) const MAX_FILE: u64 = 20 * 1024 * 1024;
/// How often the indexing of a document is tried.
pub(crate) const ATTEMPTS: i32 = 5;
const DEFAULT_LIMIT: u32 = 5;
const MAX_LIMIT: u32 = 50;

/// # Errors
/// [`Error::InvalidInput`] with all that is wrong.
pub(crate) fn check_new_base(request: &CreateBase) -> Result<(), Error> {
    let mut problems = Vec::new();
    check_name(&request.name, 100, &mut problems);
    check_description(&request.description, &mut problems);
    check_model(request.embedding_model.as_deref(), &mut problems);
    outcome(problems)
}

/// # Errors
/// [`Error::InvalidInput`] with all that is wrong.
pub(crate) fn check_change(request: &UpdateBase) -> Result<(), Error> {
    let mut problems = Vec::new();
    if let Some(name) = &request.name {
        check_name(name, 100, &mut problems);
    }
    if let Some(description) = &request.description {
        check_description(description, &mut problems);
    }
    check_model(request.embedding_model.as_deref(), &mut problems);
    outcome(problems)
}

/// # Errors
/// [`Error::InvalidInput`] with all that is wrong.
pub(crate) fn check_document(request: &AddDocument) -> Result<(), Error> {
    let mut problems = Vec::new();
    check_name(&request.name, 200, &mut problems);
    match (&request.content, &request.upload_id) {
        (Some(content), None) if content.is_empty() => {
            refuse(&mut problems, "/content", "a document is not empty");
        }
        (Some(content), None) if content.len() > MAX_CONTENT => {
            let text = "a text has up to 512 KiB; upload what is longer";
            refuse(&mut problems, "/content", text);
        }
        (Some(_), None) | (None, Some(_)) => {}
        (Some(_), Some(_)) | (None, None) => {
            let text = "exactly one of `content` and `upload_id` is set";
            refuse(&mut problems, "/content", text);
        }
    }
    outcome(problems)
}

/// How many hits a search is to find.
///
/// # Errors
/// [`Error::InvalidInput`] with all that is wrong.
pub(crate) fn check_search(request: &SearchBase) -> Result<u32, Error> {
    let mut problems = Vec::new();
    check_query(&request.query, &mut problems);
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        refuse(&mut problems, "/limit", "a search finds 1 to 50 passages");
    }
    outcome(problems).map(|()| limit)
}

/// A text that something is searched by.
pub(crate) fn check_query(query: &str, problems: &mut Vec<FieldProblem>) {
    if query.trim().is_empty() || query.chars().count() > 4_000 {
        refuse(problems, "/query", "a query has 1 to 4,000 characters");
    }
}

/// The pause after an attempt that failed: 1 s, 5 s, 25 s, then 125 s.
pub(crate) fn pause_after(attempt: i32) -> Duration {
    let steps = attempt.clamp(1, 4).unsigned_abs() - 1;
    Duration::from_secs(5_u64.pow(steps))
}

pub(crate) fn refuse(problems: &mut Vec<FieldProblem>, path: &str, message: &str) {
    problems.push(FieldProblem {
        path: path.to_owned(),
        message: message.to_owned(),
    });
}

pub(crate) fn outcome(problems: Vec<FieldProblem>) -> Result<(), Error> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::InvalidInput(problems))
}

fn check_name(name: &str, most: usize, problems: &mut Vec<FieldProblem>) {
    let fits = (1..=most).contains(&name.chars().count());
    if !fits || name.trim() != name || name.contains(char::is_control) {
        let text = format!(
            "a name has 1 to {most} characters, no control characters, and no space around it"
        );
        refuse(problems, "/name", &text);
    }
}

fn check_description(description: &str, problems: &mut Vec<FieldProblem>) {
    if description.chars().count() > 2_000 || description.contains('\0') {
        let text = "a description has up to 2,000 characters";
        refuse(problems, "/description", text);
    }
}

fn check_model(model: Option<&str>, problems: &mut Vec<FieldProblem>) {
    let wrong = |model: &str| {
        !(1..=300).contains(&model.chars().count()) || model.contains(char::is_control)
    };
    if model.is_some_and(wrong) {
        let text = "a model is named by 1 to 300 characters";
        refuse(problems, "/embedding_model", text);
    }
}

#[cfg(test)]
mod tests {
    use contracts::id::{BaseId, UploadId};

    use super::*;

    fn paths(outcome: Result<(), Error>) -> Vec<String> {
        match outcome {
            Ok(()) => Vec::new(),
            Err(Error::InvalidInput(problems)) => problems.into_iter().map(|p| p.path).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_wrong_with_a_base_is_named() {
        let base = |name: &str, description: &str, model: Option<&str>| CreateBase {
            name: name.to_owned(),
            description: description.to_owned(),
            embedding_model: model.map(str::to_owned),
        };
        assert!(paths(check_new_base(&base("Handbook 1", "", Some("p/m")))).is_empty());
        assert_eq!(paths(check_new_base(&base("", "", None))), ["/name"]);
        assert_eq!(paths(check_new_base(&base(" a", "", None))), ["/name"]);
        let long = "x".repeat(2001);
        assert_eq!(
            paths(check_new_base(&base("a\nb", &long, Some("")))),
            ["/name", "/description", "/embedding_model"]
        );
    }

    #[test]
    fn a_document_has_one_source() {
        let check = |content: Option<&str>, upload_id, expected: &[&str]| {
            let request = AddDocument {
                base_id: BaseId::EXAMPLE,
                name: "a.md".to_owned(),
                content_type: None,
                content: content.map(str::to_owned),
                upload_id,
            };
            assert_eq!(paths(check_document(&request)), expected);
        };
        check(Some("text"), None, &[]);
        check(None, Some(UploadId::EXAMPLE), &[]);
        check(None, None, &["/content"]);
        check(Some("text"), Some(UploadId::EXAMPLE), &["/content"]);
        check(Some(""), None, &["/content"]);
        check(Some(&"x".repeat(MAX_CONTENT + 1)), None, &["/content"]);
    }

    #[test]
    fn a_search_is_bounded() {
        let check = |query: &str, limit, expected: Option<u32>| {
            let request = SearchBase {
                base_id: BaseId::EXAMPLE,
                query: query.to_owned(),
                limit,
            };
            assert_eq!(check_search(&request).ok(), expected);
        };
        check("x", None, Some(5));
        check("x", Some(50), Some(50));
        check("x", Some(51), None);
        check("x", Some(0), None);
        check("  ", None, None);
        check(&"x".repeat(4001), None, None);
    }

    #[test]
    fn pauses_grow() {
        let seconds: Vec<_> = (0..=6).map(|n| pause_after(n).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 5, 25, 125, 125, 125]);
    }
}
