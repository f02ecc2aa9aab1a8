//! `osler deid`: what de-identification does, did, and leaves.

mod policy;
mod reidentify;
mod report;
mod review;
mod text;
mod verify;

use crate::progress::Voice;
use anyhow::Result;
use clap::{Args, Subcommand};

/// De-identification: policies to read, notes to filter, data sets to verify, residual risk to measure, and the way
/// back.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(subcommand)]
    Policy(policy::Command),
    Text(text::Arguments),
    Verify(verify::Arguments),
    Reidentify(reidentify::Arguments),
    Report(Box<report::Arguments>),
    #[command(subcommand)]
    Review(review::Command),
}

impl Arguments {
    /// Runs the chosen verb.
    pub fn run(self, voice: Voice) -> Result<()> {
        match self.command {
            Command::Policy(command) => command.run(voice),
            Command::Text(arguments) => arguments.run(voice),
            Command::Verify(arguments) => arguments.run(voice),
            Command::Reidentify(arguments) => arguments.run(voice),
            Command::Report(arguments) => arguments.run(voice),
            Command::Review(command) => command.run(voice),
        }
    }
}
