//! Programs that pip can fetch, in virtual environments of our own.
//!
//! **Invariant:** a package is marked as present only after pip has finished, and for the place where it is: an interrupted
//! installation is done again, and so is one that was moved, for its programs name the folder they were made in.

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
    let wanted = mark(package, &environment);
    if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
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
        fs::write(&marker, &wanted).context("cannot mark the package as installed")?;
        Ok(environment)
    })
}

fn mark(package: &Package, environment: &Path) -> String {
    format!("{}\nin {}\n", package.version, environment.display())
}

/// Whether the environment was made where it is now.
fn is_at_home(environment: &Path) -> bool {
    let place = environment.display().to_string();
    fs::read_to_string(environment.join("bin/pip")).is_ok_and(|program| program.contains(&place))
}

fn make_environment(environment: &Path, log: &Path, interrupts: &Interrupts) -> Result<()> {
    if is_at_home(environment) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_that_was_moved_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        assert!(!is_at_home(&old));
        fs::create_dir_all(old.join("bin")).unwrap();
        let program = format!("#!{}/bin/python\n", old.display());
        fs::write(old.join("bin/pip"), program).unwrap();
        assert!(is_at_home(&old));
        fs::rename(&old, &new).unwrap();
        assert!(!is_at_home(&new));
        let package = Package {
            name: "server",
            arguments: Vec::new(),
            version: "server==1".to_owned(),
        };
        assert_ne!(mark(&package, &old), mark(&package, &new));
    }
}
