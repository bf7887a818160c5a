//! The web app's bundle: compiled to wasm, bound to JavaScript, hashed, compressed.
//!
//! **Invariant:** the folder that [`build`] returns is whole: it takes the place of
//! the one before in a single step.

mod bundle;
mod compress;
mod node;
mod toolchain;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{apt, cargo, interrupts::Interrupts, progress::step};

/// What the app may weigh on its first visit, brotli, in bytes.
const BUDGET_BYTES: u64 = 600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Quickly built, large, under names that stay.
    Dev,
    /// Small, under names by content, with compressed copies.
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

/// Builds the app and returns the folder to serve.
pub(crate) fn build(mode: Mode, interrupts: &Interrupts) -> Result<PathBuf> {
    let tools = node::install(interrupts)?;
    let compiled = step("compile the web app", || {
        toolchain::compile(mode.profile(), interrupts)
    })?;
    let bundle = step("bundle the web app", || {
        bundle::make(mode, &compiled, &tools, interrupts)
    })?;
    if mode == Mode::Release {
        step("compress the web app", || {
            compress::folder(&bundle.folder)?;
            compress::report(&bundle, BUDGET_BYTES)
        })?;
    }
    bundle.publish()
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
