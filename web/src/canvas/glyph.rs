//! The sign of a node type: a small drawing beside its name, never colour alone.

use dioxus::prelude::*;

#[component]
pub(crate) fn KindGlyph(kind: String) -> Element {
    let path = match kind.as_str() {
        "trigger" => "M5 3v10l8-5z",
        "chat_trigger" => "M3 4h10v7H8l-3 2.5V11H3z",
        "agent" => "M8 2.5v2M4 4.5h8v7H4zM6.5 7.5v1M9.5 7.5v1M2.5 7v2.5M13.5 7v2.5",
        "crew" => {
            "M5.5 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM2 13c0-2.5 1.5-4 3.500-4S9 10.500 9 13M10.500 7.500a1.700 1.700 0 1 0 0-3.400M11 9.500c1.800 0 3 1.300 3 3.500"
        }
        "llm" => {
            "M8 2.500l1.400 4.100L13.500 8l-4.100 1.400L8 13.500l-1.400-4.100L2.500 8l4.100-1.400z"
        }
        "tool" => {
            "M10 2.800a3.200 3.200 0 0 0-3.600 4.400L2.800 10.800l2.400 2.400 3.600-3.600A3.200 3.200 0 0 0 13.200 6L11 8.200 7.800 5z"
        }
        "knowledge" => {
            "M3 3.500h4a1 1 0 0 1 1 1v8a1 1 0 0 0-1-1H3zM13 3.500H9a1 1 0 0 0-1 1v8a1 1 0 0 1 1-1h4z"
        }
        "http" => {
            "M8 2.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11zM2.500 8h11M8 2.500c-3 3-3 8 0 11 3-3 3-8 0-11"
        }
        "code" => "M5.500 4.500L2 8l3.500 3.500M10.500 4.500L14 8l-3.500 3.500",
        "custom" => "M6 3v3H3v4h3v3h4v-3h3V6h-3V3z",
        "condition" => "M8 2.500L13.500 8 8 13.500 2.500 8z",
        "transform" => "M3 5h8M9 3l2 2-2 2M13 11H5M7 9l-2 2 2 2",
        "approval" => {
            "M8 2.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM3 13.500c0-2.800 2-4.500 5-4.500M9.500 12l1.700 1.700 3.300-3.700"
        }
        "wait" => "M8 2.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11zM8 5v3l2 1.500",
        "event" => "M3 8a5 5 0 0 1 10 0M5 9a3 3 0 0 1 6 0M8 9v4",
        "map" => "M3 4h6M3 8h6M3 12h6M11 6l2 2-2 2",
        "loop" => "M12.500 6A5 5 0 1 0 13 9M13 3v3h-3",
        "flow" => "M3 3h5v4H3zM8 9h5v4H8zM5.500 7v4H8",
        "join" => "M3 3.500l5 4.500M3 12.500L8 8M8 8h5M11 6l2 2-2 2",
        "error_handler" => "M8 2.500l6 11H2zM8 6.500v3.500M8 11.500v.5",
        "output" => "M3 8h7M7 5l3 3-3 3M13 3v10",
        _ => "M3 3h10v10H3z",
    };
    rsx! {
        svg { class: "glyph", view_box: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true",
            path { d: path }
        }
    }
}
