//! What the providers took that were asked in one call, answer by answer.
//!
//! A call may take more than one answer: one that failed, was withheld or did not fit is paid as well. So each is counted
//! where it comes in, below whatever looks at it, at the price of the one who speaks it.
//!
//! **Invariant:** what a vendor said of its tokens counts, whatever becomes of its answer; where it said nothing, what was
//! heard of it is estimated.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use contracts::{execution::Usage, llm::Delta};
use futures::{Stream, StreamExt, stream::BoxStream};
use rust_decimal::Decimal;

use crate::{
    domain::{
        answer::tokens_of_bytes,
        piece::{Piece, Tokens},
        price::Tariff,
    },
    provider::{Fault, fault::FaultKind},
};

type Pieces = BoxStream<'static, Result<Piece, Fault>>;

/// The answers of one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Bill {
    items: Arc<Mutex<Vec<Item>>>,
}

/// One question that was put, and what is known of its answer.
#[derive(Debug)]
struct Item {
    tariff: Option<Arc<Tariff>>,
    /// Tokens that the question may have, for a vendor that says nothing.
    prompt: u64,
    said: Option<Tokens>,
    /// Bytes of the answer that were heard.
    heard: usize,
    is_free: bool,
}

/// What answers took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spent {
    pub(super) usage: Usage,
    /// A vendor did not say what one of them took.
    pub(super) estimated: bool,
    /// The price under usual terms, where the vendor's own terms have none that is known.
    about: Decimal,
}

impl Spent {
    /// What budgets count.
    pub(super) fn counted(self) -> Decimal {
        self.usage.cost.unwrap_or(self.about)
    }

    /// As a caller is told: the price of a guess is not known.
    pub(super) fn told(self) -> Usage {
        match self.estimated {
            true => Usage {
                cost: None,
                ..self.usage
            },
            false => self.usage,
        }
    }
}

impl Item {
    fn spent(&self) -> Spent {
        let guess = || Tokens::new(self.prompt, tokens_of_bytes(self.heard));
        let tokens = self.said.clone().unwrap_or_else(guess);
        let tariff = self.tariff.as_ref();
        let cost = tariff.and_then(|tariff| tariff.cost(&tokens));
        let plain = Tokens::new(tokens.prompt, tokens.completion);
        let about = cost.or_else(|| tariff?.cost(&plain));
        Spent {
            usage: Usage {
                prompt_tokens: tokens.prompt,
                completion_tokens: tokens.completion,
                cost,
            },
            estimated: self.said.is_none(),
            about: about.unwrap_or_default(),
        }
    }
}

impl Bill {
    /// A question is put now, at this price. What comes of it is to be told to the tab.
    pub(super) fn put(&self, tariff: Option<Arc<Tariff>>, prompt: u64) -> Tab {
        let mut items = self.lock();
        items.push(Item {
            tariff,
            prompt,
            said: None,
            heard: 0,
            is_free: false,
        });
        Tab {
            bill: self.clone(),
            at: items.len() - 1,
        }
    }

