//! Files that users bring along.

use contracts::{
    chat::{AddAttachment, Attachment},
    id::AttachmentId,
};

use crate::{
    domain::{
        checks,
        files::{self, Kind},
    },
    error::Error,
    handlers::{Ctx, now},
    store::NewFile,
};

/// Bytes of an attachment at most.
const LARGEST: u64 = 10 * 1024 * 1024;

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
    let kind = Kind::of(&content).ok_or(Error::AttachmentType)?;
    let text = match kind {
        Kind::Text => String::from_utf8(content.to_vec()).ok().map(files::kept),
        Kind::Pdf | Kind::Png | Kind::Jpeg | Kind::Gif | Kind::Webp => None,
    };
    let attachment = Attachment {
        id: AttachmentId::generate(),
        name: request.name,
        content_type: kind.content_type().to_owned(),
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
