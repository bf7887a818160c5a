//! How fast an answer in chunks comes: its reader says how far it may go, and whether it is wanted at all.
//!
//! A question names a subject, `pace.<organization>.<word>`, and how many chunks may come before a word there. A word is a number:
//! chunks up to that one may come. 0: none is wanted any more.
//!
//! **Invariant:** a subject names no more than its tenant and a random word, and what is said there is never stored.

use async_nats::{Client, HeaderMap, Subscriber};
use contracts::{Problem, Subject, id::TenantId, subject::Token};
use futures::StreamExt;

use crate::{
    Bus, Error,
    error::during,
    headers::{PACE, WINDOW},
};

/// Chunks that may come before the reader has said a word: so a slow reader never has more than these before it.
pub(crate) const READ_AHEAD: u64 = 256;

/// What the sender of a question wants to say while it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    subject: Subject,
    /// The last chunk that may come before a word; none where all may.
    window: Option<u64>,
}

/// What the reader of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaceWord {
    /// Chunks up to this one may come.
    UpTo(u64),
    /// Nothing more is wanted.
    Stop,
}

/// The words of the reader of one answer.
pub struct PaceWords(Subscriber);

/// The reader's end: says that nothing more is wanted when it is dropped before the end.
pub(crate) struct Reader {
    client: Client,
    subject: Subject,
    allowed: u64,
    over: bool,
}

impl Pace {
    /// What the headers of a tenant's question say; none where they name no subject.
    ///
    /// # Errors
    /// When the subject is none of the tenant's, or the window no number from 1: a reader that relies on it must hear so.
    pub fn of(headers: Option<&HeaderMap>, tenant: TenantId) -> Result<Option<Self>, Problem> {
        let header = |name: &'static str| headers.and_then(|headers| headers.get(name));
        let Some(subject) = header(PACE) else {
            return Ok(None);
        };
        let subject = Subject::pace_of(tenant, subject.as_str()).ok_or_else(|| {
            Problem::malformed(format!("`{PACE}` must be `pace.{tenant}.<word>`"))
        })?;
        let window = match header(WINDOW).map(|text| text.as_str().parse::<u64>()) {
            None => None,
            Some(Ok(chunks)) if chunks > 0 => Some(chunks),
            Some(_) => {
                let text = format!("`{WINDOW}` must be a number of chunks from 1");
                return Err(Problem::malformed(text));
            }
        };
        Ok(Some(Self { subject, window }))
    }

    pub const fn window(&self) -> Option<u64> {
        self.window
    }
}

impl PaceWords {
    /// The next word; none when the connection is gone. What cannot be read is no word.
    pub async fn next(&mut self) -> Option<PaceWord> {
        loop {
            if let Some(word) = word(&self.0.next().await?.payload) {
                return Some(word);
            }
        }
    }
}

fn word(text: &[u8]) -> Option<PaceWord> {
    let number: u64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
    Some(match number {
        0 => PaceWord::Stop,
        most => PaceWord::UpTo(most),
    })
}

impl Bus {
    /// Listens to the reader of an answer.
    ///
    /// # Errors
    /// When the subscription is refused.
    pub async fn pace(&self, pace: &Pace) -> Result<PaceWords, Error> {
        let words = self.client.subscribe(pace.subject.to_string()).await;
        words.map(PaceWords).map_err(during("listen to a reader"))
    }

    /// Lets `headers` name where the reader of an answer will speak.
    pub(crate) fn reader(&self, tenant: TenantId, headers: &mut HeaderMap) -> Reader {
        let subject = Subject::pace(tenant, &self.random_word());
        headers.insert(PACE, subject.as_str());
        headers.insert(WINDOW, READ_AHEAD.to_string());
        Reader {
            client: self.client.clone(),
            subject,
            allowed: READ_AHEAD,
            over: false,
        }
    }

    /// Tells one question from every other.
    pub(crate) fn random_word(&self) -> Token {
        // The last part of an inbox's name is random.
        let inbox = self.client.new_inbox();
        let word = inbox.rsplit('.').next().and_then(Token::new);
        word.expect("an inbox ends in letters and digits")
    }
}

impl Reader {
    /// This chunk was read.
    pub(crate) async fn read(&mut self, n: u64) {
        if n + READ_AHEAD / 2 < self.allowed {
            return;
        }
        self.allowed = n + READ_AHEAD;
        let (subject, word) = (self.subject.to_string(), self.allowed.to_string());
        // If it is lost the connection is, and with it the answer.
        if let Err(error) = self.client.publish(subject, word.into()).await {
            tracing::debug!(%error, "a reader could not say how far it is");
        }
    }

    /// Nothing more comes.
    pub(crate) const fn end(&mut self) {
        self.over = true;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A drop cannot wait; without a runtime the deadline does the same, later.
        let Some(runtime) = tokio::runtime::Handle::try_current()
            .ok()
            .filter(|_| !self.over)
        else {
            return;
        };
        let (client, subject) = (self.client.clone(), self.subject.to_string());
        drop(runtime.spawn(async move { client.publish(subject, "0".into()).await }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_number() {
        assert_eq!(word(b"64"), Some(PaceWord::UpTo(64)));
        assert_eq!(word(b" 64\n"), Some(PaceWord::UpTo(64)));
        assert_eq!(word(b"0"), Some(PaceWord::Stop));
        for text in [&b""[..], b"-1", b"stop", b"\xff"] {
            assert_eq!(word(text), None);
        }
    }

    #[test]
    fn a_question_says_where_its_reader_speaks() {
        let (tenant, word) = (TenantId::generate(), Token::new("x7").unwrap());
        let mut headers = HeaderMap::new();
        let read = |headers: &HeaderMap, tenant| Pace::of(Some(headers), tenant);
        assert_eq!(Pace::of(None, tenant).unwrap(), None);
        assert_eq!(read(&headers, tenant).unwrap(), None);
        let subject = Subject::pace(tenant, &word);
        headers.insert(PACE, subject.as_str());
        let window = |headers: &HeaderMap| read(headers, tenant).unwrap().unwrap().window();
        assert_eq!(window(&headers), None);
        headers.insert(WINDOW, "64");
        assert_eq!(window(&headers), Some(64));
        let foreign = read(&headers, TenantId::generate()).unwrap_err();
        assert_eq!(foreign.status, 400);
        assert!(foreign.detail.contains(PACE), "{foreign:?}");
        for text in ["many", "0", "-1", ""] {
            headers.insert(WINDOW, text);
            let wrong = read(&headers, tenant).unwrap_err();
            assert_eq!(wrong.status, 400);
            assert!(wrong.detail.contains(WINDOW), "{wrong:?}");
        }
    }
}
