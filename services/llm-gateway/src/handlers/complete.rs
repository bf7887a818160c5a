//! `llm.complete`: the answer in chunks as it is spoken, then as a whole.

use contracts::llm::{Complete, Completion, Delta};
use kernel::{Chunks, Ctx};

use crate::{
    Error, State,
    calls::{self, Asker},
    domain::piece::Piece,
};

/// Bytes of text after which no more goes along: a message of the bus has a limit.
const MAX_TEXT: usize = 32 * 1024;

pub(crate) async fn complete(
    ctx: Ctx<State>,
    request: Complete,
    out: Chunks<Delta>,
) -> Result<Completion, Error> {
    let asker = Asker::of(ctx.principal());
    let mut call = calls::begin(&ctx.state, asker, &request, true).await?;
    while let Some(mut piece) = call.next().await? {
        if let Some(text) = piece.text_alone() {
            // Text that is there already goes along: a message costs more than what is in it.
            while text.len() < MAX_TEXT && call.has_text() {
                let mut more = call.next().await?;
                let more = more.as_mut().and_then(Piece::text_alone);
                text.push_str(more.map_or("", |more| more.as_str()));
            }
        }
        match piece {
            Piece::Delta { delta, .. } if delta != Delta::default() => {
                out.send(delta).await.map_err(|_| Error::Gone)?;
            }
            Piece::Delta { .. } | Piece::Finish(_) | Piece::Tokens(_) => {}
        }
    }
    Ok(call
        .completion()
        .expect("a call without further pieces is complete"))
}
