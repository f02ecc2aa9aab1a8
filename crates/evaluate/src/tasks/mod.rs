//! From records to labels: what is asked, when it is asked, and what came true.

mod aces;
mod altered;
mod codes;
mod document;
mod join;
mod landmark;
mod onset;
mod task_file;

pub use aces::AcesTask;
pub use altered::Alteration;
pub use codes::{Broader, CodeSet, NothingBroader};
pub use join::{Joined, attach_labels};
pub(crate) use landmark::observation_start;
pub use landmark::{Landmark, StudyWindow, prediction_times};
pub use onset::{LabelledTime, OnsetTask, SubjectTimeline, onset_labels, recurring_name};
pub use task_file::{OnsetFile, TaskFile};
