//! Requests with the token that they need.

use super::{limits::ExportLimits, progress::Progress};
use crate::{
    Answer, Base, Error, Link, Step, Token,
    caller::{Ask, Caller},
    smart::{BackendServices, Granted},
};
use hyper::{StatusCode, header::RETRY_AFTER};
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::sync::Mutex;

/// Who asks.
#[derive(Debug)]
pub enum Credentials {
    /// Nobody: the server asks for no token.
    Nobody,
    /// Who has this token. It can't be renewed.
    Bearer(Token),
    /// A client that is registered by its public key.
    BackendServices(Box<BackendServices>),
}

/// A server, and who asks it.
pub(super) struct Session {
    pub(super) server: Base,
    pub(super) caller: Caller,
    pub(super) credentials: Credentials,
    pub(super) limits: ExportLimits,
    /// Seconds since 1970.
    pub(super) now: fn() -> u64,
    /// Whoever needs a token waits for the one who asks for it.
    pub(super) granted: Mutex<Option<Granted>>,
}

impl Session {
    /// Asks; when the token isn't taken, once more with a new one.
    pub(super) async fn ask(&self, step: Step, ask: &Ask<'_>, with_token: bool) -> Result<Answer, Error> {
        let unanswered = |failure| Error::Unanswered { step, failure };
        if !with_token {
            return self.caller.send(ask, None).await.map_err(unanswered);
        }
        let token = self.token().await?;
        let answer = self.caller.send(ask, token.as_ref()).await.map_err(unanswered)?;
        let renewable = matches!(self.credentials, Credentials::BackendServices(_));
        if answer.status != StatusCode::UNAUTHORIZED || !renewable {
            return Ok(answer);
        }
        drop(answer);
        {
            let mut granted = self.granted.lock().await;
            // Unless another has renewed it meanwhile.
            if granted.as_ref().map(|granted| &granted.token) == token.as_ref() {
                *granted = None;
            }
        }
        let token = self.token().await?;
        self.caller.send(ask, token.as_ref()).await.map_err(unanswered)
    }

    async fn token(&self) -> Result<Option<Token>, Error> {
        let service = match &self.credentials {
            Credentials::Nobody => return Ok(None),
            Credentials::Bearer(token) => return Ok(Some(token.clone())),
            Credentials::BackendServices(service) => service,
        };
        let mut granted = self.granted.lock().await;
        if let Some(granted) = granted.as_ref().filter(|granted| Instant::now() < granted.until) {
            return Ok(Some(granted.token.clone()));
        }
        let mut attempt = 0;
        let new = loop {
            match service.grant(&self.caller, &self.server, (self.now)()).await {
                Ok(new) => break new,
                Err(error) if attempt < self.limits.attempts && passes(&error) => {
                    tokio::time::sleep(self.limits.pause_before(attempt, None)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        };
        Ok(Some(granted.insert(new).token.clone()))
    }

    /// A link that the server gave, if it leads where one may ask.
    pub(super) fn link(&self, step: Step, address: &str) -> Result<Link, Error> {
        self.caller.link(step, address, "if it is right, name its origin as a further host of the export")
    }

    /// A link to a job. The token goes with whatever is asked of it, so that it must lie with the server that the token is for.
    pub(super) fn job(&self, step: Step, address: &str) -> Result<Link, Error> {
        let remedy = "a job is asked for with the token, so that it must be at the FHIR server's own host";
        let link = self.caller.link(step, address, remedy)?;
        match *link.origin() == self.server.origin() {
            true => Ok(link),
            false => Err(Error::Elsewhere { step, host: link.origin().authority(), remedy }),
        }
    }

    /// Waits before the next of several attempts; `asked` is what the server asked for, which is told to whoever draws it.
    pub(super) async fn rest(&self, attempt: u32, asked: Option<Duration>, progress: &Progress) {
        let pause = self.limits.pause_before(attempt, asked);
        progress.rest(asked.map(|_| pause));
        tokio::time::sleep(pause).await;
        progress.rest(None);
    }

    /// How long the server asks to wait: seconds or a date (RFC 9110 §10.2.3).
    pub(super) fn retry_after(&self, answer: &Answer) -> Option<Duration> {
        let said = answer.header(RETRY_AFTER).trim();
        if let Ok(seconds) = said.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let moment = httpdate::parse_http_date(said).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Duration::from_secs(moment.as_secs().saturating_sub((self.now)())))
    }
}

/// May the same be otherwise in a moment?
fn passes(error: &Error) -> bool {
    match error {
        Error::Unanswered { .. } => true,
        Error::Refused { status, .. } => is_passing(*status),
        _ => false,
    }
}

/// May an answer with this status be otherwise in a moment?
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}
