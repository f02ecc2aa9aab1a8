//! Metrics of probabilities against what came true, one file per family.
//!
//! All of them work on [`Scored`]: rows sorted once by probability, with optional multiplicities per subject,
//! so that a bootstrap draw is a linear pass. An undefined metric is NaN here and `None` with a reason in a
//! report.

pub mod accuracy;
pub mod batch;
pub mod calibration;
pub(crate) mod cells;
pub mod censoring;
pub mod delong;
pub(crate) mod drawn;
pub mod multiplicity;
pub mod ranking;
pub mod recalibrate;
pub(crate) mod scored;
pub mod share;
pub mod survival;
pub mod utility;

pub use scored::{LOGIT_MARGIN, Row, Scored, expit, logit};
