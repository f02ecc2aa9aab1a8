//! What was asked and answered, who may ask, and whether a model may answer.
//!
//! Three parts, each with one reason to change: the [`ledger`] of calls, [`access`] by keys and signed tokens, and
//! the [`lifecycle`] of models. What may not enter: HTTP, a tensor, a clock, the environment. Times come in as
//! [`events::Time`], UTC, or through a [`Clock`] that whoever starts the program owns.
//!
//! ```
//! use govern::{SigningKey, access::{Grant, Keyring, Scope}, ledger::{self, Ledger, LedgerSettings, Record, SqliteStore}};
//! use events::Time;
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), govern::Error> {
//! # let directory = std::env::temp_dir().join(format!("govern-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory).unwrap();
//! let now = Time::from_ymd(2026, 11, 26).unwrap();
//! let keys = Keyring::open(&directory.join("access.db"))?;
//! let secret = keys.grant(&Grant::new("ward app", [Scope::Predict]), now)?;
//! let caller = keys.admit(secret.expose().as_bytes(), now).unwrap();
//!
//! let path = directory.join("ledger.db");
//! let signing = SigningKey::new()?;
//! let ledger = Ledger::start(Box::new(SqliteStore::open(&path)?), signing, Arc::new(move || now), LedgerSettings::default())?;
//! let record = Record::access(now, "granted", &caller.id, &caller.name);
//! ledger.append_blocking(&record)?;
//! drop(ledger); // writes the last checkpoint
//! let verified = ledger::verify(&SqliteStore::open(&path)?, &Default::default())?;
//! assert_eq!(verified.entries, 1);
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says what is wrong by failing"))]

pub mod access;
mod error;
mod hex;
pub mod inputs;
pub mod ledger;
pub mod lifecycle;
mod signing;
mod sqlite;
mod together;
mod trusted;

pub use error::Error;
pub use signing::{PublicKey, Signature, SigningKey};
pub use trusted::others_can_write;

use events::Time;
use std::sync::Arc;

/// Tells the time, UTC.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// A time as RFC 3339 in UTC.
pub fn stamp(time: Time) -> String {
    format!("{time}Z")
}
