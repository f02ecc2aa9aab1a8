//! The report as one page that needs nothing else: no network, no script, readable on paper.

mod beside;
mod generative;
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
pub(crate) use page::html;
pub(crate) use privacy::html as privacy_html;
