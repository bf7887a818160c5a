//! Bodies that may be a file: JSON, a part of `multipart/form-data`, or the file itself.
//!
//! **Invariant:** a file is streamed into the bucket of uploads and never held here as a whole.

use std::pin::Pin;

use contracts::{ErrorCode, Problem, id::UploadId};
use poem::{FromRequest, Request, RequestBody, web::Multipart};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::Payload,
    registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry},
    types::Type,
};
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;

use crate::{
    caller::Caller,
    payload::{self, Json},
    problem::{self, Refusal},
};

/// The name of the part that holds the file.
const PART: &str = "file";

/// A body of the form `T`, or a file.
pub(crate) enum Upload<T> {
    Json(T),
    File(File),
}

/// A file that is still coming in.
pub(crate) struct File {
    name: Option<String>,
    content_type: Option<String>,
    data: Pin<Box<dyn AsyncRead + Send>>,
}

/// A body that is a file in any case.
pub(crate) struct OnlyFile(pub(crate) File);

/// A file in the bucket of uploads.
pub(crate) struct Stored {
    pub(crate) upload_id: UploadId,
    pub(crate) name: String,
    pub(crate) content_type: Option<String>,
}

/// Puts a file of up to `limit` bytes where its owner fetches it. `name` goes before the name that the file brings.
///
/// # Errors
/// 413 above the limit, `invalid_input` without a name, `unavailable` when it cannot be stored.
pub(crate) async fn store(
    caller: &Caller,
    file: File,
    name: Option<String>,
    limit: u64,
) -> Result<Stored, Refusal> {
    let Some(name) = name.or(file.name) else {
        let detail = "the file needs a name: `?name=`, or the `filename` of the part `file`";
        return Err(Refusal(Problem::malformed(detail)));
    };
    let upload_id = UploadId::generate();
    let uploads = caller
        .gate
        .bus
        .uploads()
        .await
        .map_err(|e| not_stored(&e))?;
    let tenant = caller.principal.tenant;
    match uploads.put(tenant, upload_id, file.data, limit).await {
        Ok(_) => Ok(Stored {
            upload_id,
            name,
            content_type: file.content_type,
        }),
        Err(bus::Error::TooLarge { limit }) => {
            let detail = format!("the file is larger than {limit} bytes");
            Err(Refusal(problem::with_code(413, detail)))
        }
        Err(error) => Err(not_stored(&error)),
    }
}

fn not_stored(error: &bus::Error) -> Refusal {
    tracing::warn!(%error, "an upload cannot be stored");
    let detail = "the file cannot be stored at present";
    Refusal(Problem::new(ErrorCode::Unavailable, detail))
}

async fn read_file(request: &Request, body: &mut RequestBody) -> poem::Result<File> {
    let content_type = request.content_type().map(str::to_owned);
    let is_form = content_type
        .as_deref()
        .is_some_and(|it| it.to_ascii_lowercase().starts_with("multipart/form-data"));
    if !is_form {
        return Ok(File {
            name: None,
            content_type,
            data: Box::pin(body.take()?.into_async_read()),
        });
    }
    let unreadable = |_| Refusal(Problem::malformed("the form cannot be read"));
    let mut form = <Multipart as FromRequest>::from_request(request, body)
        .await
        .map_err(unreadable)?;
    while let Some(part) = form
        .next_field()
        .await
        .map_err(|_| Refusal(Problem::malformed("the form cannot be read")))?
    {
        if part.name() == Some(PART) {
            return Ok(File {
                name: part.file_name().map(str::to_owned),
                content_type: part.content_type().map(str::to_owned),
                data: Box::pin(part.into_async_read()),
            });
        }
    }
    let detail = format!("the form has no part `{PART}`");
    Err(Refusal(Problem::malformed(detail)).into())
}

fn file_media() -> Vec<MetaMediaType> {
    let binary = || {
        let schema = MetaSchema::new_with_format("string", "binary");
        MetaSchemaRef::Inline(Box::new(schema))
    };
    let form = MetaSchema {
        required: vec![PART],
        properties: vec![(PART, binary())],
        ..MetaSchema::new("object")
    };
    vec![
        MetaMediaType {
            content_type: "multipart/form-data",
            schema: MetaSchemaRef::Inline(Box::new(form)),
        },
        MetaMediaType {
            content_type: "application/octet-stream",
            schema: binary(),
        },
    ]
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for Upload<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let mut content = vec![MetaMediaType {
            content_type: Json::<T>::CONTENT_TYPE,
            schema: T::schema_ref(),
        }];
        content.extend(file_media());
        Some(MetaRequest {
            description: None,
            content,
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let is_json = request
            .content_type()
            .is_none_or(Json::<T>::check_content_type);
        if is_json {
            let bytes = body.take()?.into_bytes().await?;
            return payload::read(&bytes).map(Self::Json);
        }
        read_file(request, body).await.map(Self::File)
    }
}

impl<'a> ApiExtractor<'a> for OnlyFile {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: file_media(),
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        read_file(request, body).await.map(Self)
    }
}
