//! The price table that holds: the built-in one, or the operator's file, which is read again when it changes.
//!
//! **Invariant:** a file that cannot be used leaves the table as it was.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use kernel::TaskCtx;
use tokio::time::timeout;

use crate::{Error, State, domain::prices::PriceTable};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);
const MAX_BYTES: u64 = 16 * 1024 * 1024;

pub(crate) struct Prices {
    file: Option<PathBuf>,
    table: RwLock<Arc<PriceTable>>,
}

/// What a file that was written or replaced has not kept.
type Stamp = (u64, i64, i64, u64);

impl Prices {
    /// # Errors
    /// When there is a file that cannot be used.
    pub(crate) async fn open(file: Option<PathBuf>) -> Result<Self, Error> {
        let table = match &file {
            None => PriceTable::built_in(),
            Some(file) => read(file).await?,
        };
        Ok(Self {
            file,
            table: RwLock::new(Arc::new(table)),
        })
    }

    pub(crate) fn table(&self) -> Arc<PriceTable> {
        // Nothing is half-written when a holder panics.
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.clone()
    }

    fn replace(&self, table: PriceTable) {
        let mut present = self.table.write().unwrap_or_else(PoisonError::into_inner);
        *present = Arc::new(table);
    }
}

/// Reads the operator's file whenever it changes, until the service stops.
pub(crate) async fn follow(task: TaskCtx<State>) {
    let prices = &task.state.prices;
    let Some(file) = &prices.file else {
        return task.stop.cancelled().await;
    };
    // It may have changed since the service began, so it is read once more.
    let mut seen = None;
    while timeout(LOOK, task.stop.cancelled()).await.is_err() {
        let stamp = tokio::fs::metadata(file).await.ok().as_ref().map(stamp);
        if stamp == seen {
            continue;
        }
        seen = stamp;
        match read(file).await {
            Ok(table) => {
                tracing::info!("prices are those of table `{}`", table.version);
                prices.replace(table);
                task.state.forget_all();
            }
            Err(error) => tracing::warn!(%error, "the prices stay as they were"),
        }
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    (
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.len(),
    )
}

async fn read(file: &Path) -> Result<PriceTable, Error> {
    let wrong = |what: String| Error::Prices {
        file: file.display().to_string(),
        what,
    };
    let unreadable = |error: std::io::Error| wrong(error.to_string());
    let metadata = tokio::fs::metadata(file).await.map_err(unreadable)?;
    if metadata.len() > MAX_BYTES {
        return Err(wrong(format!("it has more than {MAX_BYTES} bytes")));
    }
    let text = tokio::fs::read_to_string(file).await.map_err(unreadable)?;
    PriceTable::read(&text).map_err(wrong)
}
