//! Where a reader puts what it read.

use crate::Rejection;
use events::SourceFact;

/// Receives facts and rejections from a reader. One sink per thread; implementations do not block readers
/// on each other.
pub trait Sink {
    /// One fact about the subject with this source key.
    ///
    /// # Errors
    /// When the spill cannot be written (a full disk); the run ends.
    fn fact(&mut self, subject: &str, fact: SourceFact) -> std::io::Result<()>;

    /// One row (or resource) that could not be read.
    fn reject(&mut self, rejection: Rejection);

    /// Counts one row or resource that was read, whether or not facts came of it. The share of rejections is
    /// measured against this.
    fn read(&mut self);

    /// What a code means, from the source's own vocabulary tables (not from patient rows): kept for
    /// `codes.parquet`. `parents` are whole codes.
    fn describe(&mut self, code: &str, description: &str, parents: &[String]);

    /// Counts something that was read and understood, and of which by intent nothing comes: a resource type
    /// that is not read, a procedure that did not happen. `kind` is a resource type or table; neither word
    /// carries a value.
    fn ignore(&mut self, kind: &'static str, reason: &'static str) {
        let _ = (kind, reason);
    }
}
