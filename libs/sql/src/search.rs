//! What a user types into a search box, as a condition.

use sea_orm::sea_query::{Expr, ExprTrait, extension::postgres::PgExpr};

/// A text that a row must contain, whatever the case. `%` and `_` in it mean themselves.
pub struct Search {
    pattern: String,
}

impl Search {
    /// None where nothing is searched for.
    pub fn of(text: Option<&str>) -> Option<Self> {
        let text = text.filter(|text| !text.is_empty())?;
        // The escape character is PostgreSQL's default, the backslash; no text of a database holds a NUL.
        let escaped = text
            .replace('\\', r"\\")
            .replace('%', r"\%")
            .replace('_', r"\_")
            .replace('\0', "");
        Some(Self {
            pattern: format!("%{escaped}%"),
        })
    }

    /// Whether one of these contains the text.
    ///
    /// # Panics
    /// When there is none.
    pub fn any_of(&self, places: impl IntoIterator<Item = Expr>) -> Expr {
        let conditions = places
            .into_iter()
            .map(|place| place.ilike(self.pattern.clone()));
        conditions
            .reduce(ExprTrait::or)
            .expect("a search looks somewhere")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_pattern() {
        let pattern = |text| Search::of(Some(text)).map(|search| search.pattern);
        assert_eq!(pattern("50%_a\\\0"), Some(r"%50\%\_a\\%".to_owned()));
        assert_eq!(pattern(""), None);
        assert!(Search::of(None).is_none());
    }
}
