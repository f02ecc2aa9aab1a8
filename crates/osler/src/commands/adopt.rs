//! `osler adopt`: a model of another site, which reads this site's own codes.

mod pairs;

use crate::manifest::{Kind, Manifest, OF_THE_MODEL};
use crate::model_directory::VOCABULARY_FILE;
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use anyhow::{Context, Result, bail};
use clap::Args;
use events::Split;
use pairs::Pairs;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;
use timeline::{Hierarchy, Resolution, ValueDistribution, Vocabulary, VocabularyBuilder, VocabularyOptions};

/// Let a model of another site read this site's own codes and units.
///
/// First --propose writes a table of the codes that the model doesn't know, each with the code of the model that its
/// description is likest to, and of units that it doesn't know. Somebody who knows the tests goes through it and writes yes or no.
/// Then --pairs writes a model that reads those codes so: no weight changes, and records without such codes are answered as
/// before. Values in units that the model never saw are read by their rank among this site's own, so the people counted should be
/// like those whom the model learned from.
#[derive(Args)]
#[command(after_help = "Examples:
  osler adopt --model theirs --propose pairs.csv our-events     # then look through pairs.csv: the column `accept` decides
  osler adopt --model theirs --pairs pairs.csv --out theirs-here our-events
  osler calibrate --model theirs-here --out ours our-events      # and set its risks to what happened here")]
