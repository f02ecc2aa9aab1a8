//! `osler ledger`: what was asked and answered.

use crate::governance_directory::GovernanceArguments;
use crate::kept_inputs;
use crate::progress::Voice;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use govern::PublicKey;
use govern::ledger::{Entry, Expectations, Link, Record, Store, audit_event, verify};
use serde_json::json;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// How many entries are held at once.
const PAGE: usize = 1000;

/// Verify, show and export the ledger of calls.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    governance: GovernanceArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Walk the whole chain and check every signature; any change is named.
    ///
    /// Note what it prints last (NUMBER:DIGEST) elsewhere. Only who has noted it, or keeps the public key elsewhere,
    /// can tell that the last entries were cut off, or that the whole ledger was written anew.
    #[command(after_help = "Examples:
  osler ledger verify --governance site
  osler ledger verify --governance site --trust signing.pub --noted 1842:5b0e…")]
    Verify {
        /// A file with the public key that must have signed every checkpoint; else that of the directory.
        #[arg(long, value_name = "FILE")]
        trust: Option<PathBuf>,
        /// Entries that were noted earlier, as NUMBER:DIGEST.
        #[arg(long)]
        noted: Vec<Link>,
    },
    /// Entries, one line of JSON each, with number and digest.
    #[command(after_help = "Examples:
  osler ledger show --governance site --last 20
  osler ledger show --governance site --request 0f8fad5bd9cb469fa16570867728950e")]
    Show {
        /// From this entry on.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// The last so many, in place of --from and --limit.
        #[arg(long, conflicts_with_all = ["from", "limit"])]
        last: Option<u64>,
        /// Only the call with this request id.
        #[arg(long)]
        request: Option<String>,
        /// Only the call that showed this card, and feedback on it.
        #[arg(long)]
        card: Option<String>,
    },
    /// What was asked by a call, where `osler serve --keep-inputs` kept it: decrypted, and held to its entry.
    ///
    /// It is identified: the file is made for its owner alone, and never replaced.
    #[command(after_help = "Example:
  osler ledger open-input 1842 --governance site --inputs inputs --identity board.key --out asked.json")]
    OpenInput {
        /// The number of the call's entry, as `osler ledger show` and the answer's x-osler-ledger tell it.
        entry: u64,
        /// The directory that --keep-inputs named.
        #[arg(long, value_name = "DIR")]
        inputs: PathBuf,
        /// The file with the identity (AGE-SECRET-KEY-1…), readable by its owner alone.
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// All entries as FHIR R4 AuditEvents, one line each (NDJSON), without what was answered.
    ///
    /// The ledger is verified first; one that was changed isn't exported.
    #[command(after_help = "Example:\n  osler ledger export --governance site --out audit.ndjson")]
    Export {
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
        /// Replace it, if it is there.
        #[arg(long)]
        force: bool,
    },
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let directory = self.governance.open()?;
        let store = directory.ledger_to_read()?;
        match self.command {
            Command::Verify { trust, noted } => {
                let trusted = match trust {
                    Some(path) => read_public_key(&path)?,
                    None => directory.public_key()?,
                };
                report(&*store, &Expectations { trusted: Some(trusted), noted }, voice)
            }
            Command::Show { from, limit, last, request, card } => {
                let (from, limit) = match last {
                    Some(last) => (store.last()?.sequence.saturating_sub(last) + 1, usize::MAX),
                    None => (from, limit),
                };
                show(&*store, from, limit, &Wanted { request, card })
            }
            Command::OpenInput { entry, inputs, identity, out } => {
                let found = store.entries(entry, 1)?.into_iter().find(|found| found.sequence == entry);
                let found = found.with_context(|| format!("there is no entry {entry}"))?;
                let Ok(Record::Call(call)) = serde_json::from_str(&found.record) else {
                    bail!("entry {entry} is no call");
                };
                let bytes = kept_inputs::open(&call, &directory.signing_key()?, &inputs, &identity, &out)?;
                match voice.json {
                    true => println!("{}", json!({ "bytes": bytes, "out": out })),
                    false => {
                        voice.say(format!("{bytes} bytes, as they were asked, written to {}", out.display()))
                    }
                }
                Ok(())
            }
            Command::Export { out, force } => {
                let expectations = Expectations { trusted: Some(directory.public_key()?), noted: vec![] };
                verify(&*store, &expectations)?;
                let entries = export(&*store, &out, force)?;
                match voice.json {
                    true => println!("{}", json!({ "entries": entries, "out": out })),
                    false => voice.say(format!("{entries} entries written to {}", out.display())),
                }
                Ok(())
            }
        }
    }
}

fn read_public_key(path: &Path) -> Result<PublicKey> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse().with_context(|| format!("{}", path.display()))
}

fn report(store: &dyn Store, expectations: &Expectations, voice: Voice) -> Result<()> {
    let verified = verify(store, expectations)?;
    if voice.json {
        println!(
            "{}",
            json!({
                "entries": verified.entries,
                "checkpoints": verified.checkpoints,
                "unsigned": verified.unsigned,
                "last": verified.last.to_string(),
            })
        );
    } else {
        println!(
            "{} entries hold together, under {} signed checkpoints ({} entries since the last)\n{}",
            verified.entries, verified.checkpoints, verified.unsigned, verified.last
        );
    }
    Ok(())
}

/// Which entries.
struct Wanted {
    request: Option<String>,
    card: Option<String>,
}

impl Wanted {
    fn holds(&self, record: &Record) -> bool {
        let Record::Call(call) = record else { return self.request.is_none() && self.card.is_none() };
        self.request.as_ref().is_none_or(|request| *request == call.request_id)
            && self.card.as_ref().is_none_or(|card| call.cards.contains(card))
    }
}

fn show(store: &dyn Store, from: u64, limit: usize, wanted: &Wanted) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut left = limit;
    each(store, from, |entry| {
        let record: Record = serde_json::from_str(&entry.record).ok().with_context(|| {
            format!("entry {} holds no record; run `osler ledger verify`", entry.sequence)
        })?;
        if left > 0 && wanted.holds(&record) {
            let line = json!({ "sequence": entry.sequence, "digest": entry.digest, "record": record });
            writeln!(out, "{line}").context("cannot write standard output")?;
            left -= 1;
        }
        Ok(left > 0)
    })
}

fn export(store: &dyn Store, out: &Path, force: bool) -> Result<u64> {
    if out.exists() && !force {
        bail!("{} exists; choose another --out, or --force to replace it", out.display());
    }
    let name = out.file_name().context("--out names no file")?.to_string_lossy();
    let partial = out.with_file_name(format!(".{name}.partial"));
    let file = File::create(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
    let mut writer = BufWriter::new(file);
    let mut entries = 0;
    each(store, 1, |entry| {
        writeln!(writer, "{}", audit_event(&entry)?)?;
        entries += 1;
        Ok(true)
    })?;
    let file = writer.into_inner().context("the export can't be written")?;
    file.sync_all().context("the export can't be written")?;
    fs::rename(&partial, out).with_context(|| format!("cannot move the result to {}", out.display()))?;
    Ok(entries)
}

/// Every entry from a number on, until `visit` has enough.
fn each(store: &dyn Store, from: u64, mut visit: impl FnMut(Entry) -> Result<bool>) -> Result<()> {
    let mut next = from.max(1);
    loop {
        let page = store.entries(next, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        next = last.sequence + 1;
        for entry in page {
            if !visit(entry)? {
                return Ok(());
            }
        }
    }
}
