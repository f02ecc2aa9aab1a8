//! One file: fetched, gone on with where it was cut, and held to what the server said of it.

use super::{
    directory::Directory,
    lines::{Bounds, Lines, Past},
    manifest::{File as Listed, Whole},
    progress::Progress,
    session::{Session, is_passing},
};
use crate::{Answer, Error, Failure, Link, Step, caller::Ask};
use flate2::write::MultiGzDecoder;
use hyper::{
    Method, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderValue,
        IF_RANGE, LAST_MODIFIED, LOCATION, RANGE, TRANSFER_ENCODING,
    },
};
use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::time::timeout;

const ANOTHER_PART: &str = "the server gave another part than was asked for";
const DAMAGED_GZIP: &str = "its gzip data ends early or is damaged";

/// What all files of an export share.
pub(super) struct Files<'a> {
    pub(super) session: &'a Session,
    pub(super) directory: Directory,
    pub(super) progress: &'a Progress,
    pub(super) requires_access_token: bool,
    /// Bytes on disk.
    pub(super) taken: AtomicU64,
}

/// Why an attempt ended without the file.
enum Ended {
    /// It may go better in a moment.
    Passing { error: Error, gained: bool, asked: Option<Duration> },
    /// It was a part, as the server said, and there is more.
    More,
    /// What came can't be the file.
    Damaged(&'static str),
    /// It won't.
    Final(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error {
            Error::Unanswered { .. } => Ended::Passing { error, gained: false, asked: None },
            error => Ended::Final(error),
        }
    }
}

impl Files<'_> {
    /// Fetches a file, however often it takes.
    pub(super) async fn fetch(&self, at: usize, file: &Listed) -> Result<(), Error> {
        let url = file.url.as_deref().unwrap_or_default();
        let link = self.session.link(Step::File, url)?;
        let limits = &self.session.limits;
        let (mut attempt, mut damaged) = (0, false);
        loop {
            let ended = match self.attempt(at, file, &link).await {
                Ok((opened, whole)) => match difference(file, &whole) {
                    None => {
                        self.directory.finish(at, file, &opened, whole)?;
                        self.progress.add_file();
                        return Ok(());
                    }
                    Some(reason) => Ended::Damaged(reason),
                },
                Err(ended) => ended,
            };
            match ended {
                Ended::Final(error) => return Err(error),
                Ended::More => attempt = 0,
                Ended::Damaged(reason) if damaged => {
                    return Err(Error::Damaged { name: file.name.clone(), reason });
                }
                Ended::Damaged(_) => {
                    damaged = true;
                    self.directory.begin(at, None)?;
                }
                Ended::Passing { error, gained, asked } => {
                    if gained {
                        attempt = 0;
                    }
                    if attempt >= limits.attempts {
                        return Err(error);
                    }
                    self.session.rest(attempt, asked, self.progress).await;
                    attempt += 1;
                }
            }
        }
    }

    async fn attempt(&self, at: usize, file: &Listed, link: &Link) -> Result<(File, Whole), Ended> {
        let (opened, have, validator) = self.directory.partial(at, file)?;
        let validator = validator.filter(|_| have > 0);
        let mut ask = Ask::new(Method::GET, link, &[(ACCEPT, "application/fhir+ndjson")]);
        // A part of what is compressed on the way can't be gone on with.
        let encoding = if validator.is_some() { "identity" } else { "gzip" };
        ask.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        if let Some(same) = validator.as_deref().and_then(|same| HeaderValue::from_str(same).ok()) {
            let range = HeaderValue::from_str(&format!("bytes={have}-")).ok();
            range.into_iter().for_each(|range| drop(ask.headers.insert(RANGE, range)));
            ask.headers.insert(IF_RANGE, same);
        }
        let asked_for_rest = ask.headers.contains_key(RANGE);
        let answer = self.follow(ask).await?;
        match answer.status {
            StatusCode::OK if file.count.is_none() && ends_with_the_connection(&answer) => {
                let reason = "the server says neither how long a file is nor how many resources it holds, so that one that was cut off would \
                              look whole";
                Err(Ended::Final(Error::Answer { step: Step::File, reason }))
            }
            StatusCode::OK => self.take(at, opened, have, None, answer).await,
            StatusCode::PARTIAL_CONTENT if asked_for_rest => {
                let given = Given::read(answer.header(CONTENT_RANGE)).filter(|given| given.from == have);
                let given = given.ok_or(Ended::Damaged(ANOTHER_PART))?;
                self.take(at, opened, have, Some(given), answer).await
            }
            // It is shorter than what is here of it.
            StatusCode::RANGE_NOT_SATISFIABLE if asked_for_rest => {
                Err(Ended::Damaged("the server's file is shorter than before"))
            }
            status => {
                let asked = self.session.retry_after(&answer);
                let error = self.session.caller.refusal(Step::File, answer).await;
                Err(match is_passing(status.as_u16()) {
                    true => Ended::Passing { error, gained: false, asked },
                    false => Ended::Final(error),
                })
            }
        }
    }

