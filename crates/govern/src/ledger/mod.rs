//! The ledger: one record a call, each chained to the one before.
//!
//! An entry's digest covers the entry before it, its own number and every byte of its record, so that no entry can
//! be changed, left out or put in between unseen. From time to time a [`Checkpoint`] is signed over the last
//! digest; whoever has noted one can also tell that later entries were cut off.
//!
//! Appending returns when the record is durable. One thread writes, and calls that arrive while it waits for the
//! disk share the next commit.

mod audit_event;
mod chain;
mod checkpoint;
mod postgres;
mod record;
mod sqlite;
mod store;
mod verify;
mod wal;
mod writer;

pub use self::postgres::{DatabaseAddress, PostgresStore};
pub use audit_event::audit_event;
pub use chain::{Digest, Link};
pub use checkpoint::Checkpoint;
pub use record::{AccessChange, Call, CriteriaRegistration, ModelState, Record, StageChange};
pub use sqlite::SqliteStore;
pub use store::{Entry, Store};
pub use verify::{Expectations, Verified, verify, verify_end};
pub use writer::{Appended, Ledger, LedgerSettings};

#[cfg(test)]
mod tests;
