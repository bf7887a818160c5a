//! The crate graph.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::root;

const SERVICES: [&str; 9] = [
    "auth",
    "tenant",
    "flow",
    "execution",
    "llm-gateway",
    "tool",
    "chat",
    "agent",
    "gateway",
];

/// What each crate of ours may link, beside test dependencies.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let service = vec![
        "agents",
        "bus",
        "contracts",
        "documents",
        "egress",
        "graph",
        "kernel",
        "passages",
        "sandbox",
        "sql",
        "vault",
    ];
    let mut allowed = BTreeMap::from([
        ("contracts", vec![]),
        ("graph", vec!["contracts"]),
        ("agents", vec!["contracts", "graph"]),
        ("bus", vec!["contracts"]),
        ("kernel", vec!["bus", "contracts"]),
        ("sql", vec!["contracts"]),
        ("documents", vec!["contracts"]),
        ("egress", vec![]),
        ("vault", vec!["contracts", "sql"]),
        ("sandbox", vec![]),
        ("passages", vec![]),
        ("xtask", vec![]),
        ("web", vec!["contracts", "graph"]),
        ("checker", vec!["graph"]),
    ]);
    for name in SERVICES {
        allowed.insert(name, service.clone());
    }
    allowed
}

/// Which crates of ours may link a heavy library, beside test dependencies.
const OWNERS: [(&str, &[&str]); 11] = [
    ("async-nats", &["bus"]),
    ("poem", &["gateway", "kernel", "llm-gateway", "troupe"]),
    ("poem-openapi", &["contracts", "gateway"]),
    ("rquickjs", &["sandbox"]),
    ("mongodb", &["documents"]),
    ("reqwest", &["egress"]),
    ("aes-gcm", &["vault"]),
    ("minijinja", &["graph"]),
    ("lopdf", &["passages"]),
    ("html5ever", &["passages"]),
    ("dioxus", &["web"]),
];

/// Crates that exist for tests alone.
const TESTS: [&str; 2] = ["testkit", "e2e"];

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.exec().unwrap()
}

fn linked(package: &Package) -> BTreeSet<&str> {
    let links = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development);
    links.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn crates_link_what_they_may() {
    let metadata = metadata();
    let ours: BTreeSet<_> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let allowed = allowed();
    for package in &metadata.packages {
        let name = package.name.as_str();
        if TESTS.contains(&name) || name == "troupe" {
            continue;
        }
        let may = allowed.get(name).unwrap_or_else(|| {
            panic!("`{name}` has no place in the crate graph: add it here and in ARCHITECTURE.md")
        });
        for link in linked(package).intersection(&ours) {
            assert!(may.contains(link), "`{name}` must not link `{link}`");
        }
    }
}

#[test]
fn heavy_libraries_have_one_owner() {
    for package in &metadata().packages {
        for (library, owners) in OWNERS {
            let name = package.name.as_str();
            let links = linked(package).contains(library);
            assert!(
                !links || owners.contains(&name) || TESTS.contains(&name),
                "`{name}` must not link `{library}`"
            );
        }
    }
}

#[test]
fn versions_and_lints_come_from_the_workspace() {
    for package in &metadata().packages {
        let manifest: String = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{}: no `[lints] workspace = true`",
            package.name
        );
        assert!(
            manifest.contains("edition.workspace = true"),
            "{}: an edition of its own",
            package.name
        );
        let own_version = |line: &&str| {
            line.contains("version = \"")
                || line
                    .split_once(" = \"")
                    .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let found: Vec<_> = manifest.lines().filter(own_version).collect();
        assert!(
            found.is_empty(),
            "{}: versions belong to the root `Cargo.toml`: {found:?}",
            package.name
        );
    }
}
