//! A list of which only what is seen is in the document: ten thousand rows cost as much as forty.
//!
//! **Invariant:** all rows have the same height.

use std::ops::Range;

use dioxus::prelude::*;
use wasm_bindgen::JsCast;

use crate::dom;

/// Rows beyond the edges, so that a turn of the wheel shows no hole.
const MARGIN: usize = 8;

#[derive(Clone, PartialEq, Props)]
pub(crate) struct VirtualListProps {
    id: &'static str,
    label: &'static str,
    /// `tree` or `listbox`.
    role: &'static str,
    total: usize,
    row_height: usize,
    /// The row that should be seen; a new one is scrolled to.
    chosen: Option<usize>,
    render: Callback<usize, Element>,
    onkeydown: EventHandler<KeyboardEvent>,
}

#[component]
pub(crate) fn VirtualList(props: VirtualListProps) -> Element {
    let VirtualListProps {
        id,
        label,
        role,
        total,
        row_height,
        chosen,
        render,
        onkeydown,
    } = props;
    let mut top = use_signal(|| 0usize);
    let mut seen = use_signal(|| 40usize);
    use_effect(use_reactive!(|(chosen, total)| {
        if let Some(row) = chosen.filter(|row| *row < total) {
            reveal(id, row, row_height);
        }
    }));
    let rows = window(top(), seen(), total);

    rsx! {
        div {
            id,
            class: "virtual",
            role,
            tabindex: "0",
            "aria-label": label,
            "aria-activedescendant": chosen.map(|row| format!("{id}-{row}")),
            onscroll: move |event| {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let first = event.data().scroll_top().max(0.0) as usize / row_height;
                if *top.peek() != first {
                    top.set(first);
                }
            },
            onresize: move |event| {
                let Ok(size) = event.data().get_content_box_size() else { return };
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let fits = size.height.max(0.0) as usize / row_height + 1;
                if *seen.peek() != fits {
                    seen.set(fits);
                }
            },
            onkeydown: move |event| onkeydown.call(event),
            div { class: "virtual-space", role: "none", height: "{total * row_height}px",
                for row in rows {
                    div {
                        key: "{row}",
                        class: "virtual-row",
                        role: "none",
                        height: "{row_height}px",
                        transform: "translateY({row * row_height}px)",
                        {render.call(row)}
                    }
                }
            }
        }
    }
}

/// The rows to draw.
fn window(top: usize, seen: usize, total: usize) -> Range<usize> {
    let end = (top + seen + MARGIN).min(total);
    // A list that became shorter than it was scrolled shows its end.
    let start = top
        .saturating_sub(MARGIN)
        .min(end.saturating_sub(seen.min(end)));
    start..end
}

/// Where a key leads from a row.
pub(crate) fn moved(key: &Key, from: Option<usize>, total: usize) -> Option<usize> {
    let last = total.checked_sub(1)?;
    let to = match (key, from) {
        (Key::ArrowDown, None) | (Key::Home, _) => 0,
        (Key::ArrowUp, None) | (Key::End, _) => last,
        (Key::ArrowDown, Some(row)) => row + 1,
        (Key::ArrowUp, Some(row)) => row.saturating_sub(1),
        (Key::PageDown, row) => row.unwrap_or(0) + 20,
        (Key::PageUp, row) => row.unwrap_or(0).saturating_sub(20),
        (Key::Character(text), _) if text == "j" => from.map_or(0, |row| row + 1),
        (Key::Character(text), _) if text == "k" => from.map_or(last, |row| row.saturating_sub(1)),
        _ => return None,
    };
    Some(to.min(last))
}

fn reveal(id: &str, row: usize, row_height: usize) {
    let Some(list) = dom::by_id(id) else { return };
    let list: &web_sys::Element = list.unchecked_ref();
    let (Ok(from), Ok(height)) = (i32::try_from(row * row_height), i32::try_from(row_height))
    else {
        return;
    };
    let (top, shown) = (list.scroll_top(), list.client_height());
    if from < top {
        list.set_scroll_top(from);
    } else if from + height > top + shown {
        list.set_scroll_top(from + height - shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_seen_is_drawn() {
        assert_eq!(window(0, 20, 10_000), 0..28);
        assert_eq!(window(500, 20, 10_000), 492..528);
        assert_eq!(window(9_990, 20, 10_000), 9_980..10_000);
        assert_eq!(window(500, 20, 30), 10..30);
        assert_eq!(window(0, 20, 0), 0..0);
        assert_eq!(window(3, 20, 5), 0..5);
    }

    #[test]
    fn keys_stay_within_the_list() {
        assert_eq!(moved(&Key::ArrowDown, None, 3), Some(0));
        assert_eq!(moved(&Key::ArrowDown, Some(2), 3), Some(2));
        assert_eq!(moved(&Key::ArrowUp, Some(0), 3), Some(0));
        assert_eq!(moved(&Key::End, Some(0), 3), Some(2));
        assert_eq!(moved(&Key::ArrowDown, None, 0), None);
        assert_eq!(moved(&Key::Enter, Some(1), 3), None);
    }
}
