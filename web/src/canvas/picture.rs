//! A flow that is only looked at: the canvas without a way to change what is on it.

use std::rc::Rc;

use contracts::flow::{Definition, NodeType};
use dioxus::prelude::*;

use crate::canvas::{Stage, Toolbar, board::Board};

/// The board of the picture that the calling component shows.
pub(crate) fn use_picture(
    definition: impl FnOnce() -> Definition,
    types: Rc<Vec<NodeType>>,
) -> Board {
    use_context_provider(|| {
        let mut board = Board::new(definition(), types);
        board.locked.set(true);
        board
    })
}

#[component]
pub(crate) fn Picture() -> Element {
    rsx! {
        div { class: "canvas",
            Stage { onact: |_| {} }
            Toolbar {}
        }
    }
}
