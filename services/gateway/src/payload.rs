//! JSON bodies, read and written by serde.
//!
//! **Invariant:** the JSON of the REST API is the JSON of the bus: one codec, so that both faces accept and refuse the
//! same. The OpenAPI derives only describe it.

use contracts::{ErrorCode, Problem};
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions,
    error::{ContentTypeError, ParseRequestPayloadError},
    impl_apirequest_for_payload,
    payload::{ParsePayload, Payload},
    registry::{MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry},
    types::Type,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::problem;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    }
    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }
    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type + DeserializeOwned> ParsePayload for Json<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(_: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = body.take()?.into_bytes().await?;
        read(&bytes).map(Self)
    }
}

impl_apirequest_for_payload!(Json<T>, T: Type + DeserializeOwned);

impl<T: Serialize + Send> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => Response::builder()
                .content_type("application/json")
                .body(body),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written");
                let detail = "the answer cannot be written";
                problem::response(&Problem::new(ErrorCode::Internal, detail))
            }
        }
    }
}

impl<T: Type + Serialize + Send> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: Self::CONTENT_TYPE,
                    schema: Self::schema_ref(),
                }],
                headers: vec![],
            }],
        }
    }
    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// A JSON body that may be left out.
pub(crate) struct MaybeJson<T>(pub(crate) T);

impl<'a, T: Type + DeserializeOwned + Default> ApiExtractor<'a> for MaybeJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: Json::<T>::CONTENT_TYPE,
                schema: T::schema_ref(),
            }],
            required: false,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let content_type = request.content_type();
        if let Some(other) = content_type.filter(|it| !Json::<T>::check_content_type(it)) {
            let content_type = other.to_owned();
            return Err(ContentTypeError::NotSupported { content_type }.into());
        }
        let bytes = body.take()?.into_bytes().await?;
        match (bytes.is_empty(), content_type) {
            (true, _) => Ok(Self(T::default())),
            (false, None) => Err(ContentTypeError::ExpectContentType.into()),
            (false, Some(_)) => read(&bytes).map(Self),
        }
    }
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> poem::Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The text may quote the input, which may be megabytes long.
        let reason = error.to_string().chars().take(300).collect();
        ParseRequestPayloadError { reason }.into()
    })
}
