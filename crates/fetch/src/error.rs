//! Why an export didn't come. No message holds a token, a link, or anything of a record: a server is told by its host, a file by the
//! name that it was given here.

use crate::{Failure, smart::NoKey};
use std::{fmt, io};

/// A step of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Asking for the token endpoint at `.well-known/smart-configuration`.
    Discovery,
    /// Asking for a token.
    Token,
    /// Asking for the export to begin.
    KickOff,
    /// Asking whether it is ready.
    Status,
    /// Fetching a file.
    File,
    /// Calling it off.
    Cancel,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Discovery => "asking for .well-known/smart-configuration",
            Step::Token => "asking for a token",
            Step::KickOff => "asking for the export ($export)",
            Step::Status => "asking whether the export is ready",
            Step::File => "fetching a file",
            Step::Cancel => "calling the export off",
        })
    }
}

/// Why an export didn't come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting can't be used.
    #[error("{name} {reason}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What it must be.
        reason: &'static str,
    },
    /// The private key can't be used.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// The server didn't answer.
    #[error("{step}: {failure}")]
    Unanswered {
        /// When.
        step: Step,
        /// Why.
        failure: Failure,
    },
    /// The server answered with a refusal or an error.
    #[error("{step}: the server answered {status}{}{}", code.map(|code| format!(" ({code})")).unwrap_or_default(), advice(*step, *status))]
    Refused {
        /// When.
        step: Step,
        /// The HTTP status.
        status: u16,
        /// The code of the answer's OperationOutcome or OAuth error, where it is one of those that the standards name.
        code: Option<&'static str>,
    },
    /// The server's answer isn't what the standard says.
    #[error("{step}: {reason}")]
    Answer {
        /// When.
        step: Step,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A link leads to a server that may not be asked.
    #[error("{step}: the server points to {host}, which may not be asked for this; {remedy}")]
    Elsewhere {
        /// When.
        step: Step,
        /// Host and port.
        host: String,
        /// What may be done.
        remedy: &'static str,
    },
    /// More was offered than may be taken.
    #[error("{what} is past the limit of {limit}")]
    TooMuch {
        /// What.
        what: &'static str,
        /// The limit, with its unit.
        limit: String,
    },
    /// A file isn't what the server said, twice.
    #[error("{name}: {reason}; it was fetched twice")]
    Damaged {
        /// The file's name in the download directory.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The download directory can't be used.
    #[error("the download directory {reason}")]
    Directory {
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// Reading or writing the download directory failed.
    #[error("the download directory could not be {doing} ({kind})")]
    Disk {
        /// `read` or `written`.
        doing: &'static str,
        /// What the operating system said, by class.
        kind: io::ErrorKind,
    },
    /// It took longer than it may.
    #[error(
        "the export was not there after {hours} hours, the limit; the same command again goes on from here"
    )]
    Late {
        /// The limit.
        hours: f64,
    },
}

impl Error {
    pub(crate) fn read(error: &io::Error) -> Self {
        Error::Disk { doing: "read", kind: error.kind() }
    }

    pub(crate) fn written(error: &io::Error) -> Self {
        Error::Disk { doing: "written", kind: error.kind() }
    }
}

fn advice(step: Step, status: u16) -> &'static str {
    match (step, status) {
        (Step::Token, _) => "; check the client's registration there, its public key and the scope",
        (_, 401 | 403) => "; check what the token may read",
        (Step::KickOff, 404 | 405) => "; does it offer bulk exports at this address and this level?",
        (Step::Status, 404 | 410) => "; the export is no longer there, so that another must be begun",
        (Step::File, 404 | 410) => "; the export's files may have expired, so that another must be begun",
        _ => "",
    }
}

/// Codes that a standard names: issue types of FHIR R4, errors of RFC 6749 §5.2. Any other may hold a name.
const KNOWN_CODES: [&str; 37] = [
    "invalid",
    "structure",
    "required",
    "value",
    "invariant",
    "security",
    "login",
    "unknown",
    "expired",
    "forbidden",
    "suppressed",
    "processing",
    "not-supported",
    "duplicate",
    "multiple-matches",
    "not-found",
    "deleted",
    "too-long",
    "code-invalid",
    "extension",
    "too-costly",
    "business-rule",
    "conflict",
    "transient",
    "lock-error",
    "no-store",
    "exception",
    "timeout",
    "incomplete",
    "throttled",
    "informational",
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// The code, if it is one that a standard names.
pub(crate) fn known_code(code: &str) -> Option<&'static str> {
    KNOWN_CODES.into_iter().find(|known| *known == code)
}
