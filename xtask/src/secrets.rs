//! Secrets of a local installation: made once, kept in files only their owner
//! can read.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use anyhow::{Context, Result};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};

/// What the services of one installation derive their keys from.
pub(crate) struct Secrets {
    /// base64, 32 bytes: the services' NATS passwords and the issuer key.
    pub(crate) nats: String,
    /// base64, 32 bytes: the passwords of the services' database roles.
    pub(crate) postgres: String,
    /// base64, 32 bytes: seals stored credentials.
    pub(crate) master_key: String,
}

impl Secrets {
    /// Those given in the environment win; the others are read from `data`, or
    /// made there at the first start.
    pub(crate) fn of(data: &Path) -> Result<Self> {
        let given_or_kept = |variable: &str, file: &str| match env::var(variable) {
            Ok(given) => Ok(given),
            Err(_) => kept(&data.join("secrets").join(file), || {
                Ok(BASE64_STANDARD.encode(random_bytes()?))
            }),
        };
        Ok(Self {
            nats: given_or_kept("TROUPE_NATS_SECRET", "nats")?,
            postgres: given_or_kept("TROUPE_POSTGRES_SECRET", "postgres")?,
            master_key: given_or_kept("TROUPE_MASTER_KEY", "master-key")?,
        })
    }
}

/// A password that needs no escaping in a URL or in SQL.
pub(crate) fn kept_password(data: &Path, file: &str) -> Result<String> {
    kept(&data.join("secrets").join(file), || {
        Ok(BASE64_URL_SAFE_NO_PAD.encode(random_bytes()?))
    })
}

/// Whether a secret of this name has been made.
pub(crate) fn has_secret(data: &Path, file: &str) -> bool {
    data.join("secrets").join(file).is_file()
}

/// Makes a folder that only this user can enter, with its parents.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot make `{}`", parent.display()))?;
    }
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make `{}`", path.display()))
}

/// Writes a file that only this user can read; it must not exist yet.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn kept(path: &Path, make: impl FnOnce() -> Result<String>) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context(format!("cannot read `{}`", path.display())),
    }
    private_folder(path.parent().expect("a secret lies in a folder"))?;
    let secret = make()?;
    // A crash between making and filling the file must not leave an empty key.
    let draft = path.with_extension("new");
    if draft.exists() {
        fs::remove_file(&draft)?;
    }
    write_private(&draft, &secret)?;
    fs::rename(&draft, path).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(secret)
}

fn random_bytes() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read random bytes from the operating system")?;
    Ok(bytes)
}
