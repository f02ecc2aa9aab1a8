//! `osler deid`: what de-identification does, did, and leaves.

mod policy;
mod verify;

use crate::progress::Voice;
use anyhow::Result;
use clap::{Args, Subcommand};

/// De-identification: policies to read, data sets to verify.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(subcommand)]
    Policy(policy::Command),
    Verify(verify::Arguments),
}

impl Arguments {
    /// Runs the chosen verb.
    pub fn run(self, voice: Voice) -> Result<()> {
        match self.command {
            Command::Policy(command) => command.run(voice),
            Command::Verify(arguments) => arguments.run(voice),
        }
    }
}
