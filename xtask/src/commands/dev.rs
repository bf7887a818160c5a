//! `cargo xtask dev`: the whole platform, and the web app as it is being written.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;

use crate::{
    cargo,
    commands::up,
    interrupts::Interrupts,
    supervisor::Supervisor,
    web::{
        self, Mode,
        sources::{self, Snapshot},
    },
};

const POLL: Duration = Duration::from_millis(300);
/// Where the app's own sources are, and those it shares with the platform.
const SOURCES: [&str; 3] = ["web", "libs/contracts/src", "libs/graph/src"];
const STYLES: &str = "web/style";

pub(crate) fn run(options: &up::Options) -> Result<()> {
    up::start(options, Mode::Dev, watch)
}

/// Builds the app again whenever a source of it was saved; an open page looks for that itself.
fn watch(supervisor: &mut Supervisor<'_>, interrupts: &Interrupts) -> Result<()> {
    let mut built = sources::written(&SOURCES)?;
    while !interrupts.more_than(0, POLL) {
        supervisor.check()?;
        let now = sources::written(&SOURCES)?;
        if now == built {
            continue;
        }
        let is_style = |path: &PathBuf| path.starts_with(cargo::root().join(STYLES));
        let rebuilt = if changed(&built, &now).all(is_style) {
            web::restyle(interrupts)
        } else {
            web::build(Mode::Dev, interrupts).map(drop)
        };
        if let Err(error) = rebuilt {
            eprintln!("error: {error:#}");
        }
        built = now;
    }
    Ok(())
}

/// The files that only one of them has, or has as another version.
fn changed<'a>(before: &'a Snapshot, now: &'a Snapshot) -> impl Iterator<Item = &'a PathBuf> {
    let differs = |one: &Snapshot, other: &Snapshot, path| one.get(path) != other.get(path);
    before
        .keys()
        .chain(now.keys())
        .filter(move |path| differs(before, now, *path))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn written_new_and_deleted_files_have_changed() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let of = |files: &[(&str, u64)]| -> Snapshot {
            let files = files
                .iter()
                .map(|(name, time)| (PathBuf::from(name), at(*time)));
            files.collect()
        };
        let before = of(&[("kept", 1), ("written", 1), ("deleted", 1)]);
        let now = of(&[("kept", 1), ("written", 2), ("new", 2)]);
        let mut found: Vec<_> = changed(&before, &now)
            .map(|path| path.display().to_string())
            .collect();
        found.sort();
        found.dedup();
        assert_eq!(found, ["deleted", "new", "written"]);
        assert_eq!(changed(&now, &now).count(), 0);
    }
}
