//! `osler audit`: what a trained model gives away of those it was trained on.

mod attributes;
mod neighbours;
mod people;
mod planted;
mod references;

use super::threads;
use crate::canaries::Canaries;
use crate::manifest::{Kind, Manifest};
use crate::measures;
use crate::model_directory::ModelDirectory;
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use ::evaluate::About;
use ::evaluate::Bootstrap;
use ::evaluate::audit::Severity;
use ::evaluate::privacy::{Attack, Attacks, PrivacyReport, likelihood_ratio, membership};
use anyhow::{Context, Result, bail};
use clap::Args;
use events::Split;
use people::People;
use std::path::{Path, PathBuf};
use std::time::Instant;
use timeline::{Timeline, TimelineWriter, WriteOptions};

/// Attack a trained model: what does it give away of those it was trained on?
///
/// Membership inference, canaries (see `osler train --canaries`), near-copies among simulated patients, and attribute
/// inference, training subjects against held-out ones. Writes report.html (one file, no network needed), report.json
/// and report.parquet. Reference models are trained like the model, each on half of the training and held-out
/// subjects: --references 8 takes about four times as long as training did. A stopped run goes on from its last
/// checkpoint when the same command is given again.
#[derive(Args)]
#[command(after_help = "Examples:
  osler audit --model model --out audit events
  osler audit --model model --references 0 --out audit events    # a first look in minutes
  osler audit --model model --sensitive ICD10CM//B20 --sensitive ICD10CM//F20.9 --out audit events
  osler audit --model clean --canaries twin/canaries.json --out twin-audit events
  osler audit --model elsewhere --control --out control events    # how often do the attacks accuse the innocent?

Memory: the records' tokens stay on disk; a reference model takes what its training takes. See docs/evaluation.md.")]
pub struct Arguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    model: PathBuf,
    /// Reference models for the likelihood-ratio attack, an even number; 0 leaves it out.
    #[arg(long, default_value_t = 8)]
    references: usize,
    /// At most so many training subjects, and so many held-out ones, at random.
    #[arg(long, default_value_t = 5000)]
    subjects: usize,
    /// Measure these canaries, of another model, instead of the model's own.
    #[arg(long, value_name = "FILE")]
    canaries: Option<PathBuf>,
    /// Sequences that were not planted, to rank canaries among.
    #[arg(long, default_value_t = 4095)]
    canary_references: usize,
    /// Patients to simulate.
    #[arg(long, default_value_t = 500)]
    simulated: usize,
    /// Codes to infer from the rest of a record; may be repeated [default: the five commonest conditions].
    #[arg(long, value_name = "CODE")]
    sensitive: Vec<String>,
    /// A control: attack as if the model had been trained on these events, which it must not have been. Whatever is found is
    /// a false alarm.
    #[arg(long)]
    control: bool,
    /// Bootstrap draws; 0 gives no intervals, and without intervals there are no findings of membership.
    #[arg(long, default_value_t = 500)]
    draws: usize,
    /// Seed of what is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; no number depends on it.
    #[arg(long)]
    threads: Option<usize>,
    /// The report's title.
    #[arg(long)]
    title: Option<String>,
    /// The directory to write.
    #[arg(long)]
    out: PathBuf,
    /// Replace an existing output, and lose what a stopped audit with other settings left of it.
    #[arg(long)]
    force: bool,
    /// The events that the model was trained on.
    events: PathBuf,
}

