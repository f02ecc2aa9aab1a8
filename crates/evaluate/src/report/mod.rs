//! The report as one page that needs nothing else: no network, no script, readable on paper.

mod beside;
mod page;
mod plots;
mod sections;
mod svg;
mod trust;
mod ward;

pub(crate) use page::html;
