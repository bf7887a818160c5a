//! Line icons on a grid of 24, drawn in the colour of the text.

use dioxus::prelude::*;

#[component]
pub(crate) fn Icon(glyph: Glyph, #[props(default = 16)] size: u32) -> Element {
    rsx! {
        svg {
            class: "icon",
            width: "{size}",
            height: "{size}",
            view_box: "0 0 24 24",
            "aria-hidden": "true",
            path { d: glyph.path() }
        }
    }
}

macro_rules! glyphs {
    ($($name:ident = $path:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Glyph { $($name),* }

        impl Glyph {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            pub(crate) const fn path(self) -> &'static str {
                match self { $(Self::$name => $path),* }
            }
        }
    };
}

glyphs! {
    Dashboard = "M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z";
    Flow = "M4 4h6v6H4zM14 14h6v6h-6zM7 10v4a3 3 0 0 0 3 3h4";
    Execution = "M12 3a9 9 0 1 0 9 9M12 7v5l3.5 2M16 3.9a9 9 0 0 1 4 3.6";
    Agent = "M5 9h14v10H5zM12 9V5M12 5h.01M9 13v2M15 13v2M2 13v3M22 13v3";
    Crew = "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.5 3-6 6.5-6s6.5 2.500 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.500c2.200.8 3.500 2.900 3.500 5.500";
    Tool = "M14.500 6.500a4.500 4.500 0 0 1 5.700-1.700l-3 3 .4 1.800 1.800.4 3-3a4.500 4.500 0 0 1-6.200 5.600L8.500 20.300a2.300 2.300 0 0 1-3.300-3.300l7.700-7.700c-.3-1 .6-1.900 1.600-2.800z";
    Knowledge = "M4 5.500A2.500 2.500 0 0 1 6.500 3H20v18H6.500A2.500 2.500 0 0 1 4 18.500zM4 18.500A2.500 2.500 0 0 1 6.500 16H20M8.500 7.500h7";
    Chat = "M4 5h16v11H10l-5 4v-4H4zM8 9h8M8 12h5";
    Provider = "M6 18a4 4 0 0 1-.5-8A6.500 6.500 0 0 1 18 8.500a4.800 4.800 0 0 1 0 9.500zM9 14l2 2 4-4";
    Settings = "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.800v4.400M9 14.800v4.400";
    Search = "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.300 15.300L20.500 20.500";
    Plus = "M12 5v14M5 12h14";
    Minus = "M5 12h14";
    Close = "M6 6l12 12M18 6L6 18";
    Check = "M4.500 12.500l5 5L19.500 7";
    More = "M6 12h.01M12 12h.01M18 12h.01";
    Trash = "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5";
    Pencil = "M4 20l1-4.500L16.500 4l3.500 3.500L8.500 19zM14 6.500l3.500 3.500";
    Copy = "M9 9h11v11H9zM15 9V4H4v11h5";
    Download = "M12 4v11M7 10.500l5 5 5-5M4 20h16";
    Upload = "M12 16V5M7 9.500l5-5 5 5M4 20h16";
    Play = "M7 4.500v15l12-7.500z";
    Stop = "M6 6h12v12H6z";
    Pause = "M8 5v14M16 5v14";
    Refresh = "M20 12a8 8 0 1 1-2.500-5.800L20 8.500M20 4v4.500h-4.500";
    Undo = "M4 9h10a5.500 5.500 0 0 1 0 11h-4M4 9l4.500-4.500M4 9l4.500 4.500";
    Redo = "M20 9H10a5.500 5.500 0 0 0 0 11h4M20 9l-4.500-4.500M20 9l-4.500 4.500";
    Left = "M15 5l-7 7 7 7";
    Right = "M9 5l7 7-7 7";
    Up = "M5 15l7-7 7 7";
    Down = "M5 9l7 7 7-7";
    External = "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6";
    Link = "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700L12 17";
    Info = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.500M12 7.500h.01";
    Warning = "M12 4L2.500 20h19zM12 10v4.500M12 17.500h.01";
    Error = "M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5M12 16h.01";
    Success = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 12.500l3 3 5.500-6";
    Clock = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.500l3.500 2";
    Waiting = "M7 3h10M7 21h10M8 3v3c0 3 8 9 8 12v3M16 3v3c0 3-8 9-8 12v3";
    Skip = "M5 5v14l9-7zM18 5v14";
    Cancel = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM6 6l12 12";
    Sun = "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300L19 19M5 19l1.700-1.700M17.300 6.700L19 5";
    Moon = "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z";
    System = "M3 4.500h18v12H3zM8 20.500h8M12 16.500v4";
    User = "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 3.500-7 8-7s8 3 8 7";
    SignOut = "M10 4H4v16h6M15 8l4 4-4 4M19 12H9";
    Key = "M8 19a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM11.200 11.300L20 3M16 6.500l3 3";
    Keyboard = "M2.500 6h19v12h-19zM6 10h.01M10 10h.01M14 10h.01M18 10h.01M7.500 14h9";
    List = "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01";
    Filter = "M4 5h16l-6.500 8v6l-3-1.500V13z";
    Eye = "M2 12c3-5 6.500-7 10-7s7 2 10 7c-3 5-6.500 7-10 7s-7-2-10-7zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z";
    Note = "M5 4h14v11l-5 5H5zM14 20v-5h5";
    Group = "M4 4h5M15 4h5v5M20 15v5h-5M9 20H4v-5M4 9V4M9 9h6v6H9z";
    Fit = "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5";
    Layout = "M3.500 9.500h5v5h-5zM15.500 4h5v5h-5zM15.500 15h5v5h-5zM8.500 12h3.500M12 6.500v11M12 6.500h3.500M12 17.500h3.500";
    History = "M4 12a8 8 0 1 1 2.500 5.800M4 12l-2-2.500M4 12l2.500-2M12 8v4.500l3 2";
    Code = "M8 7l-5 5 5 5M16 7l5 5-5 5";
    Document = "M6 3h8l5 5v13H6zM14 3v5h5M9 13h7M9 17h7";
    Clip = "M20 11.500l-8 8a5 5 0 0 1-7-7l8.500-8.500a3.500 3.500 0 0 1 5 5L10 17.500a1.800 1.800 0 0 1-2.500-2.500L15 7.500";
    Send = "M4 12l16-8-5 16-3.500-6.500z";
    Branch = "M6 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM6 21a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM18 10a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM6 8v8M18 10c0 4-6 3-11 6.500";
    Grip = "M9 5h.01M15 5h.01M9 12h.01M15 12h.01M9 19h.01M15 19h.01";
    Menu = "M4 7h16M4 12h16M4 17h16";
    Globe = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c3 3 3.500 6 3.500 9s-.5 6-3.500 9c-3-3-3.500-6-3.500-9S9 6 12 3z";
    Container = "M12 3l8.500 4.500v9L12 21l-8.500-4.500v-9zM3.500 7.500L12 12l8.500-4.500M12 12v9";
}
