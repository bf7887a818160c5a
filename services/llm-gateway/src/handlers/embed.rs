//! `llm.embed`: the vectors of texts.

use contracts::llm::{Embed, Embeddings};
use kernel::Ctx;

use crate::{
    Error, State,
    calls::{self, Asker},
    domain::texts,
};

pub(crate) async fn embed(ctx: Ctx<State>, request: Embed) -> Result<Embeddings, Error> {
    let asker = Asker::of(ctx.principal());
    texts::check_count(request.input.len())?;
    // What is known to be too large is not paid for.
    if let Some(dimensions) = request.dimensions {
        texts::check_size(request.input.len(), dimensions)?;
    }
    let embeddings = calls::embed(&ctx.state, asker, request.into()).await?;
    texts::check_size(embeddings.embeddings.len(), embeddings.dimensions)?;
    Ok(embeddings)
}
