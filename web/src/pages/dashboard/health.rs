//! Whether what the platform stands on is well.

use std::collections::BTreeMap;

use dioxus::prelude::*;
use serde::Deserialize;

use crate::{
    api::{
        Call,
        query::{self, use_query},
    },
    listen::use_interval,
    ui::{Tone, badge::Badge, icon::Glyph},
};

const READY: &str = "/readyz";

/// What `GET /readyz` says, whether it is a 200 or a 503.
#[derive(Deserialize, PartialEq)]
struct Readiness {
    dependencies: BTreeMap<String, String>,
}

#[component]
pub(super) fn Health() -> Element {
    let readiness = use_query(READY.into(), || {
        Call::new("GET", READY).send_whatever_status::<Readiness>()
    });
    use_interval(15_000, || query::invalidate(READY));
    let readiness = readiness.data();
    rsx! {
        if let Some(readiness) = readiness {
            section { class: "stack-s",
                h2 { "Services" }
                ul { class: "services",
                    for (name , state) in readiness.dependencies.iter() {
                        li { key: "{name}",
                            strong { {title(name)} }
                            if state == "ok" {
                                Badge { tone: Tone::Ok, glyph: Glyph::Success, "Available" }
                            } else {
                                Badge { tone: Tone::Err, glyph: Glyph::Error, "{state}" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn title(name: &str) -> &str {
    match name {
        "mongo" => "MongoDB",
        "nats" => "NATS",
        "postgres" => "PostgreSQL",
        other => other,
    }
}
