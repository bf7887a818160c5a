//! Programs that pip can fetch, in virtual environments of our own.
//!
//! **Invariant:** a package is marked as present only after pip has finished, so
//! an interrupted installation is done again.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{interrupts::Interrupts, process, progress::step};

/// What to install, and whether its dependencies are wanted.
pub(crate) struct Package {
    /// What people call it.
    pub(crate) name: &'static str,
    /// pip's words for it: `name==version`, or `-r file`.
    pub(crate) arguments: Vec<String>,
    /// Changes whenever the package must be installed again.
    pub(crate) version: String,
}

/// The virtual environment below `folder`, with `package` in it.
pub(crate) fn install(
    folder: &Path,
    package: &Package,
    interrupts: &Interrupts,
) -> Result<PathBuf> {
    let tools = folder.join("tools");
    let environment = tools.join("venv");
    let marker = tools.join(format!("{}.installed", package.name));
    fs::create_dir_all(&tools).with_context(|| format!("cannot make `{}`", tools.display()))?;
    // Two tasks in one checkout must not fill it at the same time.
    let lock = File::create(tools.join("lock")).context("cannot make the lock of the tools")?;
    lock.lock().context("cannot lock the tools")?;
    if fs::read_to_string(&marker).is_ok_and(|version| version == package.version) {
        return Ok(environment);
    }
    step(&format!("fetch {}", package.name), || {
        let log = tools.join("install.log");
        make_environment(&environment, &log, interrupts)?;
        let mut pip = Command::new(environment.join("bin/python"));
        pip.args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(&package.arguments);
        process::run_quietly(&mut pip, &log, interrupts)
            .with_context(|| format!("pip could not install {}", package.name))?;
        fs::write(&marker, &package.version).context("cannot mark the package as installed")?;
        Ok(environment)
    })
}

fn make_environment(environment: &Path, log: &Path, interrupts: &Interrupts) -> Result<()> {
    if environment.join("bin/pip").exists() {
        return Ok(());
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(environment);
    process::run_quietly(&mut venv, log, interrupts).context(
        "python3 cannot make a virtual environment: install Python 3.10 or newer with its `venv` \
         and `pip` modules (on Debian: `apt install python3-venv`), or install the servers \
         yourself and put them on PATH",
    )
}
