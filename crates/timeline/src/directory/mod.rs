//! A timeline on disk: `vocabulary.json`, `timeline.json` and the shards of each split.

mod index;
mod reader;
mod writer;

pub use reader::{SplitTimeline, Timeline};
pub use writer::{TimelineWriter, WriteOptions};

#[cfg(test)]
mod tests;
