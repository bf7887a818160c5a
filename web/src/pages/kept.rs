//! Drafts that were left unsaved: whoever comes back to the page in this window finds them.

use std::{any::Any, cell::RefCell, collections::HashMap};

thread_local! {
    static KEPT: RefCell<HashMap<String, Box<dyn Any>>> = RefCell::default();
}

/// Keeps the draft of a page, in the place of one that was kept before.
pub(crate) fn keep<T: 'static>(place: &str, draft: T) {
    KEPT.with_borrow_mut(|kept| kept.insert(place.to_owned(), Box::new(draft)));
}

/// The draft that was kept for the page; it is kept no longer.
pub(crate) fn take<T: 'static>(place: &str) -> Option<T> {
    let found = KEPT.with_borrow_mut(|kept| kept.remove(place));
    found?.downcast().ok().map(|draft| *draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_found_once_and_in_its_own_place() {
        keep("one", 1_u8);
        keep("one", 2_u8);
        assert_eq!(take::<u8>("other"), None);
        assert_eq!(take::<u8>("one"), Some(2));
        assert_eq!(take::<u8>("one"), None);
    }
}
