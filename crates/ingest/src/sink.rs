//! Where a reader puts what it read.

use crate::{Rejection, Version};
use events::SourceFact;

/// Receives facts and rejections from a reader. One sink per thread; implementations do not block readers
/// on each other.
pub trait Sink {
    /// One fact about the subject with this source key.
    ///
    /// # Errors
    /// When the spill cannot be written (a full disk); the run ends.
    fn fact(&mut self, subject: &str, fact: SourceFact) -> std::io::Result<()>;

    /// One fact of a version of a resource, or with `None` that this version gives no facts. Of one subject's
    /// versions of a resource only the newest counts.
    ///
    /// # Errors
    /// As [`Sink::fact`].
    fn versioned(
        &mut self,
        subject: &str,
        version: &Version,
        fact: Option<SourceFact>,
    ) -> std::io::Result<()> {
        let _ = version;
        fact.map_or(Ok(()), |fact| self.fact(subject, fact))
    }

    /// Which of the sources is being read: a number that is greater for those that come later.
    fn source(&self) -> u64 {
        0
    }

    /// Somebody said that a subject has died, readably since when or not; without a `subject` where it can't be told who. What a
    /// newer version of the resource says instead counts.
    fn said_dead(&mut self, subject: Option<&str>, version: Option<&Version>) {
        let _ = (subject, version);
    }

    /// One row (or resource) that could not be read.
    fn reject(&mut self, rejection: Rejection);

    /// Counts one row or resource that was read, whether or not facts came of it. The share of rejections is
    /// measured against this.
    fn read(&mut self);

    /// What a code means, from the source's own vocabulary tables (not from patient rows): kept for
    /// `codes.parquet`. `parents` are whole codes.
    fn describe(&mut self, code: &str, description: &str, parents: &[String]);

    /// The source's own list of codes says that a code it describes is of something done (a procedure, a visit's type), not a
    /// condition.
    fn says_procedure(&mut self, code: &str) {
        let _ = code;
    }

    /// Counts something that was read and understood, and of which by intent nothing comes: a resource type
    /// that is not read, a procedure that did not happen. `kind` is a resource type or table; neither word
    /// carries a value.
    fn ignore(&mut self, kind: &'static str, reason: &'static str) {
        let _ = (kind, reason);
    }
}
