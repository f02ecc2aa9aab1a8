//! `osler deid verify`: hold a data set to its attestation.

use crate::attested;
use crate::progress::Voice;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Recompute every digest of a data set, check who signed it, and name what was changed.
///
/// Without --trust the signature shows that nothing was changed since it was made; with the public key of the site
/// that is to have made it, also that nobody made it anew.
#[derive(Args)]
#[command(after_help = "Examples:
  osler deid verify events
  osler key public --key site.key --out site.pub
  osler deid verify --trust site.pub events")]
pub struct Arguments {
    /// A file with the public key that must have signed; else the one that OSLER_TRUST names.
    #[arg(long, value_name = "PUBLIC-KEY")]
    trust: Option<PathBuf>,
    /// A directory that `osler ingest` wrote.
    events: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let trusted = match &self.trust {
            Some(file) => Some(attested::read_public_key(file)?),
            None => attested::trusted_by_environment()?,
        };
        let (_, attestation) = attested::verify(&self.events, trusted.as_ref())?;
        let statement = &attestation.statement;
        if voice.json {
            let told = serde_json::json!({
                "events": self.events,
                "files": statement.files.count,
                "merkle_root": statement.files.merkle_root,
                "policy": statement.policy,
                "key_id": statement.key_id,
                "public_key": attestation.public_key.to_string(),
                "trusted": trusted.is_some(),
            });
            println!("{}", serde_json::to_string_pretty(&told)?);
            return Ok(());
        }
        println!(
            "{}: {} files unchanged, policy {} ({}), key {}, Merkle root {}",
            self.events.display(),
            statement.files.count,
            statement.policy.name,
            statement.policy.rule,
            statement.key_id,
            statement.files.merkle_root,
        );
        println!(
            "signed by {}{}",
            attestation.public_key,
            match trusted {
                Some(_) => ", the trusted key",
                None => "; give --trust with your site's public key, else whoever made it anew would pass",
            }
        );
        Ok(())
    }
}
