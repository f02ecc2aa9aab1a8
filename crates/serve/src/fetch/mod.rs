//! What the server asks of others: of FHIR servers that its operator has named, what a CDS Hooks call's prefetch lacks; of identity
//! providers that he has named, their public keys ([`SignedIn`]). Beside it only traces go out (`crate::traces`).
//!
//! The first is off unless servers are named ([`FhirServers`]). A caller's `fhirServer` is then *looked up* among them, and what is asked is
//! built from the operator's own words: an address that only a caller names is never opened. Rules, each with a test:
//!
//! - Origin to the letter, and a path at or below the one that was named. An address with user info, a query, a fragment, an escape
//!   or a dot segment is none.
//! - Redirects are not followed. A page's `next` is followed only within the server that was asked.
//! - Only the queries of the prefetch templates; the patient's id must have an id's shape.
//! - Bounds on time, size, pages and calls at once.
//! - The token goes to that server alone.
//!
//! What holds for any connection (`https`, which addresses may be opened) is the [`fetch`](::fetch) room's.

mod client;
mod keys;
mod prefetch;
mod server;

pub use fetch::AddressRule;
pub(crate) use fetch::Token;
pub use keys::SignedIn;
pub(crate) use prefetch::{Fetched, Lack, Wanted};
pub use server::FhirServers;

use std::time::Duration;

/// Bounds on what one call may fetch.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// All that one call fetches together may take so long.
    pub time: Duration,
    /// To connect, TLS included.
    pub connect: Duration,
    /// The largest answer to one request, in bytes.
    pub answer_bytes: usize,
    /// All answers of one call together, in bytes.
    pub call_bytes: usize,
    /// Pages of one query; what lies beyond is told as a gap.
    pub pages: usize,
    /// Calls that fetch at the same time; past it a call is answered as if nothing could be fetched.
    pub calls: usize,
}

impl Default for FetchLimits {
    /// Five seconds, 8 MiB an answer, 16 MiB a call, four pages a query, 16 calls at once.
    fn default() -> Self {
        FetchLimits {
            time: Duration::from_secs(5),
            connect: Duration::from_secs(2),
            answer_bytes: 8 << 20,
            call_bytes: 16 << 20,
            pages: 4,
            calls: 16,
        }
    }
}
