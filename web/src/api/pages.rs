//! Lists that are longer than one page.

use contracts::{Problem, page::Page};
use serde::de::DeserializeOwned;

/// Rows of a page: as many as the API gives at once.
const ROWS: usize = 200;

/// The first pages of a list, one after the other; `next` says whether there is more.
pub(crate) async fn get_pages<T: DeserializeOwned>(
    path: &str,
    at_most: usize,
) -> Result<Page<T>, Problem> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let mut list = Page {
        items: Vec::new(),
        next: None,
    };
    for _ in 0..at_most {
        let cursor = list.next.take().map_or(String::new(), |cursor| {
            format!("&cursor={}", js_sys::encode_uri_component(&cursor))
        });
        let page: Page<T> = super::get(&format!("{path}{sign}limit={ROWS}{cursor}")).await?;
        list.items.extend(page.items);
        list.next = page.next;
        if list.next.is_none() {
            break;
        }
    }
    Ok(list)
}
