//! The user PostgreSQL runs as: it refuses to run as root.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Whom PostgreSQL may run as on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerUser {
    /// We are not root: it runs as we do.
    Ourselves,
    /// We are root: it runs as this user.
    Other { uid: u32, gid: u32 },
}

impl ServerUser {
    pub(crate) fn find() -> Result<Self> {
        if number(&["-u"])? != 0 {
            return Ok(Self::Ourselves);
        }
        for name in ["postgres", "nobody"] {
            if let (Ok(uid), Ok(gid)) = (number(&["-u", name]), number(&["-g", name])) {
                return Ok(Self::Other { uid, gid });
            }
        }
        bail!(
            "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`"
        )
    }

    /// Lets `command` run as this user.
    pub(crate) fn apply(&self, command: &mut Command) {
        if let Self::Other { uid, gid } = self {
            command.uid(*uid).gid(*gid);
        }
    }

    /// Gives a file or folder of ours to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        let Self::Other { uid, gid } = self else {
            return Ok(());
        };
        std::os::unix::fs::chown(path, Some(*uid), Some(*gid))
            .with_context(|| format!("cannot hand over `{}`", path.display()))
    }

    /// `preferred` where this user can reach it, else a folder of its own under
    /// `/var/tmp`, the same one at each start.
    pub(crate) fn reachable_folder(&self, preferred: &Path) -> Result<PathBuf> {
        fs::create_dir_all(preferred)
            .with_context(|| format!("cannot make `{}`", preferred.display()))?;
        if *self == Self::Ourselves || self.can_enter(preferred) {
            return Ok(preferred.to_path_buf());
        }
        let folder = PathBuf::from(format!("/var/tmp/troupe-{:016x}", fnv(preferred)));
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        // Everybody may write to the parent: a folder that is not ours is a trap.
        let found = fs::symlink_metadata(&folder)?;
        if !found.is_dir() || found.uid() != 0 {
            bail!("`{}` belongs to someone else", folder.display());
        }
        Ok(folder)
    }

    fn can_enter(&self, folder: &Path) -> bool {
        let mut probe = Command::new("test");
        probe.arg("-x").arg(folder).current_dir("/");
        self.apply(&mut probe);
        probe.status().is_ok_and(|status| status.success())
    }
}

/// What `id` says.
fn number(arguments: &[&str]) -> Result<u32> {
    let answer = Command::new("id")
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .context("cannot run `id`")?;
    String::from_utf8_lossy(&answer.stdout)
        .trim()
        .parse()
        .with_context(|| format!("`id {}` names no user", arguments.join(" ")))
}

/// FNV-1a: the same in every version, unlike the standard library's hasher.
fn fnv(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}