    /// Asks for a file, and follows redirects to servers that may be asked. A token goes to the first alone.
    async fn follow(&self, mut ask: Ask<'_>) -> Result<Answer, Ended> {
        let step = Step::File;
        let mut answer = self.session.ask(step, &ask, self.requires_access_token).await?;
        for _ in 0..self.session.limits.redirects {
            if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let there = self.session.link(step, answer.header(LOCATION))?;
            let next = Ask {
                method: Method::GET,
                link: &there,
                headers: std::mem::take(&mut ask.headers),
                body: ask.body.clone(),
            };
            answer = self.session.ask(step, &next, false).await?;
            ask.headers = next.headers;
        }
        Ok(answer)
    }

    /// Writes what comes in place of the file's `have` bytes, or behind them where it is a part.
    async fn take(
        &self,
        at: usize,
        mut opened: File,
        have: u64,
        part: Option<Given>,
        mut answer: Answer,
    ) -> Result<(File, Whole), Ended> {
        let read = |e: &io::Error| Ended::Final(Error::read(e));
        let limits = &self.session.limits;
        let handle = opened.try_clone().map_err(|e| read(&e))?;
        let bounds = Bounds { file: limits.file_bytes, all: limits.all_bytes, taken: &self.taken };
        let mut lines = Lines::new(handle, bounds);
        if part.is_none() {
            opened.set_len(0).map_err(|e| Ended::Final(Error::written(&e)))?;
            self.taken.fetch_sub(have.min(self.taken.load(Relaxed)), Relaxed);
        } else {
            opened.rewind().map_err(|e| read(&e))?;
            let mut buffer = vec![0; 256 << 10];
            loop {
                match opened.read(&mut buffer).map_err(|e| read(&e))? {
                    0 => break,
                    n => lines.look(&buffer[..n]),
                }
            }
        }
        let coding = answer.header(CONTENT_ENCODING).to_ascii_lowercase();
        if !matches!(coding.as_str(), "" | "identity" | "gzip") || (part.is_some() && coding == "gzip") {
            let reason = "the server compressed a file in a way that wasn't asked for";
            return Err(Ended::Final(Error::Answer { step: Step::File, reason }));
        }
        let mut sink = None;
        let mut gained = false;
        if part.is_some() {
            sink = Some(Sink::Plain(Box::new(lines)));
        } else {
            // A file that was compressed when it was stored begins like one that is on the way.
            let first = self.next(&mut answer, false).await?;
            let gzip =
                coding == "gzip" || first.as_ref().is_some_and(|first| first.starts_with(&[0x1f, 0x8b]));
            self.directory.begin(at, validator(&answer).filter(|_| !gzip))?;
            let writer = match gzip {
                true => Sink::Gzip(Box::new(MultiGzDecoder::new(lines))),
                false => Sink::Plain(Box::new(lines)),
            };
            let writer = sink.insert(writer);
            if let Some(first) = first {
                self.write(writer, &first)?;
                gained = !gzip;
            }
        }
        let Some(mut sink) = sink else {
            return Err(Ended::Damaged("nothing came"));
        };
        while let Some(piece) = self.next(&mut answer, gained).await? {
            self.write(&mut sink, &piece)?;
            gained = matches!(sink, Sink::Plain(_));
        }
        let lines = match sink {
            Sink::Plain(lines) => *lines,
            Sink::Gzip(decoder) => decoder.finish().map_err(|_| Ended::Damaged(DAMAGED_GZIP))?,
        };
        match part {
            Some(given) if lines.bytes() != given.to => return Err(Ended::Damaged(ANOTHER_PART)),
            // A server may give less than all that is missing (RFC 9110 §15.3.7).
            Some(given) if given.to < given.total => return Err(Ended::More),
            _ => {}
        }
        let whole = lines.finish().ok_or(Ended::Damaged("it holds a line that is no JSON object"))?;
        Ok((opened, whole))
    }

