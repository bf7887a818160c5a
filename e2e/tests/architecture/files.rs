//! How files look.

use std::path::Path;

use crate::{root, shown, sources};

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

/// The lines of a file without its test module at the end.
fn lines(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .count()
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = sources("rs")
        .into_iter()
        .filter(|path| lines(path) > 600)
        .map(|path| shown(&path))
        .collect();
    assert!(long.is_empty(), "more than 600 lines: {long:?}");
}

#[test]
fn a_service_begins_with_a_table_of_contents() {
    let long: Vec<_> = sources("rs")
        .into_iter()
        .filter(|path| {
            path.ends_with("src/lib.rs")
                && path.starts_with(root().join("services"))
                && lines(path) > 60
        })
        .map(|path| shown(&path))
        .collect();
    assert!(
        long.is_empty(),
        "`lib.rs` of a service has at most 60 lines: {long:?}"
    );
}

#[test]
fn modules_are_not_called_mod() {
    let found: Vec<_> = sources("rs")
        .into_iter()
        .filter(|path| path.ends_with("mod.rs"))
        .map(|path| shown(&path))
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = sources("rs")
        .into_iter()
        .filter(|path| !is_test(path) && !std::fs::read_to_string(path).unwrap().starts_with("//!"))
        .map(|path| shown(&path))
        .collect();
    assert!(silent.is_empty(), "no `//!` at the beginning: {silent:?}");
}

#[test]
fn subjects_are_spelled_in_one_file() {
    let spelled = [
        "\"req.", "\"evt.", "\"own.", "\"work.", "\"live.", "\"tok.", "\"ctl.", "\"pl.", "\"pay.",
    ];
    let mut found = Vec::new();
    for path in sources("rs") {
        let name = shown(&path);
        if is_test(&path)
            || name.contains("/examples/")
            || name.starts_with("libs/contracts/")
            || name.starts_with("libs/bus/src/topology")
            // The description of the public subjects spells them, for people.
            || name.starts_with("services/gateway/src/asyncapi")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        found.extend(
            spelled
                .iter()
                .filter(|prefix| code.contains(**prefix))
                .map(|prefix| format!("{name}: {prefix}…")),
        );
    }
    assert!(
        found.is_empty(),
        "subjects are built in `libs/contracts/src/subject.rs`: {found:#?}"
    );
}

#[test]
fn no_test_is_switched_off() {
    let switch = concat!("#[", "ignore");
    let found: Vec<_> = sources("rs")
        .into_iter()
        .filter(|path| {
            std::fs::read_to_string(path)
                .unwrap()
                .lines()
                .any(|line| line.trim_start().starts_with(switch))
        })
        .map(|path| shown(&path))
        .collect();
    assert!(found.is_empty(), "{found:?}");
}
