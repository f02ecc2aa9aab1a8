//! The job on the server: begun, asked for until it is done, called off.

use super::{progress::Progress, session::Session};
use crate::{Error, Link, Step, caller::Ask};
use hyper::{
    Method,
    body::Bytes,
    header::{ACCEPT, CONTENT_LOCATION, HeaderName},
};

const PREFER: HeaderName = HeaderName::from_static("prefer");
const X_PROGRESS: HeaderName = HeaderName::from_static("x-progress");

impl Session {
    /// Asks for the export, and gives the address where the job is asked for.
    pub(super) async fn begin(&self, target: String, progress: &Progress) -> Result<Link, Error> {
        let step = Step::KickOff;
        let link = Link::of(&self.server, target);
        let headers = [(ACCEPT, "application/fhir+json"), (PREFER, "respond-async")];
        let ask = Ask::new(Method::GET, &link, &headers);
        let mut attempt = 0;
        loop {
            let answer = self.ask(step, &ask, true).await?;
            match answer.status.as_u16() {
                202 => {
                    let job = answer.header(CONTENT_LOCATION);
                    if job.is_empty() {
                        let reason = "the server began an export and didn't say where to ask for it (Content-Location)";
                        return Err(Error::Answer { step, reason });
                    }
                    return self.job(step, job);
                }
                200 => {
                    let reason = "the server answered at once, which isn't how bulk exports go";
                    return Err(Error::Answer { step, reason });
                }
                // It says that it began nothing. After other errors a job may be under way, and asking again would begin another.
                429 | 503 if attempt < self.limits.attempts => {
                    let asked = self.retry_after(&answer);
                    drop(answer);
                    self.rest(attempt, asked, progress).await;
                    attempt += 1;
                }
                _ => return Err(self.caller.refusal(step, answer).await),
            }
        }
    }

    /// Asks until the list of files, or a page of it, is ready, as often as the server wishes.
    pub(super) async fn wait(
        &self,
        at: &Link,
        with_token: bool,
        progress: &Progress,
    ) -> Result<Bytes, Error> {
        let step = Step::Status;
        let ask = Ask::new(Method::GET, at, &[(ACCEPT, "application/json")]);
        // In a row: failures, and times that it wasn't ready.
        let (mut failed, mut unready) = (0, 0);
        loop {
            let answer = match self.ask(step, &ask, with_token).await {
                Ok(answer) => answer,
                Err(Error::Unanswered { .. }) if failed < self.limits.attempts => {
                    self.rest(failed, None, progress).await;
                    failed += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let asked = self.retry_after(&answer);
            let (attempt, asked) = match answer.status.as_u16() {
                200 => {
                    let body = self.caller.body(step, answer, self.limits.manifest_bytes).await;
                    match body {
                        Ok(body) => return Ok(body),
                        Err(Error::Unanswered { .. }) if failed < self.limits.attempts => {
                            failed += 1;
                            (failed - 1, None)
                        }
                        Err(error) => return Err(error),
                    }
                }
                // Too often is no failure of the server's; how long all may take is bounded elsewhere.
                202 | 429 => {
                    if answer.status == 202 {
                        progress.wait(answer.header(X_PROGRESS));
                    }
                    failed = 0;
                    unready += 1;
                    (unready - 1, asked)
                }
                500 | 502 | 503 | 504 if failed < self.limits.attempts => {
                    let refusal = self.caller.refusal(step, answer).await;
                    // A job that failed says so by a code; a server in trouble says nothing, or that it will pass.
                    if is_final(&refusal) {
                        return Err(refusal);
                    }
                    failed += 1;
                    (failed - 1, asked)
                }
                _ => return Err(self.caller.refusal(step, answer).await),
            };
            self.rest(attempt, asked, progress).await;
        }
    }

    /// Calls the job off, so that the server keeps nothing of it. One that is gone is called off.
    pub(super) async fn call_off(&self, job: &Link) -> Result<(), Error> {
        let step = Step::Cancel;
        let ask = Ask::new(Method::DELETE, job, &[(ACCEPT, "application/json")]);
        let answer = self.ask(step, &ask, true).await?;
        match answer.status.as_u16() {
            200..=299 | 404 | 410 => Ok(()),
            _ => Err(self.caller.refusal(step, answer).await),
        }
    }
}

fn is_final(refusal: &Error) -> bool {
    let Error::Refused { code: Some(code), .. } = refusal else { return false };
    !matches!(*code, "transient" | "lock-error" | "no-store" | "timeout" | "incomplete" | "throttled")
}
