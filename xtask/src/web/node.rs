//! The tools of the bundle that npm fetches.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{cargo, interrupts::Interrupts, process, progress::step};

/// Installs what `web/js/package-lock.json` names, once for each of its contents, and
/// returns the folder of the programs.
pub(super) fn install(interrupts: &Interrupts) -> Result<PathBuf> {
    let folder = cargo::root().join("web/js");
    ci(&folder, interrupts)?;
    Ok(folder.join("node_modules/.bin"))
}

/// `npm ci` in `folder`, unless what its lock file names is there.
pub(crate) fn ci(folder: &std::path::Path, interrupts: &Interrupts) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
    let marker = folder.join("node_modules/.installed");
    if fs::read(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let name = folder.strip_prefix(cargo::root()).unwrap_or(folder);
    step(&format!("npm ci in {}", name.display()), || {
        let log = super::target().join("npm.log");
        fs::create_dir_all(super::target())?;
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund"])
            .current_dir(folder);
        process::run_quietly(&mut npm, &log, interrupts).context(
            "npm could not install the tools of the web app: it needs Node.js 20 or newer",
        )?;
        fs::write(&marker, &wanted).context("cannot mark the tools as installed")
    })
}
