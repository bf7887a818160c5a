//! The web app's bundle: compiled to wasm, bound to JavaScript, hashed, compressed.
//!
//! **Invariant:** the folder that [`build`] returns is whole: it takes the place of
//! the one before in a single step.

mod bundle;
mod compress;
mod node;
pub(crate) mod sources;
mod split;
mod toolchain;

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};

use crate::{apt, cargo, interrupts::Interrupts, progress::step};

/// What the app may weigh on its first visit, brotli, in bytes.
const BUDGET_BYTES: u64 = 600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Quickly built, large; an open page follows each build.
    Dev,
    /// Small, with compressed copies.
    Release,
}

impl Mode {
    fn profile(self) -> &'static str {
        match self {
            Self::Dev => "web-dev",
            Self::Release => "web-release",
        }
    }
}

/// Of what the bundle is made, beside the compiled programs.
const SOURCES: [&str; 4] = ["web/index.html", "web/js", "web/static", "web/style"];

/// Builds the app, unless that was done, and returns the folder to serve.
pub(crate) fn build(mode: Mode, interrupts: &Interrupts) -> Result<PathBuf> {
    let tools = node::install(interrupts)?;
    let compiled = step("compile the web app", || {
        toolchain::compile(mode.profile(), interrupts)
    })?;
    let folder = folder(mode);
    if is_fresh(&folder, &compiled)? {
        return Ok(folder);
    }
    let bundle = step("bundle the web app", || {
        bundle::make(mode, &compiled, &tools, interrupts)
    })?;
    if mode == Mode::Release {
        step("compress the web app", || {
            compress::folder(&bundle.folder)?;
            compress::report(&bundle, BUDGET_BYTES)
        })?;
    }
    bundle.publish(&folder)?;
    Ok(folder)
}

/// Puts the style as it is now into the folder that is served while the app is worked on.
pub(crate) fn restyle(interrupts: &Interrupts) -> Result<()> {
    let tools = node::install(interrupts)?;
    step("bundle the style", || {
        bundle::restyle(&folder(Mode::Dev), &tools, interrupts)
    })
}

fn folder(mode: Mode) -> PathBuf {
    target().join(match mode {
        Mode::Dev => "dist-dev",
        Mode::Release => "dist",
    })
}

/// Whether the folder was made after all that it is made of, this program included.
fn is_fresh(folder: &Path, compiled: &Path) -> Result<bool> {
    let Ok(made) = fs::metadata(folder.join("index.html")) else {
        return Ok(false);
    };
    // A build of the whole workspace may have put another program in the place of this one, which still runs.
    let Ok(program) = env::current_exe().and_then(fs::metadata) else {
        return Ok(false);
    };
    let mut newest = program.modified()?;
    for program in ["web.wasm", "checker.wasm"] {
        newest = newest.max(fs::metadata(compiled.join(program))?.modified()?);
    }
    let sources = sources::written(&SOURCES)?;
    let newest = sources.into_values().fold(newest, SystemTime::max);
    Ok(newest < made.modified()?)
}

/// Sees to it that tests can look at the app: a browser, and the library that drives it.
pub(crate) fn browser(interrupts: &Interrupts) -> Result<()> {
    let named = std::env::var_os("CHROMIUM").is_some();
    if !named && !Path::new("/usr/bin/chromium").is_file() {
        apt::install(&["chromium"], interrupts)
            .context("tests need Chromium: let `CHROMIUM` name its program")?;
    }
    node::ci(&cargo::root().join("e2e/browser"), interrupts)
}

/// Where all that is built for the browser lies. A toolchain of its own may be at
/// work there, which must not share its artefacts with ours.
fn target() -> PathBuf {
    cargo::root().join("target/web")
}
