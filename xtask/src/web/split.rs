//! Cuts the pages that are loaded when they are opened off the app.
//!
//! **Invariant:** the parts belong together: each may be optimised, none may be exchanged
//! for one of another build.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use wasm_split_cli_support::{Options, transform};

/// The script that loads the chunks; the app imports it, and it the app.
const LOADER: &str = "chunks.js";

/// The app in parts, in a folder of their own.
pub(super) struct Parts {
    /// What runs first, without its JavaScript face.
    pub(super) main: PathBuf,
    /// The chunks.
    pub(super) files: Vec<PathBuf>,
    loader: PathBuf,
}

/// Cuts `wasm`, whose JavaScript face is going to be `{folder}/{face}`.
pub(super) fn cut(wasm: &Path, folder: &Path, face: &str) -> Result<Parts> {
    let whole = fs::read(wasm).with_context(|| format!("cannot read `{}`", wasm.display()))?;
    let (main, face) = (folder.join("main.wasm"), format!("./{face}"));
    let link = format!("./{LOADER}");
    let mut options = Options::new(&whole);
    options.output_dir = folder;
    options.main_out_path = &main;
    options.main_module = &face;
    options.link_name = &link;
    // Its errors are of another kind, with all that led to them in their long form.
    let cut = transform(options).map_err(|error| anyhow!("cannot split the app: {error:?}"))?;
    Ok(Parts {
        main,
        files: cut.split_modules,
        loader: folder.join(LOADER),
    })
}

impl Parts {
    /// Lets the app look for a chunk at `url`.
    pub(super) fn place(&self, chunk: &Path, url: &str) -> Result<()> {
        let name = chunk.file_name().context("a chunk has a name")?;
        let known = format!("\"./{}\"", name.display());
        let script = fs::read_to_string(&self.loader)?;
        if !script.contains(&known) {
            return Err(anyhow!("nothing loads the chunk `{}`", name.display()));
        }
        fs::write(&self.loader, script.replace(&known, &format!("\"{url}\"")))?;
        Ok(())
    }
}
