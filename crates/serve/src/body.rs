//! Reading a request's body within limits of size, time, memory and depth.

use crate::{AppState, error::ApiError};
use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use hyper::body::Frame;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A body, counted against the memory that all bodies together may take, for as long as it lives.
pub(crate) struct ReceivedBody {
    bytes: Vec<u8>,
    held: Arc<Held>,
}

impl ReceivedBody {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its share of the memory, for what is made of it.
    pub(crate) fn held(&self) -> Arc<Held> {
        self.held.clone()
    }

    /// To be read once more, by a door.
    pub(crate) fn buffered(self) -> Buffered {
        Buffered { bytes: self.bytes.into(), read: false, _held: self.held }
    }
}

/// A body that has arrived, and that a door has not read yet. It counts against the same memory.
pub(crate) struct Buffered {
    bytes: Bytes,
    read: bool,
    _held: Arc<Held>,
}

impl Buffered {
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl HttpBody for Buffered {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.read, true) {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(self.bytes.clone()))))
    }
}

/// Reads a JSON body.
pub(crate) async fn receive_json(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<ReceivedBody, ApiError> {
    // Asking for a JSON type also keeps other sites' forms out: a browser sends those without asking first.
    if !is_json(headers) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let limit = state.settings().max_body_bytes;
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(ApiError::BodyTooLarge { limit });
    }
    let reading = collect(body, limit, Held::new(state.buffered_kib().clone()));
    timeout(state.settings().body_timeout, reading).await.unwrap_or(Err(ApiError::BodyTimeout))
}

async fn collect(mut body: Body, limit: usize, mut held: Held) -> Result<ReceivedBody, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ApiError::BodyBroken)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(ApiError::BodyTooLarge { limit });
        }
        held.grow_to(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(ReceivedBody { bytes, held: Arc::new(held) })
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A share of the memory for bodies. It grows with what has arrived, not with what was announced, so that a
/// caller who announces much and sends little holds little.
pub(crate) struct Held {
    budget: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    kib: usize,
}

impl Held {
    fn new(budget: Arc<Semaphore>) -> Self {
        Held { budget, permit: None, kib: 0 }
    }

    fn grow_to(&mut self, bytes: usize) -> Result<(), ApiError> {
        let more = bytes.div_ceil(1024).saturating_sub(self.kib);
        if more == 0 {
            return Ok(());
        }
        let wanted = u32::try_from(more).map_err(|_| ApiError::Overloaded)?;
        let permit = self.budget.clone().try_acquire_many_owned(wanted).map_err(|_| ApiError::Overloaded)?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        self.kib += more;
        Ok(())
    }
}

/// The most that one list or object of a request may hold: entries of a Bundle, events, rows of a table.
pub(crate) const MOST_ENTRIES: usize = 200_000;
/// The most values that a request may hold in all, lists and objects counted with them.
pub(crate) const MOST_VALUES: usize = 2_000_000;

/// Refuses JSON that nests deeper than `depth`, or holds more than may be built of it: `{}` takes three bytes to send and a hundred
/// to hold. Looks at brackets and commas outside strings alone, so that it's safe to ask of bytes that are no JSON at all, and keeps parsers
/// that recurse from meeting what would exhaust them.
pub(crate) fn within_bounds(json: &[u8], depth: usize) -> Result<(), ApiError> {
    // What each list and object that is open holds so far.
    let mut open: Vec<usize> = Vec::new();
    let mut values = 0usize;
    let mut rest = json.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => skip_string(&mut rest),
            b'{' | b'[' => {
                if open.len() >= depth {
                    return Err(ApiError::TooDeep { limit: depth });
                }
                open.push(1);
                values += 1;
            }
            b'}' | b']' => drop(open.pop()),
            b',' => {
                values += 1;
                if let Some(held) = open.last_mut() {
                    *held += 1;
                    if *held > MOST_ENTRIES {
                        return Err(ApiError::TooManyEntries { limit: MOST_ENTRIES });
                    }
                }
            }
            _ => {}
        }
        if values > MOST_VALUES {
            return Err(ApiError::TooManyEntries { limit: MOST_VALUES });
        }
    }
    Ok(())
}

/// Goes on behind the quotation mark that ends a string, or to the end where none does.
fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest.as_slice()) {
        let mark = rest.nth(at);
        if mark == Some(&b'"') {
            return;
        }
        // Whatever is escaped doesn't end it.
        rest.next();
    }
    *rest = [].iter();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nests_within(json: &[u8], limit: usize) -> bool {
        within_bounds(json, limit).is_ok()
    }

    #[test]
    fn what_is_held_is_counted_in_each_list_and_in_all() {
        let limit = |json: String| match within_bounds(json.as_bytes(), 9) {
            Ok(()) => None,
            Err(ApiError::TooManyEntries { limit }) => Some(limit),
            Err(_) => Some(0),
        };
        let list = |held: usize| format!("[{}{{}}]", "{},".repeat(held - 1));
        assert_eq!(limit(list(MOST_ENTRIES)), None);
        assert_eq!(limit(list(MOST_ENTRIES + 1)), Some(MOST_ENTRIES));
        assert_eq!(limit(format!("{{\"a\":{},\"b\":{}}}", list(MOST_ENTRIES), list(MOST_ENTRIES))), None);
        // A comma in a text separates nothing.
        assert_eq!(limit(format!("[\"{}\"]", ",".repeat(MOST_VALUES + 1))), None);
        // Each list holds little: 2 values each but the first.
        let many = |lists: usize| {
            format!("[{}]", vec![format!("[{}]", vec!["[]"; 1_000].join(",")); lists].join(","))
        };
        assert_eq!((limit(many(999)), limit(many(1_000))), (None, Some(MOST_VALUES)));
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert!(nests_within(br#"{"a":"[[[[\"[[[","b":[1]}"#, 2));
        assert!(!nests_within(br#"{"a":[[1]]}"#, 2));
        assert!(nests_within(b"]]]][", 1));
    }

    #[test]
    fn media_types() {
        let is =
            |value: &str| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]));
        assert!(
            is("application/json; charset=utf-8") && is("application/fhir+json") && is("Application/JSON")
        );
        assert!(!is("text/plain") && !is("application/x-www-form-urlencoded") && !is("text/x+json"));
        assert!(!is_json(&HeaderMap::new()));
    }

    proptest! {
        /// The scan agrees with a real parser on how deep a document is.
        #[test]
        fn depth_is_the_parser_s(depth in 1usize..40, limit in 1usize..40, text in "[\\[\\]{}\"\\\\a-z]{0,12}") {
            let mut value = serde_json::Value::String(text);
            for level in 0..depth {
                value = if level % 2 == 0 { serde_json::json!([value]) } else { serde_json::json!({ "k": value }) };
            }
            prop_assert_eq!(nests_within(value.to_string().as_bytes(), limit), depth <= limit);
        }
    }
}
