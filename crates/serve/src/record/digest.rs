//! A body that is digested as it passes by.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Passes a body on, and tells the digest of all of it when it has arrived whole.
pub(super) struct Digested<F> {
    body: Body,
    hasher: blake3::Hasher,
    tell: Option<F>,
}

impl<F: FnOnce(String)> Digested<F> {
    pub(super) fn new(body: Body, hasher: blake3::Hasher, tell: F) -> Self {
        Digested { body, hasher, tell: Some(tell) }
    }
}

impl<F: FnOnce(String) + Unpin> HttpBody for Digested<F> {
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
                }
            }
            Poll::Ready(None) => {
                let digest = self.hasher.finalize().to_hex().to_string();
                if let Some(tell) = self.tell.take() {
                    tell(digest);
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
