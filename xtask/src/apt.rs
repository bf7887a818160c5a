//! Packages of Debian and its kin.

use std::{fs, process::Command};

use anyhow::{Result, bail};

use crate::{cargo, interrupts::Interrupts, process, progress::step, server_user::ServerUser};

/// Installs `packages`, as root and where there is an `apt-get`; else says why not.
pub(crate) fn install(packages: &[&str], interrupts: &Interrupts) -> Result<()> {
    let names = packages.join(" ");
    if ServerUser::find()? == ServerUser::Ourselves {
        bail!("`{names}` is missing, and only root can install it");
    }
    if process::on_path("apt-get").is_none() {
        bail!("`{names}` is missing, and there is no `apt-get` to install it with");
    }
    let folder = cargo::troupe_folder();
    fs::create_dir_all(&folder)?;
    let log = folder.join("apt.log");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        process::run_quietly(&mut command, &log, interrupts)
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    step(&format!("install {names}"), || {
        // Old lists name old versions. Without new ones they may still do.
        let updated = apt(&["update"]);
        apt(&install).map_err(|error| match updated {
            Ok(()) => error,
            Err(why) => error.context(why),
        })
    })
}