/// What every attack needs.
struct Job<'a> {
    arguments: &'a Arguments,
    directory: &'a ModelDirectory,
    timeline: &'a Timeline,
    bootstrap: Bootstrap,
    /// Where a run leaves what it can go on from.
    work: &'a Path,
    voice: Voice,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads(self.threads))
            .build()
            .context("no threads to attack with")?;
        let report = pool.install(|| self.audit(voice))?;
        if voice.json {
            println!("{}", report.to_json()?);
        }
        Ok(())
    }

    fn audit(&self, voice: Voice) -> Result<PrivacyReport> {
        let started = Instant::now();
        if !self.references.is_multiple_of(2) {
            bail!(
                "--references must be even: each second model is trained on the half that the one before was not"
            );
        }
        if self.subjects == 0 || self.canary_references == 0 {
            bail!("--subjects and --canary-references must be at least 1");
        }
        let records = Records::open(&self.events)?;
        let directory = ModelDirectory::open(&self.model, &records.codes)?;
        match (trained_on(&directory.manifest, &records.manifest)?, self.control) {
            (true, true) => bail!(
                "the model was trained on {}; a control takes events that it was not trained on",
                self.events.display()
            ),
            (false, false) => bail!(
                "the model was not trained on {}; give the events that its timeline was made from, or --control to see what \
                 the attacks say of a model that saw nobody here",
                self.events.display()
            ),
            _ => {}
        }
        let canaries = self.canaries(&directory)?;
        let settings = serde_json::json!({
            "model": directory.digest(), "events": records.manifest.output_digest, "references": self.references,
            "subjects": self.subjects, "canaries": canaries, "canary_references": self.canary_references,
            "simulated": self.simulated, "sensitive": self.sensitive, "control": self.control, "draws": self.draws, "seed": self.seed,
        });
        let (output, resumed) =
            OutputDirectory::create_or_resume(&self.out, Kind::PrivacyAudit, self.force, &settings)?;
        if resumed {
            voice.say(format!("going on from what a stopped run left of {}", self.out.display()));
        }
        let work = output.path().join("work");
        let timeline = tokens(&records, &directory, &work.join("timeline"), voice)?;
        let bootstrap = Bootstrap { draws: self.draws, seed: self.seed, ..Bootstrap::default() };
        let job = Job {
            arguments: self,
            directory: &directory,
            timeline: &timeline,
            bootstrap,
            work: &work,
            voice,
        };
        let attacks = job.attacks(canaries.as_ref())?;
        let about = About {
            title: self.title.clone().unwrap_or_default(),
            dataset: records.manifest.dataset.clone(),
            synthetic: records.manifest.synthetic || directory.manifest.synthetic,
            model: format!("{} parameters", grouped(directory.model.parameters() as u64)),
            model_digest: directory.digest().to_owned(),
            split: match self.control {
                false => "train against held_out, by keyed hash of the subject",
                true => "train against held_out; a control, whose model was trained on neither",
            }
            .to_owned(),
            // The time of the model, not of the report: the same input gives the same bytes.
            made: directory.manifest.finished.clone(),
            tool: format!("osler {}", env!("CARGO_PKG_VERSION")),
            ..About::default()
        };
        let report = PrivacyReport::new(about, bootstrap, attacks);
        drop(timeline);
        std::fs::remove_dir_all(&work).with_context(|| format!("cannot remove {}", work.display()))?;
        for (name, text) in [("report.html", report.to_html()), ("report.json", report.to_json()?)] {
            let path = output.path().join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        measures::write(&output.path().join(measures::FILE), &report.measures())?;
        output.finish(Provenance {
            dataset: report.about.dataset.clone(),
            synthetic: report.about.synthetic,
            settings,
            inputs: vec![directory.manifest.as_input(), records.manifest.as_input()],
            counts: serde_json::json!({ "findings": report.findings.len(), "alarms": report.alarms() }),
            deidentification: None,
        })?;
        for finding in report.findings.iter().filter(|f| f.severity > Severity::Note) {
            voice.say(format!("{}: {}", finding.attack.words(), finding.what));
        }
        report.answer.iter().for_each(|sentence| voice.say(sentence));
        voice.say(format!("{} → {}", seconds(started.elapsed()), self.out.join("report.html").display()));
        Ok(report)
    }

    /// The canaries to look for, if there are any.
    fn canaries(&self, directory: &ModelDirectory) -> Result<Option<Canaries>> {
        let own = self.model.join(crate::canaries::FILE);
        let canaries = match &self.canaries {
            Some(path) => Some(Canaries::read(path)?),
            // A control's own canaries were planted: it does remember them.
            None if own.exists() && !self.control => Some(Canaries::read(&own)?),
            None => None,
        };
        if let Some(canaries) = &canaries {
            // A code that is not in the vocabulary is told before hours have passed.
            canaries.copies(directory.tokenizer.vocabulary())?;
        }
        Ok(canaries)
    }
}

/// Was the model trained on these events? Otherwise its members and outsiders are others.
fn trained_on(model: &Manifest, events: &Manifest) -> Result<bool> {
    if model.training().is_some_and(|settings| settings["withheld_codes"].as_u64().is_some()) {
        bail!(
            "the model was trained on records without some of their codes; audit one that was trained on all"
        );
    }
    let digest = events.output_digest.as_str();
    for settings in model.settings_back() {
        let held_out =
            settings["splits"].as_array().is_some_and(|splits| splits.contains(&"held_out".into()));
        let set_by_others =
            [&settings["events"], &settings["by_events"]].contains(&&serde_json::Value::from(digest));
        if set_by_others && (held_out || model.trained_on(digest) != Some(true)) {
            bail!(
                "the model's risks or codes were set by people of these events whom it was not trained on, who are no outsiders any more; \
                 audit the model that it was made from"
            );
        }
    }
    model.trained_on(digest).context(
        "the model does not say which events it was trained on; where it was read out of another (--tune probe, stack), audit that one, \
         else train it with this version of osler",
    )
}