    async fn next(&self, answer: &mut Answer, gained: bool) -> Result<Option<hyper::body::Bytes>, Ended> {
        let piece = timeout(self.session.limits.idle, answer.next()).await.unwrap_or(Err(Failure::Late));
        let error = |failure| Error::Unanswered { step: Step::File, failure };
        piece.map_err(|failure| Ended::Passing { error: error(failure), gained, asked: None })
    }

    fn write(&self, sink: &mut Sink<'_>, piece: &[u8]) -> Result<(), Ended> {
        let written = match sink {
            Sink::Plain(lines) => lines.write_all(piece),
            Sink::Gzip(decoder) => decoder.write_all(piece),
        };
        self.progress.add_bytes(piece.len());
        written.map_err(|error| {
            let past = error.get_ref().and_then(|inner| inner.downcast_ref::<Past>());
            let too_much =
                |what, limit| Ended::Final(Error::TooMuch { what, limit: format!("{limit} bytes") });
            match (past, &sink, error.kind()) {
                (Some(Past::File(limit)), ..) => too_much("a file's size", *limit),
                (Some(Past::All(limit)), ..) => too_much("the size of all files together", *limit),
                (None, Sink::Gzip(_), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                    Ended::Damaged(DAMAGED_GZIP)
                }
                _ => Ended::Final(Error::written(&error)),
            }
        })
    }
}

/// Where a file is written to.
enum Sink<'a> {
    Plain(Box<Lines<'a, File>>),
    Gzip(Box<MultiGzDecoder<Lines<'a, File>>>),
}

/// Which bytes of a file a part holds, and how many the file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Given {
    from: u64,
    /// Behind the last.
    to: u64,
    total: u64,
}

impl Given {
    /// Reads a `Content-Range` (RFC 9110 §14.4). One that doesn't say how long the file is gives none: without it nobody can tell when
    /// the file is whole.
    fn read(said: &str) -> Option<Given> {
        let (range, total) = said.strip_prefix("bytes ")?.split_once('/')?;
        let (from, last) = range.split_once('-')?;
        let (from, last, total) = (from.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
        (from <= last && last < total).then_some(Given { from, to: last + 1, total })
    }
}

/// In what a file isn't what the server said of it.
fn difference(file: &Listed, whole: &Whole) -> Option<&'static str> {
    let said = file.count?;
    (said != whole.lines).then_some("it holds another number of resources than the server's list says")
}

/// Does the body end where the connection does (RFC 9112 §6.3), however it came to its end?
fn ends_with_the_connection(answer: &Answer) -> bool {
    let is_chunked = answer.header(TRANSFER_ENCODING).to_ascii_lowercase().ends_with("chunked");
    !is_chunked && !answer.headers.contains_key(CONTENT_LENGTH)
}

/// What tells that a file is still the same one: a strong ETag, else its date (RFC 9110 §13.1.5).
fn validator(answer: &Answer) -> Option<String> {
    let tag = answer.header(ETAG);
    let strong = tag.len() >= 2 && tag.starts_with('"');
    let found = if strong { tag } else { answer.header(LAST_MODIFIED) };
    (!found.is_empty() && found.len() <= 256).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_says_where_it_lies_in_the_whole() {
        assert_eq!(Given::read("bytes 7-9/20"), Some(Given { from: 7, to: 10, total: 20 }));
        assert_eq!(Given::read("bytes 0-0/1"), Some(Given { from: 0, to: 1, total: 1 }));
        for said in [
            "",
            "bytes 7-9",
            "bytes 7-9/*",
            "bytes */20",
            "bytes 9-7/20",
            "bytes 7-20/20",
            "bytes 7-/20",
            "bytes 0-18446744073709551615/18446744073709551616",
            "items 7-9/20",
        ] {
            assert_eq!(Given::read(said), None, "{said}");
        }
    }
}
