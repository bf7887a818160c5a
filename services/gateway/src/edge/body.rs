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
    let flag = over.clone();
    let announced = request
        .headers()
        .get("content-length")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    let mut seen = 0;
    let body = request.take_body();
    // A body that announces too much fails before its first byte is read.
    let refuse_at_once = announced.is_some_and(|length| length > limit);
    let counted = body.into_bytes_stream().and_then(move |bytes| {
        seen += bytes.len();
        let over_limit = seen > limit;
        if over_limit {
            flag.0.store(true, Ordering::Relaxed);
        }
        futures::future::ready(if over_limit {
            Err(io::Error::other("the body is too large"))
        } else {
            Ok(bytes)
        })
    });
    if refuse_at_once {
        over.0.store(true, Ordering::Relaxed);
        let failed = futures::stream::once(futures::future::ready(Err::<Vec<u8>, _>(
            io::Error::other("the body is too large"),
        )));
        request.set_body(Body::from_bytes_stream(failed));
    } else if announced != Some(0) {
        request.set_body(Body::from_bytes_stream(counted));
    }
    over
}
