//! Compiling to wasm with what the machine has: a toolchain with the target, or Debian's packages.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use super::target;
use crate::{apt, cargo, interrupts::Interrupts, process};

const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's compiler for web programs, and the standard library's source.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// The oldest compiler that the app's dependencies accept.
const OLDEST: (u32, u32) = (1, 89);
const DEBIAN_STD: &str = "/usr/lib/rustlib/src/rust/library/std";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

enum Toolchain {
    /// Ours has the target.
    Own,
    /// Debian's, which builds the standard library too.
    Debian { linker: PathBuf },
}

/// Compiles the app and the checker, and returns the folder of the wasm files.
pub(super) fn compile(profile: &str, interrupts: &Interrupts) -> Result<PathBuf> {
    let arguments = [
        "build",
        "--locked",
        "--package=web",
        "--package=checker",
        "--target",
        TARGET,
        "--profile",
        profile,
    ];
    let mut command = match find(interrupts)? {
        Toolchain::Own => cargo::cargo(&arguments),
        Toolchain::Debian { linker } => debian(&arguments, &linker),
    };
    command.env("CARGO_TARGET_DIR", target());
    let status = process::run(&mut command, interrupts)?;
    if !status.success() {
        bail!("the web app does not compile");
    }
    Ok(target().join(TARGET).join(profile))
}

fn debian(arguments: &[&str], linker: &Path) -> Command {
    let mut command = cargo::cargo_at(Path::new(DEBIAN_CARGO), arguments);
    command
        .arg("-Zbuild-std=std,panic_abort")
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    for name in [
        "RUSTUP_TOOLCHAIN",
        "RUSTDOC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
    ] {
        command.env_remove(name);
    }
    command
}

fn find(interrupts: &Interrupts) -> Result<Toolchain> {
    let libraries = process::output(Command::new("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        TARGET,
    ]));
    if libraries.is_ok_and(|folder| Path::new(folder.trim()).is_dir()) {
        return Ok(Toolchain::Own);
    }
    if !is_debian_ready() {
        let remedy = format!(
            "the toolchain cannot compile for the browser: run `rustup target add {TARGET}`"
        );
        apt::install(&DEBIAN_PACKAGES, interrupts)
            .map_err(|error| error.context(remedy.clone()))?;
        if !is_debian_ready() {
            let (major, minor) = OLDEST;
            bail!("{remedy}; Debian's `rustc-web` is older than {major}.{minor}");
        }
    }
    let linker = linkers().find(|file| file.is_file());
    let Some(linker) = linker else {
        bail!("there is no linker for wasm: run `rustup target add {TARGET}`, or install `lld`");
    };
    Ok(Toolchain::Debian { linker })
}

/// Whether Debian's compiler is there, new enough, with the standard library's source.
fn is_debian_ready() -> bool {
    let version = process::output(Command::new(DEBIAN_RUSTC).arg("--version"));
    Path::new(DEBIAN_STD).is_dir()
        && version.is_ok_and(|text| version_of(&text).is_some_and(|version| version >= OLDEST))
}

/// Of `rustc 1.96.0 (…)`.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The toolchain's own linker, else one of LLVM's.
fn linkers() -> impl Iterator<Item = PathBuf> {
    let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]));
    let host = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let own = sysroot.map(|folder| {
        Path::new(folder.trim())
            .join("lib/rustlib")
            .join(host)
            .join("bin/rust-lld")
    });
    own.into_iter().chain(process::on_path("wasm-ld"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_says_how_old_it_is() {
        assert_eq!(
            version_of("rustc 1.96.0 (Debian 1.96.0+dfsg1)"),
            Some((1, 96))
        );
        assert!(version_of("rustc 1.85.0") < Some(OLDEST));
        assert_eq!(version_of("no compiler"), None);
    }
}
