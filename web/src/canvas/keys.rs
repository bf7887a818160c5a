//! The keyboard model of the canvas: which key does what, and the sheet that tells it.
//!
//! **Invariant:** whatever can be done with a pointer can be done with a key.

use crate::canvas::geometry::Direction;

/// A key as it was pressed on the canvas; `command` is Ctrl, or Cmd where there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Press<'a> {
    pub(crate) key: &'a str,
    pub(crate) command: bool,
    pub(crate) shift: bool,
    pub(crate) alt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// To the next node that way; with `Shift` left or right, all before or behind are selected.
    Walk(Direction),
    SelectAlong(Direction),
    Nudge(Direction),
    Resize(Direction),
    Connect,
    /// Ends a connection, else goes to the properties, or into the note or group.
    Enter,
    Delete,
    Undo,
    Redo,
    SelectAll,
    Duplicate,
    Rename,
    AddNode,
    AddNote,
    Group,
    Ungroup,
    Collapse,
    Expand,
    /// From a node to the group that it is in.
    SelectGroup,
    Fit,
    ZoomReset,
    ZoomIn,
    ZoomOut,
    Arrange,
    Run,
    Save,
    Outline,
    Escape,
}

/// What the key does, if anything. Copy and paste come as events of their own, which may use the clipboard.
pub(crate) fn act(press: Press<'_>) -> Option<Act> {
    let key = press.key.to_ascii_lowercase();
    let act = match (key.as_str(), press.command, press.shift, press.alt) {
        ("z", true, false, false) => Act::Undo,
        ("z", true, true, false) | ("y", true, _, false) => Act::Redo,
        ("a", true, ..) => Act::SelectAll,
        ("d", true, ..) => Act::Duplicate,
        ("g", true, shift, false) => match shift {
            true => Act::Ungroup,
            false => Act::Group,
        },
        ("enter", true, ..) => Act::Run,
        ("s", true, ..) => Act::Save,
        (_, true, ..) => return None,
        ("arrowleft" | "arrowright" | "arrowup" | "arrowdown", ..) => {
            return arrow(&key, press);
        }
        ("l", _, true, _) => Act::Arrange,
        ("s", _, true, false) => Act::AddNote,
        ("g", _, false, true) => Act::Collapse,
        ("g", _, true, true) => Act::Expand,
        ("g", _, false, false) => Act::SelectGroup,
        ("c", _, false, false) => Act::Connect,
        ("n", _, false, false) => Act::AddNode,
        ("enter", ..) => Act::Enter,
        ("delete" | "backspace", ..) => Act::Delete,
        ("f2", ..) => Act::Rename,
        ("1", ..) => Act::Fit,
        ("0", ..) => Act::ZoomReset,
        ("+" | "=", ..) => Act::ZoomIn,
        ("-" | "_", ..) => Act::ZoomOut,
        (".", ..) => Act::Outline,
        ("escape", ..) => Act::Escape,
        _ => return None,
    };
    Some(act)
}

fn arrow(key: &str, press: Press<'_>) -> Option<Act> {
    let way = match key {
        "arrowleft" => Direction::Left,
        "arrowright" => Direction::Right,
        "arrowup" => Direction::Up,
        _ => Direction::Down,
    };
    match (press.alt, press.shift, way) {
        (true, false, _) => Some(Act::Nudge(way)),
        (true, true, _) => Some(Act::Resize(way)),
        (_, true, Direction::Left | Direction::Right) => Some(Act::SelectAlong(way)),
        (_, true, _) => None,
        _ => Some(Act::Walk(way)),
    }
}

/// What the sheet of shortcuts says about the canvas.
pub(crate) const SHEET: [(&str, &str); 30] = [
    ("Arrows", "Go to the next node that way"),
    ("Shift ← →", "Select all before or behind"),
    ("Alt arrows", "Move the selection"),
    ("Shift Alt arrows", "Resize a note"),
    ("N", "Add a node"),
    ("C, arrows, Enter", "Connect to another node"),
    ("Shift S", "Add a note"),
    ("Ctrl G", "Group the selection"),
    ("Ctrl Shift G", "Ungroup"),
    ("Alt G", "Collapse the group"),
    ("Shift Alt G", "Expand the group"),
    ("G", "Go to the group of the node"),
    ("Enter", "Open the properties"),
    ("Enter, Escape", "Begin and end a note’s text"),
    ("F2", "Rename"),
    ("Delete", "Delete the selection"),
    ("Ctrl Z", "Undo"),
    ("Ctrl Shift Z", "Redo"),
    ("Ctrl C", "Copy as JSON"),
    ("Ctrl X", "Cut"),
    ("Ctrl V", "Paste"),
    ("Ctrl D", "Duplicate"),
    ("Ctrl A", "Select all"),
    ("Shift L", "Arrange automatically"),
    ("1", "Fit the flow"),
    ("0", "Actual size"),
    ("+ −", "Zoom"),
    (".", "Outline"),
    ("Ctrl S", "Save now"),
    ("Ctrl Enter", "Run"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn press(text: &str) -> Option<Act> {
        let mut press = Press::default();
        for part in text.split(' ') {
            match part {
                "Ctrl" => press.command = true,
                "Shift" => press.shift = true,
                "Alt" => press.alt = true,
                key => press.key = key,
            }
        }
        act(press)
    }

    #[test]
    fn keys_do_what_the_sheet_says() {
        assert_eq!(press("ArrowLeft"), Some(Act::Walk(Direction::Left)));
        assert_eq!(press("Alt ArrowUp"), Some(Act::Nudge(Direction::Up)));
        assert_eq!(
            press("Shift ArrowRight"),
            Some(Act::SelectAlong(Direction::Right))
        );
        assert_eq!(press("Ctrl Z"), Some(Act::Undo));
        assert_eq!(press("Ctrl Shift Z"), Some(Act::Redo));
        assert_eq!(press("Ctrl Enter"), Some(Act::Run));
        assert_eq!(press("c"), Some(Act::Connect));
        assert_eq!(press("Shift L"), Some(Act::Arrange));
        assert_eq!(press("Shift S"), Some(Act::AddNote));
        assert_eq!(press("Ctrl s"), Some(Act::Save));
        assert_eq!(press("Ctrl g"), Some(Act::Group));
        assert_eq!(press("Ctrl Shift G"), Some(Act::Ungroup));
        assert_eq!(press("Alt g"), Some(Act::Collapse));
        assert_eq!(press("Shift Alt G"), Some(Act::Expand));
        assert_eq!(press("g"), Some(Act::SelectGroup));
        assert_eq!(
            press("Shift Alt ArrowRight"),
            Some(Act::Resize(Direction::Right))
        );
    }

    #[test]
    fn keys_of_the_browser_stay_its_own() {
        for text in ["Ctrl k", "Ctrl r", "Ctrl t", "Tab", "Ctrl c", "Ctrl v"] {
            assert_eq!(press(text), None, "{text}");
        }
    }
}
