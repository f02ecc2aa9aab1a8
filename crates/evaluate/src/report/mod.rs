//! The report as one page that needs nothing else: no network, no script, readable on paper.

mod page;
mod plots;
mod sections;
mod svg;

pub(crate) use page::html;
