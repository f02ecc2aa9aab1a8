//! Answers that take so long that their caller is told how far they are: server-sent events, of which the last is the answer. What
//! it says of a patient leaves when it is on record, as every answer does; progress says nothing of anybody.

use crate::error::ApiError;
use axum::{
    body::{Body, Bytes, HttpBody},
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use serde_json::json;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};
use tokio::sync::{mpsc, watch};

/// How far an answer is.
pub(crate) struct Progress {
    pub(crate) drawn: watch::Receiver<usize>,
    pub(crate) of: usize,
}

type Answer = Pin<Box<dyn Future<Output = Result<Bytes, ApiError>> + Send>>;

/// What a door hands to the ledger's layer in an answer's place: the layer waits for it, records it, and sends it.
#[derive(Clone)]
pub(crate) struct Late(Arc<Mutex<Option<(Progress, Answer)>>>);

impl Late {
    /// A response that is still to come.
    pub(crate) fn response(
        progress: Progress,
        answer: impl Future<Output = Result<Bytes, ApiError>> + Send + 'static,
    ) -> Response {
        let mut response = ().into_response();
        let answer: Answer = Box::pin(answer);
        response.extensions_mut().insert(Late(Arc::new(Mutex::new(Some((progress, answer))))));
        response
    }

    /// The stream of events; `settle` records the answer and says what may leave. When the caller goes, so does the answer, and that is
    /// recorded: the model was asked, and some of the progress may have left.
    pub(crate) fn stream<F>(
        self,
        settle: impl FnOnce(Result<Bytes, ApiError>) -> F + Send + 'static,
    ) -> Option<Body>
    where
        F: Future<Output = Settled> + Send + 'static,
    {
        let (mut progress, mut coming) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (sender, receiver) = mpsc::channel(8);
        tokio::spawn(async move {
            let answer = loop {
                tokio::select! {
                    answer = &mut coming => break answer,
                    () = sender.closed() => break Err(ApiError::CallerLeft),
                    Ok(()) = progress.drawn.changed() => {
                        let drawn = *progress.drawn.borrow_and_update();
                        // A caller who reads slowly misses some of it.
                        let _ = sender.try_send(event("progress", None, &json!({ "drawn": drawn, "of": progress.of }).to_string()));
                    }
                }
            };
            // Whoever still works at it may end.
            drop(coming);
            let settled = settle(answer).await;
            let (name, body) = match &settled.body {
                Ok(body) => ("answer", body),
                Err(body) => ("error", body),
            };
            let text = String::from_utf8_lossy(body);
            // Whoever left in this moment finds it in the ledger.
            let _ = sender.send(event(name, settled.link.as_deref(), &text)).await;
        });
        Some(Body::new(Events(receiver)))
    }
}

/// What may leave.
pub(crate) struct Settled {
    /// The answer, or an error's body; JSON on one line.
    pub(crate) body: Result<Bytes, Bytes>,
    /// Where it is on record.
    pub(crate) link: Option<String>,
}

fn event(name: &str, id: Option<&str>, data: &str) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {name}\n{id}data: {data}\n\n").into()
}

struct Events(mpsc::Receiver<Bytes>);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
