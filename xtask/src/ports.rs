//! Ports on loopback: finding free ones, and keeping them between starts.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// The ports of a data folder's servers, kept in `ports.json` so that a second
/// start has the same URLs.
pub(crate) struct Ports {
    file: PathBuf,
    known: BTreeMap<String, u16>,
}

impl Ports {
    pub(crate) fn of(data: &Path) -> Result<Self> {
        let file = data.join("ports.json");
        let known = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("`{}` is not a table of ports", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).context(format!("cannot read `{}`", file.display())),
        };
        Ok(Self { file, known })
    }

    /// The port this server had before, or a new one where another program has
    /// taken it meanwhile.
    pub(crate) fn choose(&mut self, server: &str) -> Result<u16> {
        if let Some(&port) = self.known.get(server)
            && is_free(port)
        {
            return Ok(port);
        }
        let port = any_free()?;
        self.known.insert(server.to_owned(), port);
        fs::write(&self.file, serde_json::to_vec_pretty(&self.known)?)
            .with_context(|| format!("cannot write `{}`", self.file.display()))?;
        Ok(port)
    }
}

/// Fails when the port the user asked for is taken, naming the way out.
pub(crate) fn require_free(port: u16) -> Result<()> {
    if !is_free(port) {
        bail!("port {port} is in use by another program: choose another one with `--port`");
    }
    Ok(())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn any_free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}
