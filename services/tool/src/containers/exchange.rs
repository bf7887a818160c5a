//! One call: a line in, a line out.
//!
//! **Invariant:** at most [`OUTPUT_BYTES_MAX`] bytes of a container's output are taken, standard error included.

use bollard::container::{AttachContainerResults, LogOutput};
use futures::StreamExt;
use tokio::io::AsyncWriteExt;

use crate::pulse::Pulse;

pub(super) const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

pub(super) enum Outcome {
    /// The first line, without its end.
    Line(Vec<u8>),
    /// The output has ended; this was after the last line end.
    Ended(Vec<u8>),
    TooLarge,
}

/// Writes `line` and reads the first line of the answer, at the same time: a container may answer before it has read
/// all, and neither side may wait for the other for ever.
pub(super) async fn exchange(
    io: &mut AttachContainerResults,
    line: &[u8],
    pulse: &Pulse,
) -> Outcome {
    let AttachContainerResults { output, input } = io;
    let write = async {
        // A container that does not read is one that answers without, or ends; the output tells which.
        if input.write_all(line).await.is_ok() {
            input.shutdown().await.ok();
        }
    };
    let read = async {
        let mut answer = Vec::new();
        let mut taken = 0;
        loop {
            // A stream that breaks is one that has ended: the engine says why.
            let Some(Ok(part)) = output.next().await else {
                return Outcome::Ended(answer);
            };
            pulse.beat();
            taken += part.as_ref().len();
            if let LogOutput::StdOut { message } = part {
                if let Some(end) = message.iter().position(|byte| *byte == b'\n') {
                    answer.extend_from_slice(&message[..end]);
                    return if answer.len() > OUTPUT_BYTES_MAX {
                        Outcome::TooLarge
                    } else {
                        Outcome::Line(answer)
                    };
                }
                answer.extend_from_slice(&message);
            }
            if taken > OUTPUT_BYTES_MAX {
                return Outcome::TooLarge;
            }
        }
    };
    let (mut write, mut read) = (std::pin::pin!(write), std::pin::pin!(read));
    tokio::select! {
        outcome = &mut read => return outcome,
        () = &mut write => {}
    }
    read.await
}
