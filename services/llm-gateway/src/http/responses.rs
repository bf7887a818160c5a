//! `POST /responses`, as OpenAI's clients expect it (OpenAI API reference, "Responses"). Nothing is stored: a
//! conversation is sent whole with each question.

mod answer;
mod request;

use chrono::Utc;
use poem::{Request, Response};

use self::answer::Teller;
use super::{Face, chat::Begun, failure::Failure, speech};

impl Face {
    pub(super) async fn responses(&self, request: Request) -> Result<Response, Failure> {
        let Begun {
            call,
            wanted,
            permit,
            labels,
        } = self.begin(request, request::read).await?;
        let teller = Teller::new(&call, Utc::now().timestamp(), wanted.echo);
        let response = if wanted.streamed {
            speech::streamed(call, teller, permit, self.state.settings.ping()).await?
        } else {
            let call = speech::whole(call).await?;
            super::reply(&teller.whole(&call))
        };
        Ok(labels.on(response))
    }
}
