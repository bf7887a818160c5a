//! `POST /messages` and `/messages/count_tokens`, as Anthropic's clients expect them (Anthropic API reference).

mod answer;
mod request;

use poem::{Request, Response};

use self::answer::Teller;
use super::{Face, auth, chat::Begun, failure::Failure, speech};
use crate::calls::{self, Asker};

/// Between the vendor and what it wants back, in signatures of vendors that are not Anthropic.
const MARK: char = '#';

impl Face {
    pub(super) async fn messages(&self, request: Request) -> Result<Response, Failure> {
        let Begun {
            call,
            wanted,
            permit,
            labels,
        } = self.begin(request, request::read).await?;
        let teller = Teller::new(&call);
        let response = if wanted.streamed {
            speech::streamed(call, teller, permit, self.state.settings.ping()).await?
        } else {
            let call = speech::whole(call).await?;
            let body = answer::whole(&call)?;
            super::json(poem::http::StatusCode::OK, body)
        };
        Ok(labels.on(response))
    }

    pub(super) async fn count_tokens(&self, mut request: Request) -> Result<Response, Failure> {
        let principal = auth::admit(&self.verifier, &request).await?;
        let permit = self.permits.try_acquire();
        let _permit = permit.map_err(|_| Failure::busy())?;
        let wanted = request::read_to_count(&self.body(&mut request).await?)?;
        let asker = Asker::of(&principal);
        let count = calls::count(&self.state, asker, &wanted.ask).await?;
        Ok(super::reply(&serde_json::json!({"input_tokens": count})))
    }
}
