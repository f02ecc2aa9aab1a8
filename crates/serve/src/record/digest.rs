//! A body that is digested as it passes by, and held where it is to be kept.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Passes a body on, and tells the digest of all of it when it has arrived whole, with the pieces that it came in if they were to be
/// held. How large a body may be is bounded before.
pub(super) struct Digested<F> {
    body: Body,
    hasher: blake3::Hasher,
    held: Option<Vec<Bytes>>,
    tell: Option<F>,
}

impl<F: FnOnce(String, Option<Vec<Bytes>>)> Digested<F> {
    pub(super) fn new(body: Body, hasher: blake3::Hasher, hold: bool, tell: F) -> Self {
        Digested { body, hasher, held: hold.then(Vec::new), tell: Some(tell) }
    }
}

impl<F: FnOnce(String, Option<Vec<Bytes>>) + Unpin> HttpBody for Digested<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.hasher.update(data);
                    if let Some(held) = &mut self.held {
                        held.push(data.clone());
                    }
                }
            }
            Poll::Ready(None) => {
                let digest = self.hasher.finalize().to_hex().to_string();
                let held = self.held.take();
                if let Some(tell) = self.tell.take() {
                    tell(digest, held);
                }
            }
            _ => {}
        }
        polled
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
