//! `osler deid policy`: read a shipped policy, check one of a site's own.

use crate::progress::Voice;
use anyhow::{Context, Result};
use clap::Subcommand;
use deid::Policy;
use std::path::PathBuf;

/// Read the shipped policies, and check your own.
#[derive(Subcommand)]
#[command(after_help = "Examples:
  osler deid policy show expert-determination > ours.toml
  osler deid policy check ours.toml")]
pub enum Command {
    /// Print a shipped policy, as TOML.
    Show {
        /// Its name.
        name: String,
    },
    /// Read a policy of your own, and say which rule of its label it breaks, if any.
    Check {
        /// The TOML file.
        file: PathBuf,
    },
}

impl Command {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        match self {
            Command::Show { name } => print!("{}", Policy::named(&name)?.text()),
            Command::Check { file } => {
                let text = std::fs::read_to_string(&file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                let policy =
                    Policy::from_toml(&text).with_context(|| format!("{} is refused", file.display()))?;
                voice.say(format!("{} is a policy for {}", file.display(), policy.name()));
            }
        }
        Ok(())
    }
}
