//! A sink that takes everything and keeps nothing.

use crate::{Rejection, Sink};
use events::SourceFact;

pub(crate) struct Quiet;

impl Sink for Quiet {
    fn fact(&mut self, _: &str, _: SourceFact) -> std::io::Result<()> {
        Ok(())
    }

    fn reject(&mut self, _: Rejection) {}

    fn read(&mut self) {}

    fn describe(&mut self, _: &str, _: &str, _: &[String]) {}
}
