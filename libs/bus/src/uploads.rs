//! Files on their way from a client to the service that keeps them: a bucket that forgets after an hour.
//!
//! **Invariant:** a file is named by its tenant and its id, so no id leads to another tenant's file, and a file above
//! its limit is never to be seen, not even in part.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_nats::jetstream::object_store::{DeleteErrorKind, GetErrorKind, ObjectStore};
use bytes::Bytes;
use contracts::id::{TenantId, UploadId};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::{Bus, Error, error::during};

/// Bytes of one file at most.
pub const MAX_UPLOAD: u64 = 20 * 1024 * 1024;
/// How long a file waits for its owner.
pub(crate) const KEPT: Duration = Duration::from_secs(60 * 60);
/// Bytes of all files that wait; a file that does not fit is refused.
pub(crate) const ROOM: i64 = 1024 * 1024 * 1024;

const BUCKET: &str = "UPLOADS";
pub(crate) const STREAM: &str = "OBJ_UPLOADS";
pub(crate) const CHUNKS: &str = "$O.UPLOADS.C.>";
pub(crate) const NAMES: &str = "$O.UPLOADS.M.>";
/// Chunks that were forgotten between the question and the answer never come.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The bucket of files.
#[derive(Clone)]
pub struct Uploads(ObjectStore);

impl Bus {
    /// Opens the bucket that [`crate::topology::ensure`] has created.
    ///
    /// # Errors
    /// When it does not exist or JetStream is not there.
    pub async fn uploads(&self) -> Result<Uploads, Error> {
        self.jetstream
            .get_object_store(BUCKET)
            .await
            .map(Uploads)
            .map_err(during("open the bucket of uploads"))
    }
}

impl Uploads {
    /// Stores what `data` yields; returns how many bytes that were. What a failure leaves behind is forgotten like any
    /// other file.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above `limit` or [`MAX_UPLOAD`]; otherwise when `data` breaks off or it cannot be stored.
    pub async fn put(
        &self,
        tenant: TenantId,
        upload: UploadId,
        data: impl AsyncRead + Unpin,
        limit: u64,
    ) -> Result<u64, Error> {
        let limit = limit.min(MAX_UPLOAD);
        let mut data = Bounded {
            data,
            left: limit,
            exceeded: false,
        };
        let stored = self.0.put(name(tenant, upload).as_str(), &mut data).await;
        if data.exceeded {
            return Err(Error::TooLarge { limit });
        }
        let info = stored.map_err(during("store an upload"))?;
        Ok(info.size as u64)
    }

    /// The whole file; none where there is none, or none any more.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above `limit` or [`MAX_UPLOAD`]; otherwise when it cannot be read.
    pub async fn get(
        &self,
        tenant: TenantId,
        upload: UploadId,
        limit: u64,
    ) -> Result<Option<Bytes>, Error> {
        let limit = limit.min(MAX_UPLOAD);
        let read = async {
            let mut object = match self.0.get(name(tenant, upload)).await {
                Ok(object) => object,
                Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(during("open an upload")(error)),
            };
            if object.info().size as u64 > limit {
                return Err(Error::TooLarge { limit });
            }
            let mut bytes = Vec::with_capacity(object.info().size);
            object
                .read_to_end(&mut bytes)
                .await
                .map_err(during("read an upload"))?;
            Ok(Some(bytes.into()))
        };
        tokio::time::timeout(READ_TIMEOUT, read)
            .await
            .map_err(during("read an upload in time"))?
    }

    /// Forgets the file; without effect where there is none.
    ///
    /// # Errors
    /// When that is not known to be done; the file is then forgotten in its time.
    pub async fn delete(&self, tenant: TenantId, upload: UploadId) -> Result<(), Error> {
        match self.0.delete(name(tenant, upload)).await {
            Err(error) if error.kind() != DeleteErrorKind::NotFound => {
                Err(during("delete an upload")(error))
            }
            _ => Ok(()),
        }
    }
}

fn name(tenant: TenantId, upload: UploadId) -> String {
    format!("{tenant}/{upload}")
}

/// Fails instead of ending where there is more than the limit: the store then never names the file.
struct Bounded<R> {
    data: R,
    left: u64,
    exceeded: bool,
}

impl<R: AsyncRead + Unpin> AsyncRead for Bounded<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.data).poll_read(cx, buffer);
        if let Poll::Ready(Ok(())) = read {
            let more = (buffer.filled().len() - before) as u64;
            match self.left.checked_sub(more) {
                Some(left) => self.left = left,
                None => {
                    self.exceeded = true;
                    return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
                }
            }
        }
        read
    }
}