    /// How many questions were put so far.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// What all took that were put after the first so many.
    pub(super) fn spent(&self, after: usize) -> Spent {
        let none = Spent {
            usage: Usage::ZERO,
            estimated: false,
            about: Decimal::ZERO,
        };
        let items = self.lock();
        let taken = items.iter().skip(after).filter(|item| !item.is_free);
        taken.map(Item::spent).fold(none, |all, one| Spent {
            usage: all.usage.plus(one.usage),
            estimated: all.estimated || one.estimated,
            about: all.about.saturating_add(one.about),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Item>> {
        // Nothing is half-written when a holder panics.
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where one answer is counted. One that is dropped leaves what was heard so far.
pub(super) struct Tab {
    bill: Bill,
    at: usize,
}

impl Tab {
    /// The provider did not take the question, so it charges nothing; one that was left waiting, or whose answer broke
    /// off or makes no sense, may.
    pub(super) fn failed(self, fault: &Fault) {
        let may_charge = matches!(
            fault.kind,
            FaultKind::Slow | FaultKind::Cut | FaultKind::Garbage
        );
        self.change(|item| item.is_free = !may_charge);
    }

    /// What the provider says that it took.
    pub(super) fn said(&self, tokens: &Tokens) {
        // Some vendors count in several events; the last one counts all.
        self.change(|item| item.said = Some(tokens.clone()));
    }

    /// The pieces as they are, counted as they come.
    pub(super) fn follow(self, pieces: Pieces) -> Pieces {
        Counted { pieces, tab: self }.boxed()
    }

    fn hear(&self, piece: &Piece) {
        match piece {
            Piece::Delta { delta, .. } => {
                let bytes = bytes_of(delta);
                self.change(|item| item.heard += bytes);
            }
            Piece::Tokens(tokens) => self.said(tokens),
            Piece::Finish(_) => {}
        }
    }

    fn change(&self, change: impl FnOnce(&mut Item)) {
        change(&mut self.bill.lock()[self.at]);
    }
}

fn bytes_of(delta: &Delta) -> usize {
    let bytes = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let calls = delta.tool_calls.iter();
    let calls: usize = calls
        .map(|call| call.arguments.len() + bytes(&call.name))
        .sum();
    bytes(&delta.content) + bytes(&delta.reasoning_content) + calls
}

struct Counted {
    pieces: Pieces,
    tab: Tab,
}

impl Stream for Counted {
    type Item = Result<Piece, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.pieces.poll_next_unpin(cx));
        if let Some(Ok(piece)) = &next {
            self.tab.hear(piece);
        }
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests {
    use contracts::llm::Price;
    use futures::stream;

    use super::*;

    fn tariff(prompt: u32) -> Option<Arc<Tariff>> {
        Some(Arc::new(Tariff::new(Price {
            prompt: prompt.into(),
            completion: (prompt * 2).into(),
            ..Price::default()
        })))
    }

    fn fault(kind: FaultKind) -> Fault {
        Fault::new("p", kind)
    }

    #[track_caller]
    fn check(bill: &Bill, after: usize, tokens: (u64, u64), cost: Option<&str>, estimated: bool) {
        let spent = bill.spent(after);
        let usage = spent.usage;
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), tokens);
        assert_eq!(usage.cost, cost.map(|cost| cost.parse().unwrap()));
        assert_eq!(spent.estimated, estimated);
    }

    #[tokio::test]
    async fn every_answer_counts_at_the_price_of_whoever_spoke_it() {
        let bill = Bill::default();
        check(&bill, 0, (0, 0), Some("0"), false);
        // One that answered, and was not believed.
        let said = [Piece::text("wrong"), Piece::Tokens(Tokens::new(100, 10))];
        let said = stream::iter(said.map(Ok)).boxed();
        let heard: Vec<_> = bill.put(tariff(10), 7).follow(said).collect().await;
        assert_eq!(heard.len(), 2);
        check(&bill, 0, (100, 10), Some("0.0012"), false);
        // One that refused, and one that cannot be reached.
        bill.put(tariff(10), 7)
            .failed(&fault(FaultKind::Refused(400)));
        bill.put(tariff(10), 7)
            .failed(&fault(FaultKind::Unreachable));
        check(&bill, 0, (100, 10), Some("0.0012"), false);
        // One that broke off after eight bytes.
        let broken = [
            Ok(Piece::text("12345678")),
            Err(Fault::new("p", FaultKind::Cut)),
        ];
        let pieces = bill
            .put(tariff(1000), 7)
            .follow(stream::iter(broken).boxed());
        drop(pieces.collect::<Vec<_>>().await);
        check(&bill, 3, (7, 2), Some("0.011"), true);
        check(&bill, 0, (107, 12), Some("0.0122"), true);
        assert_eq!(bill.spent(0).told().cost, None);
    }

    #[tokio::test]
    async fn who_was_left_waiting_may_charge_the_question() {
        let bill = Bill::default();
        bill.put(tariff(1000), 7).failed(&fault(FaultKind::Slow));
        check(&bill, 0, (7, 0), Some("0.007"), true);
        // Nobody waits any more.
        drop(bill.put(tariff(1000), 7));
        check(&bill, 1, (7, 0), Some("0.007"), true);
    }

    #[tokio::test]
    async fn a_price_that_is_not_known_makes_the_whole_unknown() {
        let bill = Bill::default();
        bill.put(tariff(1000), 7).said(&Tokens::new(1, 1));
        bill.put(None, 7).said(&Tokens::new(1, 1));
        check(&bill, 0, (2, 2), None, false);
        assert_eq!(bill.spent(0).about, "0.003".parse().unwrap());
    }
}
