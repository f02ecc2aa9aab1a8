//! `osler tokenize`: events to timelines.

use crate::broader;
use crate::manifest::{Kind, Manifest};
use crate::model_directory::VOCABULARY_FILE;
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use crate::withheld::Withheld;
use anyhow::{Context, Result, bail};
use clap::Args;
use evaluate::baseline::{IncidenceBuilder, IncidenceSettings};
use events::Split;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;
use timeline::{
    EntryKind, TimelineWriter, Tokenizer, Vocabulary, VocabularyBuilder, VocabularyOptions, WriteOptions,
};

/// With fewer codes there is nothing to learn.
const FEW_CODES: usize = 10;

/// The age-and-sex reference that every model is shown beside, in a timeline and in a model.
pub const REFERENCE_FILE: &str = "reference.json";

/// Turn events into timelines: a vocabulary from the training subjects, values as ranks, time as tokens.
///
/// Verifies every digest of EVENTS first. Codes that fewer training subjects have than --min-subjects back off
/// to their parents.
#[derive(Args)]
#[command(after_help = "Example:\n  osler tokenize --out timeline events")]
pub struct Arguments {
    /// Training subjects that a code needs for a token of its own.
    #[arg(long, default_value_t = VocabularyOptions::default().minimum_subjects)]
    pub min_subjects: u64,
    /// Use the vocabulary of this model instead of building one (to continue or to fine-tune it).
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// A file of codes, one a line, to leave out of the training and tuning subjects' records: how does a model do with
    /// codes that it never saw? (See `osler predict --unseen-codes`.)
    #[arg(long, conflicts_with = "model")]
    pub withhold: Option<PathBuf>,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler ingest` wrote.
    pub events: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let manifest = self.tokenize(voice)?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    /// Runs it and gives the manifest.
    pub fn tokenize(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let records = Records::open(&self.events)?;
        if records.count(Split::Train) == 0 {
            bail!("{} has no training subjects; ingest with other --splits", self.events.display());
        }
        let withheld = self.withhold.as_deref().map(Withheld::read).transpose()?;
        let left_out = withheld.as_ref().map(Withheld::len);
        let output = OutputDirectory::create(&self.out, Kind::Timeline, self.force)?;
        output.keep_like(&self.events)?;
        let vocabulary = self.vocabulary(&records, withheld.as_ref(), voice)?;
        let codes =
            vocabulary.entries().iter().filter(|e| e.kind == EntryKind::Event && e.events > 0).count();
        let tokenizer = Tokenizer::new(vocabulary).with_code_metadata(&records.codes);
        let broader = broader::by_vocabulary(&tokenizer);
        let mut incidence = IncidenceBuilder::new(IncidenceSettings::default(), Vec::new());
        let mut writer = TimelineWriter::create(output.path(), tokenizer.clone(), WriteOptions::default())?;
        let total = Split::ALL.iter().map(|s| records.count(*s)).sum();
        let mut met = BTreeSet::new();
        let bar = voice.count("tokenizing", total);
        for split in Split::ALL {
            for subject in records.subjects(split)? {
                let subject = match &withheld {
                    Some(withheld) if split != Split::HeldOut => withheld.left_out_of(subject?, &mut met),
                    _ => subject?,
                };
                writer.push(split, &subject)?;
                if split == Split::Train {
                    incidence.add(&subject, &broader);
                }
                bar.add(1);
            }
        }
        drop(bar);
        let statistics = writer.finish()?;
        let path = output.path().join(REFERENCE_FILE);
        std::fs::write(&path, serde_json::to_vec(&incidence.build())?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        if let Some(withheld) = &withheld {
            say_what_is_withheld(withheld, &met, voice)?;
            Withheld::write(&met, output.path())?;
        }
        let mut inputs = vec![records.manifest.as_input()];
        if let Some(model) = &self.model {
            inputs.push(Manifest::read(model, Kind::Model)?.as_input());
        }
        let manifest = output.finish(Provenance {
            dataset: records.manifest.dataset.clone(),
            synthetic: records.manifest.synthetic,
            settings: serde_json::json!({
                "min_subjects": self.min_subjects, "vocabulary_of_model": self.model.is_some(), "withheld_codes": left_out,
            }),
            inputs,
            counts: serde_json::to_value(&statistics)?,
            deidentification: None,
        })?;
        if codes < FEW_CODES {
            voice.say(format!(
                "warning: hardly any code has a token of its own, and a model would learn next to nothing: a code needs {} training \
                 subjects, of whom there are {}; ingest more, or lower --min-subjects",
                grouped(tokenizer.vocabulary().minimum_subjects()),
                grouped(records.count(Split::Train))
            ));
        }
        voice.say(format!(
            "{} subjects, {} codes with a token of their own, in {} → {}",
            grouped(total),
            grouped(codes as u64),
            seconds(started.elapsed()),
            self.out.display()
        ));
        Ok(manifest)
    }

    /// The vocabulary: a model's, or one of training subjects alone.
    fn vocabulary(&self, records: &Records, withheld: Option<&Withheld>, voice: Voice) -> Result<Vocabulary> {
        if let Some(model) = &self.model {
            return Ok(Vocabulary::load(&model.join(VOCABULARY_FILE))?);
        }
        let options =
            VocabularyOptions { minimum_subjects: self.min_subjects, ..VocabularyOptions::default() };
        let mut builder = VocabularyBuilder::new(options, &records.codes)?;
        let bar = voice.count("counting", records.count(Split::Train));
        for subject in records.subjects(Split::Train)? {
            let subject = match withheld {
                Some(withheld) => withheld.left_out_of(subject?, &mut BTreeSet::new()),
                None => subject?,
            };
            builder.push(&subject);
            bar.add(1);
        }
        drop(bar);
        Ok(builder.finish()?.with_local_systems(records.local_systems())?)
    }
}

/// Says which codes of the list no record of training and tuning people holds: with a wrong name, training would see the code all the same.
fn say_what_is_withheld(withheld: &Withheld, met: &BTreeSet<String>, voice: Voice) -> Result<()> {
    const TOLD: usize = 10;
    let unmet = withheld.unmet(met);
    if unmet.is_empty() {
        return Ok(());
    }
    let told = unmet.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
    let more = unmet.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if met.is_empty() {
        bail!("--withhold names no code that the records of training and tuning people hold: {told}{more}");
    }
    voice.say(format!("warning: no record of training and tuning people holds {told}{more}, of --withhold"));
    Ok(())
}
