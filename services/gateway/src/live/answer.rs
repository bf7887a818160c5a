//! An answer of a conversation as it is made: the events of its execution and the tokens of its models, for one client.
//!
//! **Invariant:** the last event is `done` with the stored message, or a problem; events of the execution come in their
//! order, each once. Tokens are lossy on the bus: what is missing at a step's end is taken from its output. A client that
//! returns receives no event again, but for what a model was saying when it left.

use std::{collections::VecDeque, time::Duration};

use bus::Subscription;
use contracts::{
    ErrorCode, Problem,
    chat::{ChatEvent, ChatMessage, GetMessage, MessageState},
    id::{ChatId, ExecutionId, MessageId},
    live::{ExecutionEvent, Frame, TokenDelta},
};
use futures::{Stream, StreamExt, stream, stream::BoxStream};
use tokio::time::Instant;

use super::{
    follow::{Item, Resume, follow},
    translate::Translator,
};
use crate::caller::Caller;

/// How often an answer that is not yet there is looked at: no event tells of a turn that comes.
const LOOK: Duration = Duration::from_millis(300);
/// How long the stored message may lag behind its execution.
const LAG: Duration = Duration::from_secs(30);

/// What a client receives.
pub(crate) enum Said {
    Event(ChatEvent),
    /// Why the stream ends before the answer.
    Problem(Problem),
}

/// Follows an answer from the execution's event after `after`.
///
/// # Errors
/// `not_found` for a message that is not the caller's, `unavailable`.
pub(crate) async fn answer(
    caller: Caller,
    session_id: ChatId,
    message_id: MessageId,
    after: u64,
) -> Result<impl Stream<Item = Said> + Send + use<>, Problem> {
    let request = GetMessage {
        session_id,
        message_id,
    };
    caller.ask_soon(&request).await?;
    let answer = Answer {
        caller,
        request,
        execution: None,
        tokens: None,
        frames: None,
        translator: Translator::new(after),
        queue: VecDeque::new(),
        over: false,
    };
    Ok(stream::unfold(answer, |mut answer| async move {
        let said = answer.next().await?;
        Some((said, answer))
    }))
}

struct Answer {
    caller: Caller,
    request: GetMessage,
    execution: Option<ExecutionId>,
    /// From the moment that the execution is known: what is said before its first event was read is not lost.
    tokens: Option<Subscription>,
    /// None until the answer's turn has come.
    frames: Option<BoxStream<'static, Item>>,
    translator: Translator,
    queue: VecDeque<ChatEvent>,
    over: bool,
}

impl Answer {
    async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(Said::Event(event));
            }
            if self.over {
                return None;
            }
            if let Err(problem) = self.advance().await {
                self.over = true;
                return Some(Said::Problem(problem));
            }
        }
    }

    async fn advance(&mut self) -> Result<(), Problem> {
        let (Some(frames), Some(tokens)) = (&mut self.frames, &mut self.tokens) else {
            return self.begin().await;
        };
        tokio::select! {
            frame = frames.next() => match frame {
                Some(Item::Event(frame)) => self.hear(&frame).await,
                Some(Item::Problem(problem)) => return Err(problem),
                None => return self.finish().await,
            },
            Some(token) = tokens.next() => match serde_json::from_slice::<TokenDelta>(token.payload()) {
                Ok(delta) => self.queue.extend(self.translator.token(delta)),
                Err(error) => tracing::error!(%error, "a token cannot be read"),
            },
        }
        Ok(())
    }

    /// A large answer of a model is not in its event, but beside it.
    async fn hear(&mut self, frame: &Frame) {
        let wanted = self.translator.wants(frame).zip(self.execution);
        let Some((reference, execution)) = wanted else {
            return self.queue.extend(self.translator.frame(frame));
        };
        let mut frame = frame.clone();
        match (
            self.caller.value(execution, &reference).await,
            &mut frame.event,
        ) {
            (Ok(value), ExecutionEvent::StepSucceeded { output, .. }) => *output = value,
            (Ok(_), _) => {}
            // What the client has not heard is in the stored message.
            (Err(problem), _) => tracing::debug!(%problem, "an answer could not be read"),
        }
        self.queue.extend(self.translator.frame(&frame));
    }

    /// Waits for the answer's turn and for its execution.
    async fn begin(&mut self) -> Result<(), Problem> {
        let mut missing_since = None;
        loop {
            let message = self.caller.ask_soon(&self.request).await?;
            self.listen(message.execution_id).await?;
            let waits = message.state == MessageState::Queued;
            match message.execution_id.filter(|_| !waits) {
                Some(execution) => {
                    match open(&self.caller, execution).await {
                        Ok(frames) => {
                            self.frames = Some(frames);
                            return Ok(());
                        }
                        // The engine may still be about to begin it.
                        Err(problem) if problem.code == ErrorCode::NotFound => {
                            let since = *missing_since.get_or_insert_with(Instant::now);
                            if message.state.is_final() {
                                return self.done(message);
                            }
                            if since.elapsed() > LAG {
                                return Err(problem);
                            }
                        }
                        Err(problem) => return Err(problem),
                    }
                }
                None if message.state.is_final() => return self.done(message),
                None => {}
            }
            self.pause().await?;
        }
    }

    async fn listen(&mut self, execution: Option<ExecutionId>) -> Result<(), Problem> {
        self.execution = execution;
        if let (Some(execution), None) = (execution, &self.tokens) {
            let tenant = self.caller.principal.tenant;
            let tokens = self.caller.gate.live.tokens(tenant, execution).await?;
            self.tokens = Some(tokens);
        }
        Ok(())
    }

    /// The execution is over: the message soon is, too.
    async fn finish(&mut self) -> Result<(), Problem> {
        if self.translator.is_ahead() {
            let after = self.translator.last();
            let detail = format!("the answer has no event {after} to resume after");
            return Err(Problem::new(ErrorCode::InvalidInput, detail).with_reason("event_unknown"));
        }
        let until = Instant::now() + LAG;
        loop {
            let message = self.caller.ask_soon(&self.request).await?;
            if message.state.is_final() {
                return self.done(message);
            }
            if Instant::now() > until {
                let detail = "the answer is made but not yet stored: read the message later";
                return Err(Problem::new(ErrorCode::Unavailable, detail).with_retry_after_ms(1000));
            }
            self.pause().await?;
        }
    }

    fn done(&mut self, message: ChatMessage) -> Result<(), Problem> {
        self.over = true;
        self.queue.push_back(ChatEvent::Done {
            n: self.translator.last(),
            message: Box::new(message),
        });
        Ok(())
    }

    async fn pause(&mut self) -> Result<(), Problem> {
        tokio::select! {
            () = self.caller.gate.stop.cancelled() => {
                let detail = "this gateway shuts down: connect again with `Last-Event-ID`";
                Err(Problem::new(ErrorCode::Unavailable, detail).with_retry_after_ms(1000))
            }
            () = tokio::time::sleep(LOOK) => Ok(()),
        }
    }
}

/// From the first event on, whatever the client has seen: they tell who speaks.
async fn open(
    caller: &Caller,
    execution: ExecutionId,
) -> Result<BoxStream<'static, Item>, Problem> {
    Ok(match follow(caller.clone(), execution, 0).await? {
        Resume::Stream(frames) => frames.boxed(),
        Resume::AtTheEnd => stream::empty().boxed(),
    })
}
