//! `osler deid reidentify`: from a subject's number back to the source's key, on the record.

use crate::ledger::Ledger;
use crate::progress::Voice;
use crate::{crosswalk_file, key_file};
use anyhow::{Result, bail};
use clap::Args;
use std::path::PathBuf;

/// Tell which source keys subjects' numbers stand for, for an authorised purpose.
///
/// It needs the crosswalk and the key that it was written with. The ledger is written first: who was asked for,
/// when, with which key and why, whether it was granted or refused. It holds no source key; put nothing identifying
/// into the reason.
#[derive(Args)]
#[command(after_help = "Example:
  osler deid reidentify --crosswalk site.crosswalk --key site.key --ledger reidentified.jsonl \\
    --reason 'Call back, protocol 12, approved 2025-03-01' --subject 1234567890123456789")]
pub struct Arguments {
    /// The file that `osler ingest --crosswalk` wrote.
    #[arg(long)]
    crosswalk: PathBuf,
    /// The key file; without it the key is read from OSLER_KEY.
    #[arg(long)]
    key: Option<PathBuf>,
    /// The ledger to add to; it is begun if there is none.
    #[arg(long)]
    ledger: PathBuf,
    /// Why, and on whose authority.
    #[arg(long)]
    reason: String,
    /// Subject ids, as the events have them.
    #[arg(long = "subject", required = true, num_args = 1.., value_name = "ID")]
    subjects: Vec<i64>,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        if self.reason.trim().is_empty() {
            bail!("--reason is empty; say why, and on whose authority");
        }
        let key = key_file::read(self.key.as_deref())?;
        let mut ledger = Ledger::open(&self.ledger)?;
        let mut note =
            |outcome: &str| ledger.append("reidentify", outcome, &key.id(), &self.subjects, &self.reason);
        let crosswalk = match crosswalk_file::read(&self.crosswalk, &key)? {
            Ok(crosswalk) => crosswalk,
            Err(error) => {
                note(&format!("refused: {error}"))?;
                bail!("the crosswalk {} is refused: {error}; the ledger says so", self.crosswalk.display());
            }
        };
        let found: Vec<_> = self.subjects.iter().map(|id| (*id, crosswalk.source_key(*id))).collect();
        if let Some((id, _)) = found.iter().find(|(_, source_key)| source_key.is_none()) {
            note("refused: a subject is not in the crosswalk")?;
            bail!(
                "subject {id} is not in {}; nothing is told, and the ledger says so",
                self.crosswalk.display()
            );
        }
        let digest = note("granted")?;
        for (id, source_key) in found {
            let source_key = source_key.unwrap_or_default();
            match voice.json {
                true => println!("{}", serde_json::json!({ "subject_id": id, "source_key": source_key })),
                false => println!("{id}\t{source_key}"),
            }
        }
        voice.say(format!("entered in {} as {digest}", self.ledger.display()));
        Ok(())
    }
}
