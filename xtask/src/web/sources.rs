//! When the sources of the app were written.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};

use crate::cargo;

/// When each file was written.
pub(crate) type Snapshot = BTreeMap<PathBuf, SystemTime>;

/// All files at or below `places` of the workspace, without what npm has fetched.
pub(crate) fn written(places: &[&str]) -> Result<Snapshot> {
    let mut found = Snapshot::new();
    for place in places {
        let place = cargo::root().join(place);
        add(&place, &mut found).with_context(|| format!("cannot read `{}`", place.display()))?;
    }
    Ok(found)
}

fn add(place: &Path, found: &mut Snapshot) -> io::Result<()> {
    let metadata = match fs::metadata(place) {
        // An editor's own file, which was gone before it was looked at.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    if !metadata.is_dir() {
        found.insert(place.to_path_buf(), metadata.modified()?);
        return Ok(());
    }
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        if !path.ends_with("node_modules") {
            add(&path, found)?;
        }
    }
    Ok(())
}