/// The records in tokens, on disk, as the model was shown them; what a stopped run has made is taken as it is.
fn tokens(records: &Records, directory: &ModelDirectory, dir: &Path, voice: Voice) -> Result<Timeline> {
    if let Ok(timeline) = Timeline::open(dir) {
        return Ok(timeline);
    }
    if dir.exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    let mut writer = TimelineWriter::create(dir, directory.tokenizer.clone(), WriteOptions::default())?;
    let bar = voice.count("tokenizing", Split::ALL.iter().map(|s| records.count(*s)).sum());
    for split in Split::ALL {
        for subject in records.subjects(split)? {
            writer.push(split, &subject?)?;
            bar.add(1);
        }
    }
    writer.finish()?;
    Ok(Timeline::open(dir)?)
}

impl Job<'_> {
    fn attacks(&self, canaries: Option<&Canaries>) -> Result<Attacks> {
        let mut attacks = Attacks { control: self.arguments.control, ..Attacks::default() };
        let method = |name: &str, text: String| (name.to_owned(), text);
        let people = People::choose(self.timeline, self.arguments.subjects, self.arguments.seed);
        if people.members.is_empty() || people.outsiders.is_empty() {
            bail!(
                "{} has no training or no held-out subjects; an audit compares them",
                self.arguments.events.display()
            );
        }
        let target = people.scores(&self.directory.model, "attacking", self.voice)?;
        self.membership(&people, &target, &mut attacks)?;
        match canaries {
            Some(canaries) => {
                attacks.canaries = self.planted(canaries)?;
                attacks.methods.push(method("Canaries", planted::method(canaries)));
            }
            None => attacks.not_made.push((
                Attack::Canaries,
                "None were planted; train a twin with `osler train --canaries 8`.".to_owned(),
            )),
        }
        match self.neighbours()? {
            Ok(near) => {
                attacks.neighbours = Some(near);
                attacks.methods.push(method("Nearest records", neighbours::METHOD.to_owned()));
            }
            Err(reason) => attacks.not_made.push((Attack::NearestNeighbours, reason)),
        }
        attacks.attributes = self.attributes(&people)?;
        match attacks.attributes.is_empty() {
            false => attacks.methods.push(method("Attribute inference", attributes::METHOD.to_owned())),
            true => attacks.not_made.push((
                Attack::AttributeInference,
                format!(
                    "No code has {} held-out subjects with and as many without it; name one with --sensitive.",
                    attributes::FEWEST
                ),
            )),
        }
        attacks.methods.push(method(
            "Findings",
            "Membership: the lower end of the AUC's interval above 0.55 (serious above 0.65), or of the share found above \
             five times the false positives. Canaries, nearest records, attributes: p below 0.01, corrected by Holm within \
             each."
                .to_owned(),
        ));
        attacks.methods.push(method(
            "Intervals",
            format!(
                "95 % percentile intervals over {} bootstrap draws of subjects, canaries or simulated patients (seed {}).",
                self.bootstrap.draws, self.bootstrap.seed
            ),
        ));
        Ok(attacks)
    }

    fn membership(&self, people: &People<'_>, target: &[Option<f64>], attacks: &mut Attacks) -> Result<()> {
        let split = |scores: &[Option<f64>]| -> (Vec<f64>, Vec<f64>) {
            let (members, outsiders) = scores.split_at(people.members.len());
            (members.iter().flatten().copied().collect(), outsiders.iter().flatten().copied().collect())
        };
        let (members, outsiders) = split(target);
        attacks.membership.push(membership(
            "record's mean log-likelihood an event",
            &members,
            &outsiders,
            &self.bootstrap,
        )?);
        attacks.methods.push((
            "Membership".to_owned(),
            "Score: the record's log-likelihood under the model (codes, times and values) over the number of its events. \
             Members: subjects of the training split. Others: of the held-out split; tuning subjects, on whom training was \
             stopped, are neither."
                .to_owned(),
        ));
        if self.arguments.references == 0 {
            attacks.not_made.push((
                Attack::MembershipInference,
                "The likelihood-ratio attack was left out (--references 0).".to_owned(),
            ));
            return Ok(());
        }
        let without = self.references(people)?;
        let known: Vec<f64> = target.iter().map(|score| score.unwrap_or(f64::NAN)).collect();
        let ratio: Vec<Option<f64>> = likelihood_ratio(&known, &without)
            .into_iter()
            .map(|score| score.filter(|score| score.is_finite()))
            .collect();
        let (members, outsiders) = split(&ratio);
        attacks.membership.push(membership(
            "likelihood ratio to reference models",
            &members,
            &outsiders,
            &self.bootstrap,
        )?);
        attacks.methods.push((
            "Likelihood ratio".to_owned(),
            format!(
                "The same score less its mean under {} of {} reference models that were not trained on the record, over \
                 their standard deviation (offline attack, Carlini et al. 2022; variance drawn towards that of all \
                 records). Reference models have the model's shape, vocabulary and training settings, start afresh, and \
                 are trained on a random half of training and held-out subjects each.",
                self.arguments.references / 2,
                self.arguments.references
            ),
        ));
        Ok(())
    }
}
