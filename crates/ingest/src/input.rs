//! One stream of bytes to read records from, whatever it came out of.

mod archive;
mod digest;
mod open;
mod safe_name;
mod sources;

pub(crate) use archive::{Archive, Entry};
use digest::Digesting;
pub(crate) use open::{Damage, Opened, OpenedEntry, is_zip_by_name, may_be_archive, open};
pub(crate) use safe_name::stem;
pub(crate) use sources::{SourceFile, list};

use std::io::BufRead;

/// An opened, decompressed input.
pub struct Input {
    /// A name that is safe to print: generic names (`Patient.000.ndjson`, `person.csv`) as they are, all
    /// others (a file may be named after a patient) as `file-0012.json`.
    pub safe_name: String,
    /// The file name without compression suffixes, its other suffixes in lower case, for telling tables apart and for subjects
    /// that are named by their file. Never printed.
    pub table_name: String,
    /// The bytes, decompressed.
    pub reader: Box<dyn BufRead + Send>,
}
