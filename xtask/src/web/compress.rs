//! A gzip and a brotli copy beside each file, and what the first visit weighs.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::bundle::Bundle;

/// Below it a compressed copy saves no packet.
const LEAST_BYTES: usize = 512;
const BROTLI_QUALITY: u32 = 11;
/// The window of brotli, as a power of two: the largest that every browser takes.
const BROTLI_WINDOW: u32 = 22;

/// Writes the copies for all files below `folder`.
pub(super) fn folder(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            self::folder(&path)?;
            continue;
        }
        let bytes = fs::read(&path)?;
        if bytes.len() >= LEAST_BYTES {
            fs::write(with(&path, "gz"), gzip(&bytes)?)?;
            fs::write(with(&path, "br"), brotli(&bytes)?)?;
        }
    }
    Ok(())
}

/// Prints what each file weighs, and fails when the first visit is over `budget` bytes.
pub(super) fn report(bundle: &Bundle, budget: u64) -> Result<()> {
    let mut first_visit = 0;
    for file in &bundle.files {
        let weight = weight(&bundle.folder.join(&file.path))?;
        if !file.lazy {
            first_visit += weight;
        }
        let when = if file.lazy { "when needed" } else { "" };
        println!("{:>9} bytes  {} {when}", weight, file.path.display());
    }
    println!("{first_visit:>9} bytes  on the first visit, of {budget}");
    if first_visit > budget {
        bail!("the first visit weighs `{first_visit}` bytes, more than `{budget}`");
    }
    Ok(())
}

/// Of the smallest copy.
fn weight(path: &Path) -> Result<u64> {
    let copy = with(path, "br");
    let path = if copy.exists() { &copy } else { path };
    let metadata =
        fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(metadata.len())
}

fn with(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    let mut encoder =
        brotli::CompressorWriter::new(&mut copy, 1 << 16, BROTLI_QUALITY, BROTLI_WINDOW);
    encoder.write_all(bytes)?;
    drop(encoder);
    Ok(copy)
}