pub struct Arguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    pub model: PathBuf,
    /// Write what each code may be read as into this CSV file, to be looked through.
    #[arg(long, value_name = "FILE", required_unless_present = "pairs", conflicts_with_all = ["pairs", "out"])]
    pub propose: Option<PathBuf>,
    /// The file that was looked through.
    #[arg(long, value_name = "FILE", requires = "out")]
    pub pairs: Option<PathBuf>,
    /// The model to write.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Whose codes and values count, with commas.
    #[arg(long, default_value = "train", value_delimiter = ',', value_name = "SPLIT")]
    pub split: Vec<Split>,
    /// People that a code, and its values in a unit, need to be written down.
    #[arg(long, default_value_t = VocabularyOptions::default().minimum_subjects, value_name = "N")]
    pub min_subjects: u64,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler ingest` wrote.
    pub events: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let told = match (&self.propose, &self.pairs, &self.out) {
            (Some(file), ..) => self.propose(file, voice)?,
            (None, Some(pairs), Some(out)) => serde_json::to_value(self.adopt(pairs, out, voice)?)?,
            _ => bail!("--propose FILE first, then --pairs FILE and --out DIR"),
        };
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&told)?);
        }
        Ok(())
    }

    fn propose(&self, file: &Path, voice: Voice) -> Result<Value> {
        if file.exists() && !self.force {
            bail!(
                "{} exists, and may have been looked through; choose another, or --force to replace it",
                file.display()
            );
        }
        Manifest::verify(&self.model, Kind::Model)?;
        let records = Records::open(&self.events)?;
        let vocabulary = Vocabulary::load(&self.model.join(VOCABULARY_FILE))?;
        refuse_names_of_another_site(&vocabulary, &records)?;
        let hierarchy = Hierarchy::new(&records.codes);
        let site = self.site(&records, voice)?;
        let proposed = timeline::propose(&vocabulary, &site, &hierarchy);
        Pairs::write(file, &vocabulary, &site, &proposed)?;
        let sure: Vec<_> = proposed.iter().filter(|pair| pair.sure).collect();
        let accepted: Vec<_> =
            sure.iter().filter_map(|pair| Some((pair.code.clone(), pair.token?))).collect();
        let adopted = vocabulary.with_local_codes(timeline::adopted(&vocabulary, &site, &accepted))?;
        let (now, then) = (Read::of(&vocabulary, &site, &hierarchy), Read::of(&adopted, &site, &hierarchy));
        let none: Vec<_> = proposed.iter().filter(|pair| pair.token.is_none()).collect();
        let description = |code: &str| site.entry(site.index_of(code)?)?.description.as_ref();
        let undescribed = none.iter().filter(|pair| description(pair.code.as_str()).is_none()).count();
        voice.say(format!(
            "{} codes or units that the model doesn't know: {} are surely codes that it knows, {} may be, {} are like none ({undescribed} without a \
             description in metadata/codes.parquet); look through {}",
            grouped(proposed.len() as u64),
            grouped(sure.len() as u64),
            grouped((proposed.len() - sure.len() - none.len()) as u64),
            grouped(none.len() as u64),
            file.display()
        ));
        voice.say(format!(
            "of {} events the model reads {} as what they are, and would read {}; of {} kinds of values {} and {}",
            grouped(now.events),
            percent(now.own, now.events),
            percent(then.own, then.events),
            grouped(now.values),
            grouped(now.ranked),
            grouped(then.ranked)
        ));
        Ok(json!({
            "unknown": proposed.len(), "sure": sure.len(), "like_none": none.len(), "undescribed": undescribed, "pairs": file,
            "read_now": now.told(), "read_with_sure_pairs": then.told(),
        }))
    }

    fn adopt(&self, pairs: &Path, out: &Path, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let model = Manifest::verify(&self.model, Kind::Model)?;
        let records = Records::open(&self.events)?;
        let vocabulary = Vocabulary::load(&self.model.join(VOCABULARY_FILE))?;
        refuse_names_of_another_site(&vocabulary, &records)?;
        let pairs = Pairs::read(pairs, &vocabulary)?;
        let output = OutputDirectory::create(out, Kind::Model, self.force)?;
        let site = self.site(&records, voice)?;
        let unseen = pairs.accepted.iter().filter(|(code, _)| site.index_of(code.as_str()).is_none()).count();
        if unseen > 0 {
            voice.say(format!(
                "{unseen} accepted codes have fewer than {} people here: they are read, their values in unknown units are not",
                self.min_subjects
            ));
        }
        let local = timeline::adopted(&vocabulary, &site, &pairs.accepted);
        let units: usize = local.iter().map(|local| local.values.len()).sum();
        // Systems too, or records that are asked about would not be read by these pairs.
        let adopted = vocabulary.with_local_codes(local)?.with_local_systems(records.local_systems())?;
        for file in model.outputs.iter().filter(|file| file.path != VOCABULARY_FILE) {
            let to = output.path().join(&file.path);
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent)
                    .with_context(|| format!("cannot create {}", parent.display()))?;
            }
            std::fs::copy(self.model.join(&file.path), &to)
                .with_context(|| format!("cannot copy {} to {}", file.path, to.display()))?;
        }
        adopted.save(&output.path().join(VOCABULARY_FILE))?;
        let (accepted, hierarchy) = (pairs.accepted.len(), Hierarchy::new(&records.codes));
        let (before, now) = (Read::of(&vocabulary, &site, &hierarchy), Read::of(&adopted, &site, &hierarchy));
        let manifest = output.finish(Provenance {
            dataset: model.dataset.clone(),
            synthetic: model.synthetic || records.manifest.synthetic,
            settings: json!({
                "adopted_from": model.output_digest, "by_events": records.manifest.output_digest, "pairs": pairs.digest,
                "counted": self.split.iter().map(|s| s.name()).collect::<Vec<_>>(), "min_subjects": self.min_subjects,
                OF_THE_MODEL: model.settings,
            }),
            inputs: vec![model.as_input(), records.manifest.as_input()],
            counts: json!({
                "local_codes": accepted, "local_units": units, "read_before": before.told(), "read_now": now.told(),
                "training_subjects": model.counts["training_subjects"],
            }),
            deidentification: None,
        })?;
        voice.say(format!(
            "{} codes of this site adopted, {} distributions of their values; {} of its events are read as what they are (before {}), in {} → {}",
            grouped(accepted as u64),
            grouped(units as u64),
            percent(now.own, now.events),
            percent(before.own, before.events),
            seconds(started.elapsed()),
            out.display()
        ));
        Ok(manifest)
    }

    /// What this site has, as a vocabulary of its own.
    fn site(&self, records: &Records, voice: Voice) -> Result<Vocabulary> {
        let total: u64 = self.split.iter().map(|split| records.count(*split)).sum();
        if total == 0 {
            bail!("{} has nobody in these splits (--split)", self.events.display());
        }
        let options =
            VocabularyOptions { minimum_subjects: self.min_subjects, ..VocabularyOptions::default() };
        let mut builder = VocabularyBuilder::new(options, &records.codes)?;
        let bar = voice.count("counting", total);
        for split in &self.split {
            for subject in records.subjects(*split)? {
                builder.push(&subject?);
                bar.add(1);
            }
        }
        Ok(builder.finish()?)
    }
}

/// `SITE_LAB//NA` of one site need not be that of another.
fn refuse_names_of_another_site(vocabulary: &Vocabulary, records: &Records) -> Result<()> {
    for system in records.local_systems() {
        let known = vocabulary.local_systems();
        let has_codes =
            || vocabulary.entries().iter().any(|entry| entry.code.system() == system.name.as_str());
        if !known.contains(&system) && has_codes() {
            bail!(
                "the model has codes of {0} from another site, and here {0} is what {1} is called; give it another name in codes.local of your \
                 policy",
                system.name,
                system.source
            );
        }
    }
    Ok(())
}

/// How much of a site's records a vocabulary reads.
struct Read {
    events: u64,
    /// Events with a token of their own, or of the code that they are read as.
    own: u64,
    /// Kinds of values: codes in units.
    values: u64,
    /// Of them, those that get a rank that means something.
    ranked: u64,
}

impl Read {
    fn of(vocabulary: &Vocabulary, site: &Vocabulary, hierarchy: &Hierarchy) -> Self {
        let mut read = Read { events: 0, own: 0, values: 0, ranked: 0 };
        for entry in site.entries() {
            let code = entry.code.as_str();
            read.events += entry.events;
            read.values += entry.values.len() as u64;
            if let Resolution::Exact(token) = vocabulary.resolve(code, hierarchy) {
                read.own += entry.events;
                let ranked =
                    |values: &&ValueDistribution| timeline::reads_values(vocabulary, code, token, values);
                read.ranked += entry.values.iter().filter(ranked).count() as u64;
            }
        }
        read
    }

    fn told(&self) -> Value {
        json!({ "events": self.events, "as_what_they_are": self.own, "kinds_of_values": self.values, "ranked": self.ranked })
    }
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}
