//! `/llm/recording`: what of the words of questions and answers is kept.

use contracts::llm::{GetRecording, Recording, SetRecording};
use poem_openapi::OpenApi;

use crate::{api::Tag, caller::Bearer, payload::Json};

pub(crate) struct Api;

#[OpenApi(prefix_path = "/llm/recording", tag = "Tag::Llm")]
impl Api {
    /// What of the words of questions and answers is kept
    ///
    /// Nothing, unless the organization says otherwise.
    #[oai(path = "/", method = "get", operation_id = "llm.recording")]
    async fn get(&self, caller: Bearer) -> poem::Result<Json<Recording>> {
        Ok(Json(caller.ask(&GetRecording {}).await?))
    }

    /// Say what of the words is kept
    ///
    /// Counts for calls from now on; what was kept before stays as long as the archive keeps it.
    #[oai(path = "/", method = "put", operation_id = "llm.set_recording")]
    async fn set(&self, caller: Bearer, body: Json<Recording>) -> poem::Result<Json<Recording>> {
        let request = SetRecording { recording: body.0 };
        Ok(Json(caller.ask(&request).await?))
    }
}
