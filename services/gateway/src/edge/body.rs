//! The bound on request bodies, counted while they are read, so that it holds for chunked ones too.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::TryStreamExt;
use poem::{Body, Request};

/// Whether more than the limit has arrived.
#[derive(Clone, Default)]
pub(crate) struct OverLimit(Arc<AtomicBool>);

impl OverLimit {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Lets at most `limit` bytes of the body through; the byte after them is an error.
pub(super) fn limit(request: &mut Request, limit: usize) -> OverLimit {
    let over = OverLimit::default();
    let announced = announced(request);
    if announced == Some(0) {
        return over;
    }
    // A body that announces too much fails before its first byte is read, but not before somebody wants to read it.
    let mut left = match announced {
        Some(length) if length > limit => None,
        Some(_) | None => Some(limit),
    };
    let flag = over.clone();
    let counted = request
        .take_body()
        .into_bytes_stream()
        .and_then(move |bytes| {
            left = left.and_then(|left| left.checked_sub(bytes.len()));
            flag.0.store(left.is_none(), Ordering::Relaxed);
            let refused = || io::Error::other("the body is too large");
            futures::future::ready(left.map(|_| bytes).ok_or_else(refused))
        });
    request.set_body(Body::from_bytes_stream(counted));
    over
}

fn announced(request: &Request) -> Option<usize> {
    let length = request.headers().get("content-length")?;
    length.to_str().ok()?.parse().ok()
}
