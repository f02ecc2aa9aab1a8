//! `osler key`: the site's secret.

use crate::key_file;
use crate::progress::Voice;
use anyhow::Result;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Make the key that pseudonyms and date shifts are derived from.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a new key that only its owner can read.
    ///
    /// Keep it apart from the data and keep a copy: with it records join to the same pseudonyms next year;
    /// without it nobody can.
    #[command(after_help = "Example:\n  osler key new --out site.key")]
    New {
        /// The file to write; an existing one is never overwritten.
        #[arg(long)]
        out: PathBuf,
    },
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let Command::New { out } = self.command;
        let key = key_file::write_new(&out)?;
        if voice.json {
            println!("{}", serde_json::json!({ "key_id": key.id(), "out": out }));
        } else {
            voice.say(format!("key {} written to {}; keep it apart from the data", key.id(), out.display()));
        }
        Ok(())
    }
}
