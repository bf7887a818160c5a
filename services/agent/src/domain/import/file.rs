//! One YAML file: entries by key, each with fields.
//!
//! **Invariant:** reading a file costs no more than its bounds say: an alias counts as what it stands for.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::next_placeholder;
use crate::{domain::problems::Problems, error::Error};

/// Bytes of a file.
const MAX_BYTES: usize = 256 * 1024;
/// Mappings, lists and values of a file, those that aliases repeat included.
const MAX_NODES: usize = 20_000;
const MAX_DEPTH: usize = 16;
const MAX_ALIASES: usize = 1000;

pub(super) struct File {
    name: &'static str,
    /// JSON pointer of the file in the request.
    pointer: &'static str,
    entries: Vec<Entry>,
    problems: Problems,
    ignored: Vec<String>,
}

/// A key with what stands below it and was not taken over yet.
pub(super) struct Entry {
    pub(super) key: String,
    fields: Map<String, Value>,
}

impl Entry {
    pub(super) fn has(&self, field: &str) -> bool {
        self.get(field).is_some_and(|value| !value.is_null())
    }

    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    pub(super) fn remove(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field)
    }
}

impl File {
    /// # Errors
    /// [`Error::InvalidInput`] when the text is too large, or no YAML of keys with fields.
    pub(super) fn parse(
        name: &'static str,
        pointer: &'static str,
        text: &str,
    ) -> Result<Self, Error> {
        let mut file = Self {
            name,
            pointer,
            entries: Vec::new(),
            problems: Problems::under(""),
            ignored: Vec::new(),
        };
        if text.len() > MAX_BYTES {
            file.refuse_at("", "", "has more than 256 KiB");
        } else {
            let options = serde_saphyr::options! {
                budget: serde_saphyr::budget! {
                    max_nodes: MAX_NODES,
                    max_depth: MAX_DEPTH,
                    max_aliases: MAX_ALIASES,
                    max_anchors: MAX_ALIASES,
                    max_documents: 1,
                },
                alias_limits: serde_saphyr::alias_limits! {
                    max_total_replayed_events: MAX_NODES,
                },
                // What is wrong is told without the text around it.
                with_snippet: false,
            };
            match serde_saphyr::from_str_with_options::<Entries>(text, options) {
                Ok(entries) => file.entries = entries.0,
                Err(error) => {
                    let reason: String = error.to_string().chars().take(300).collect();
                    file.refuse_at("", "", &reason);
                }
            }
        }
        file.or_fail()?;
        Ok(file)
    }

    /// The entries in their order.
    pub(super) fn take(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// A text that must be there; empty when it is not.
    pub(super) fn text(&mut self, entry: &mut Entry, field: &str) -> String {
        match entry.remove(field) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(_) => {
                self.refuse(entry, field, "must be a text");
                String::new()
            }
            None => {
                self.refuse(entry, field, "is missing");
                String::new()
            }
        }
    }

    /// A list of texts; empty when it is not there.
    pub(super) fn texts(&mut self, entry: &mut Entry, field: &str) -> Vec<String> {
        let Some(value) = entry.remove(field).filter(|value| !value.is_null()) else {
            return Vec::new();
        };
        serde_json::from_value(value).unwrap_or_else(|_| {
            self.refuse(entry, field, "must be a list of texts");
            Vec::new()
        })
    }

    pub(super) fn refuse(&mut self, entry: &Entry, field: &str, message: &str) {
        self.refuse_at(&entry.key, field, message);
    }

    /// Key and field may be empty, where a problem is that of the file or of the whole entry.
    pub(super) fn refuse_at(&mut self, key: &str, field: &str, message: &str) {
        let place = place(self.name, key, field);
        self.problems
            .refuse(self.pointer, format!("{place}: {message}"));
    }

    /// Only descriptions of tasks are filled in with the input.
    pub(super) fn ignore_placeholders(&mut self, entry: &Entry, field: &str, text: &str) {
        let mut names = BTreeSet::new();
        let mut rest = text;
        while let Some((start, name)) = next_placeholder(rest) {
            names.insert(name);
            rest = &rest[start + name.len() + 2..];
        }
        let place = place(self.name, &entry.key, field);
        let ignored = names.iter().map(|name| format!("{place}: {{{name}}}"));
        self.ignored.extend(ignored);
    }

    /// What was not taken over has no counterpart.
    pub(super) fn ignore_rest(&mut self, entry: &Entry) {
        let fields = entry.fields.keys();
        let places = fields.map(|field| place(self.name, &entry.key, field));
        self.ignored.extend(places);
    }

    /// # Errors
    /// [`Error::InvalidInput`] when something was refused so far.
    pub(super) fn or_fail(&mut self) -> Result<(), Error> {
        std::mem::replace(&mut self.problems, Problems::under("")).outcome()
    }

    pub(super) fn into_ignored(self) -> Vec<String> {
        self.ignored
    }
}

/// For example `agents.yaml: writer.role`.
fn place(file: &str, key: &str, field: &str) -> String {
    let short = |text: &str| text.chars().take(64).collect::<String>();
    match (key, field) {
        ("", _) => file.to_owned(),
        (key, "") => format!("{file}: {}", short(key)),
        (key, field) => format!("{file}: {}.{}", short(key), short(field)),
    }
}

/// The file in its order, which is the order of the tasks.
struct Entries(Vec<Entry>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys with fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, fields)) = map.next_entry::<String, Map<String, Value>>()? {
            entries.push(Entry { key, fields });
        }
        Ok(Entries(entries))
    }
}
