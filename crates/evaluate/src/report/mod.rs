//! The report as one page that needs nothing else: no network, no script, readable on paper.

mod beside;
mod generative;
mod grading;
mod page;
mod plots;
mod privacy;
mod sections;
mod silent;
mod svg;
mod tripod;
mod trust;
mod ward;

pub(crate) use generative::html as generative_html;
pub(crate) use grading::html as grading_html;
pub(crate) use page::html;
pub use page::{Document, document, escape};
pub(crate) use privacy::html as privacy_html;
pub use svg::{Axis, Board, Ticks};
