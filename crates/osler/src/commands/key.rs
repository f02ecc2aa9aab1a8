//! `osler key`: the site's secret.

use crate::key_file;
use crate::progress::Voice;
use anyhow::Result;
use clap::{Args, Subcommand};
use deid::attestation::PublicKey;
use std::path::{Path, PathBuf};

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
    /// Tell the public key that goes with a key: whoever gets data sets compares their signature with it.
    #[command(after_help = "Example:\n  osler key public --key site.key --out site.pub")]
    Public {
        /// The key file; without it the key is read from OSLER_KEY.
        #[arg(long)]
        key: Option<PathBuf>,
        /// The file to write; without it standard output. An existing one is never overwritten.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        match self.command {
            Command::New { out } => new(&out, voice),
            Command::Public { key, out } => public(key.as_deref(), out.as_deref(), voice),
        }
    }
}

fn new(out: &Path, voice: Voice) -> Result<()> {
    let key = key_file::write_new(out)?;
    if voice.json {
        println!("{}", serde_json::json!({ "key_id": key.id(), "out": out }));
    } else {
        voice.say(format!("key {} written to {}; keep it apart from the data", key.id(), out.display()));
    }
    Ok(())
}

fn public(key: Option<&Path>, out: Option<&Path>, voice: Voice) -> Result<()> {
    let key = key_file::read(key)?;
    let public = PublicKey::of(&key).to_string();
    if let Some(out) = out {
        key_file::create_public(out, &format!("{public}\n"))?;
    }
    match (voice.json, out) {
        (true, _) => {
            println!("{}", serde_json::json!({ "key_id": key.id(), "public_key": public, "out": out }))
        }
        (false, Some(out)) => {
            voice.say(format!("public key of {} written to {}; it is no secret", key.id(), out.display()));
        }
        (false, None) => println!("{public}"),
    }
    Ok(())
}
