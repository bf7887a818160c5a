//! Where the workspace is, and running cargo in it.
//!
//! **Invariant:** every build is of the whole workspace: with one package
//! selected cargo chooses other features and builds the dependencies again.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{interrupts::Interrupts, process};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .expect("xtask lies in the workspace")
        .to_path_buf()
}

/// Where everything lies that this checkout makes for itself.
pub(crate) fn troupe_folder() -> PathBuf {
    root().join(".troupe")
}

/// `cargo` in the workspace's root, without what the cargo that started us has
/// told us about our own package: build scripts that watch such a variable would
/// run again, and all that depends on them be compiled again.
pub(crate) fn cargo<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    cargo_at(Path::new(&program), arguments)
}

/// The same with a certain `cargo`.
pub(crate) fn cargo_at<A: AsRef<std::ffi::OsStr>>(program: &Path, arguments: &[A]) -> Command {
    let mut command = process::command(program, arguments);
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs cargo with its output on this terminal, and fails when it does.
pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(
    arguments: &[A],
    interrupts: &Interrupts,
) -> Result<()> {
    let status = process::run(&mut cargo(arguments), interrupts)?;
    if !status.success() {
        let words: Vec<_> = arguments
            .iter()
            .map(|word| word.as_ref().to_string_lossy())
            .collect();
        bail!("`cargo {}` failed", words.join(" "));
    }
    Ok(())
}

/// Builds the binaries of the workspace and returns the folder they are in.
pub(crate) fn build(profile: Profile, interrupts: &Interrupts) -> Result<PathBuf> {
    build_with(profile, &[], interrupts)
}

/// The same with features that are off else.
pub(crate) fn build_with(
    profile: Profile,
    features: &[&str],
    interrupts: &Interrupts,
) -> Result<PathBuf> {
    let mut arguments = vec!["build", "--workspace"];
    for feature in features {
        arguments.extend(["--features", feature]);
    }
    if profile == Profile::Release {
        arguments.push("--release");
    }
    run(&arguments, interrupts)?;
    Ok(target_folder()?.join(profile.folder()))
}

fn target_folder() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    let text = process::output(&mut cargo(&["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("`cargo metadata` is not what was expected")?;
    Ok(metadata.target_directory)
}
