//! Files that users bring along.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use contracts::{
    chat::{AddAttachment, Attachment, ReadAttachment},
    file::FilePart,
    id::AttachmentId,
};
use tokio::sync::Semaphore;

use crate::{
    domain::{checks, files},
    error::Error,
    handlers::{Ctx, now},
    store::NewFile,
};

/// Bytes of an attachment at most.
const LARGEST: u64 = 10 * 1024 * 1024;
/// How long the reading of one may take, the wait for a reader included.
const READING: Duration = Duration::from_secs(20);

pub(crate) async fn add(ctx: Ctx, request: AddAttachment) -> Result<Attachment, Error> {
    checks::name("name", &request.name)?;
    let (owner, store) = (ctx.principal().user_id, &ctx.state.store);
    // Before megabytes are read for nobody.
    store.session(ctx.tenant, owner, request.session_id).await?;
    let uploads = ctx.bus.uploads().await?;
    let content = match uploads.get(ctx.tenant, request.upload_id, LARGEST).await {
        Ok(content) => content.ok_or(Error::UploadNotFound(request.upload_id))?,
        Err(bus::Error::TooLarge { .. }) => return Err(Error::AttachmentTooLarge),
        Err(error) => return Err(error.into()),
    };
    let content_type = files::type_of(&request.name, &content).ok_or(Error::AttachmentType)?;
    let text = if files::has_text(content_type) {
        read(&ctx.state.readers, content_type, content.clone()).await?
    } else {
        None
    };
    let attachment = Attachment {
        id: AttachmentId::generate(),
        name: request.name,
        content_type: content_type.to_owned(),
        bytes: content.len() as u64,
    };
    let file = NewFile {
        attachment: attachment.clone(),
        text,
        content: content.to_vec(),
    };
    store
        .insert_attachment(ctx.tenant, owner, request.session_id, file, now())
        .await?;
    if let Err(error) = uploads.delete(ctx.tenant, request.upload_id).await {
        tracing::debug!(%error, "an upload is left to be forgotten in its time");
    }
    Ok(attachment)
}

pub(crate) async fn read_back(ctx: Ctx, request: ReadAttachment) -> Result<FilePart, Error> {
    let owner = ctx.principal().user_id;
    ctx.state.store.file_part(ctx.tenant, owner, &request).await
}

/// The text of a file; none where it has none, as a PDF of scanned pages.
async fn read(
    readers: &Arc<Semaphore>,
    content_type: &'static str,
    content: Bytes,
) -> Result<Option<String>, Error> {
    let reading = async {
        let permit = readers.clone().acquire_owned().await;
        // A thread cannot be stopped: it keeps its permit for as long as it reads.
        let thread = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            passages::extract(content_type, &content)
        });
        thread.await
    };
    let unreadable = |why: &str| Error::AttachmentUnreadable(why.to_owned());
    match tokio::time::timeout(READING, reading).await {
        Ok(Ok(Ok(document))) => Ok(Some(files::kept(document.text))),
        Ok(Ok(Err(passages::Error::NoText))) => Ok(None),
        Ok(Ok(Err(error))) => Err(unreadable(&error.to_string())),
        Ok(Err(_)) => Err(unreadable("its reader broke down")),
        Err(_) => Err(unreadable("it takes too long")),
    }
}
