//! All that is wrong with an input, each with its place.

use contracts::FieldProblem;

use crate::error::Error;

/// What was found so far, under one place of the request.
#[derive(Debug)]
pub(crate) struct Problems {
    prefix: &'static str,
    found: Vec<FieldProblem>,
}

impl Problems {
    /// `prefix` is a JSON pointer, or empty.
    pub(crate) const fn under(prefix: &'static str) -> Self {
        Self {
            prefix,
            found: Vec::new(),
        }
    }

    /// `path` is a JSON pointer below the prefix.
    pub(crate) fn refuse(&mut self, path: &str, message: impl Into<String>) {
        self.found.push(FieldProblem {
            path: format!("{}{path}", self.prefix),
            message: message.into(),
        });
    }

    pub(crate) fn require(&mut self, holds: bool, path: &str, message: impl Into<String>) {
        if !holds {
            self.refuse(path, message);
        }
    }

    /// # Errors
    /// [`Error::InvalidInput`] with everything that was refused.
    pub(crate) fn outcome(self) -> Result<(), Error> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(Error::InvalidInput(self.found))
        }
    }

    pub(crate) fn into_found(self) -> Vec<FieldProblem> {
        self.found
    }
}
