//! `osler ingest`: identified records in, de-identified events out.

mod download;
mod export;
mod watched;

use super::threads;
use crate::manifest::{Deidentification, FileDigest, Kind, Manifest};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::stopped::Unfinished;
use crate::{attested, clock, crosswalk_file, environment, key_file, policy_file};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use deid::attestation::Quarantined;
use deid::crosswalk::Crosswalk;
use deid::{DateMethod, Deidentifier, FreeText, Key, Label as PolicyLabel, Policy, Tally};
use events::meds::{self, CodeMetadata, DatasetDescription, DatasetSummary, DatasetWriter};
use events::{Code, Identified, Label, SourceSubject, Split, SplitFractions, Time};
use export::ExportArguments;
use ingest::{Format, Interrupted, Limits, Mapping, Options, Progress, Summary};
use rayon::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use watched::watched;

/// Read records, de-identify them, write MEDS events.
///
/// Nothing identified is written: not to the output, not to a log, and temporary files are encrypted with a
/// key that lives only in memory. The one exception is a FHIR server's export, in the directory that --download names (docs/export.md). Rows that can't be read are counted and listed in rejections.json by file,
/// line and field, never with a value.
#[derive(Args)]
#[command(after_help = "Examples:
  osler key new --out site.key
  osler ingest --from fhir --key site.key --out events export/
  osler ingest --from omop --key site.key --policy safe-harbor --out events cdm.tar.zst
  osler ingest --from fhir --key site.key --policy safe-harbor --crosswalk site.crosswalk --out events export/
  osler ingest --from fhir --key site.key --out events --download export \\
    --smart-client osler --smart-key osler.pem fhir+https://ehr.example/fhir
  osler ingest --from table --mapping examples/physionet2012.toml --key site.key --out events set-a.tar.zst Outcomes-a.txt")]
pub struct Arguments {
    /// What the sources are.
    #[arg(long, value_enum)]
    pub from: From,
    /// For --from table: the file that says which columns are what (see docs/mapping.md).
    #[arg(long, required_if_eq("from", "table"))]
    pub mapping: Option<PathBuf>,
    /// The key file; without it the key is read from OSLER_KEY.
    #[arg(long)]
    pub key: Option<PathBuf>,
    /// A shipped policy's name (safe-harbor, expert-determination, limited-data-set), or a TOML file of your own.
    #[arg(long, value_name = "NAME|FILE", default_value = "expert-determination")]
    pub policy: String,
    /// Keep the map from subjects' numbers to the source's keys, encrypted under the key, in this file. One that is
    /// there is gone on from: who was in it keeps his number.
    #[arg(long, value_name = "FILE")]
    pub crosswalk: Option<PathBuf>,
    /// The data set's name, carried into every document made from it.
    #[arg(long)]
    pub name: Option<String>,
    /// These records are synthetic: say so wherever a result of theirs appears.
    #[arg(long)]
    pub synthetic: bool,
    /// Shares of train, tuning and held-out subjects.
    #[arg(long, default_value = "0.8,0.1,0.1")]
    pub splits: SplitFractions,
    /// The share of rows that may be rejected before the run fails and leaves nothing behind.
    #[arg(long, default_value_t = Options::MAX_REJECTED)]
    pub max_rejected: f64,
    /// The day on which the sources were taken; else today. An end of follow-up or a death of more than a year after it is none, but in
    /// records whose dates all lie there. State it to repeat a run of long ago to the byte.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub as_of: Option<Day>,
    /// Where encrypted temporary files go; else OSLER_SPILL_DIR, else beside the output.
    #[arg(long)]
    pub spill_dir: Option<PathBuf>,
    /// Threads; the output does not depend on it.
    #[arg(long)]
    pub threads: Option<usize>,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// Files, folders and archives (plain, gz, zst, tar); or, for --from fhir, one server that is asked for a bulk export,
    /// fhir+https://HOST/PATH (fhir+http:// for a loopback address only), with --download.
    #[arg(required = true)]
    pub sources: Vec<PathBuf>,
    #[command(flatten)]
    export: ExportArguments,
}

/// What the sources are.
#[derive(Clone, Copy, Debug, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// FHIR R4 Bundles and bulk NDJSON
    Fhir,
    /// OMOP CDM 5.3 or 5.4, CSV or Parquet
    Omop,
    /// MEDS 0.3 or 0.4
    Meds,
    /// Synthea's CSV
    Synthea,
    /// Any other table, through --mapping
    Table,
}

/// A calendar day, as any moment of it.
#[derive(Clone, Copy, Debug)]
pub struct Day(Time);

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.0.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A day that is written as 2026-03-31.
fn day(text: &str) -> Result<Day> {
    let mut parts = text.splitn(3, '-').map(str::parse::<u32>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) => i32::try_from(year)
            .ok()
            .and_then(|year| Time::from_ymd(year, month, day))
            .map(Day)
            .with_context(|| format!("there is no day {text:?}")),
        _ => bail!("a day such as 2026-03-31 is wanted, not {text:?}"),
    }
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let key = key_file::read(self.key.as_deref())?;
        let manifest = self.ingest(&key, voice)?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    /// Runs it with a key at hand.
    pub fn ingest(&self, key: &Key, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let mapping_text = match &self.mapping {
            Some(path) => Some(
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            ),
            None => None,
        };
        let format = self.format(mapping_text.as_deref())?;
        let policy = policy_file::read(&self.policy)?;
        let identifier = policy.identifier();
        let crosswalk = match &self.crosswalk {
            Some(file) => Some(crosswalk_file::read_or_begin(file, &self.out, identifier, key)?),
            None => None,
        };
        let known = crosswalk.iter().flat_map(Crosswalk::known);
        let as_of = self.as_of.unwrap_or_else(|| Day(clock::now()));
        let deidentifier =
            Deidentifier::with_known_numbers(policy, key, known)?.of_sources_taken(as_of.0.end_of_day());
        let policy = deidentifier.policy();
        let output = OutputDirectory::create(&self.out, Kind::Events, self.force)?;
        if policy.label() == PolicyLabel::LimitedDataSet || policy.free_text() != FreeText::Drop {
            output.keep_to_owner()?;
        }
        let spill = SpillDirectory::create(self.spill_dir.as_deref(), output.path())?;
        let sources = match self.export.of(&self.sources, matches!(self.from, From::Fhir), &self.out)? {
            Some(export) => download::download(&export, voice)?,
            None => self.sources.clone(),
        };
        let options = Options {
            max_rejected: self.max_rejected,
            threads: threads(self.threads),
            // Who is named in the records is looked for in their notes.
            identities: policy.free_text() != FreeText::Drop,
            limits: Limits::default(),
            ..Options::new(format, sources, spill.path.clone())
        };
        let (written, summary) = read_and_write(
            &options,
            &deidentifier,
            crosswalk,
            self.split(key),
            output.path(),
            &self.dataset(),
            voice,
        )?;
        drop(spill);
        // Before the events are there: events without their map would have no way back.
        if let (Some(crosswalk), Some(file)) = (&written.crosswalk, &self.crosswalk) {
            crosswalk_file::write(crosswalk, identifier, key, file)?;
        }

        let rejections = output.path().join("rejections.json");
        std::fs::write(
            &rejections,
            format!("{}\n", serde_json::to_string_pretty(&rejections_json(&summary))?),
        )
        .with_context(|| format!("cannot write {}", rejections.display()))?;
        let provenance = Provenance {
            dataset: self.dataset(),
            synthetic: self.synthetic,
            settings: serde_json::json!({
                "from": self.from,
                "mapping_blake3": mapping_text.map(|text| blake3::hash(text.as_bytes()).to_hex().to_string()),
                "splits": self.splits,
                "max_rejected": self.max_rejected,
                "as_of": as_of.to_string(),
                "limits": options.limits,
            }),
            inputs: summary
                .inputs
                .iter()
                .map(|i| FileDigest { path: i.name.clone(), bytes: i.bytes, blake3: i.blake3.clone() })
                .collect(),
            counts: counts(&summary, &written),
            deidentification: Some(Deidentification {
                policy: policy.name().to_owned(),
                policy_blake3: blake3::hash(policy.text().as_bytes()).to_hex().to_string(),
                key_id: key.id(),
                counts: serde_json::json!({
                    "dropped": written.tally.dropped(),
                    "trimmed": written.tally.trimmed(),
                    "ages_top_coded": written.tally.ages_top_coded,
                    "codes_by_contract": codes_by_contract(policy, &written.tally),
                }),
                local_systems: policy
                    .local_systems()
                    .into_iter()
                    .map(|(source, name)| (source.into(), name.into()))
                    .collect(),
            }),
        };
        let run = attested::Run { policy, key, tally: &written.tally, quarantined: quarantined(&summary) };
        let manifest = output.finish_sealed(provenance, |dir| attested::write(dir, run))?;
        self.export.discard_if_asked()?;
        self.tell(&summary, &written, started.elapsed(), voice);
        tell_of_systems(policy, &written.codes, &written.tally, voice);
        warn_of_one_end_of_followup(policy, &written.tally, voice);
        Ok(manifest)
    }

    fn format(&self, mapping: Option<&str>) -> Result<Format> {
        Ok(match (self.from, mapping) {
            (From::Fhir, None) => Format::Fhir,
            (From::Omop, None) => Format::Omop,
            (From::Meds, None) => Format::Meds,
            (From::Synthea, None) => Format::Synthea,
            (From::Table, Some(text)) => Format::Table(Mapping::from_toml(text)?),
            (From::Table, None) => bail!("--from table needs --mapping FILE"),
            (_, Some(_)) => bail!("--mapping is for --from table only"),
        })
    }

    fn split(&self, key: &Key) -> impl Fn(i64) -> Split + use<> {
        let (fractions, split_key) = (self.splits, key.split_key());
        move |subject| Split::of(subject, fractions, &split_key)
    }

    fn dataset(&self) -> String {
        self.name.clone().unwrap_or_else(|| "unnamed".to_owned())
    }

    fn tell(&self, summary: &Summary, written: &Written, elapsed: Duration, voice: Voice) {
        let megabytes = summary.inputs.iter().map(|i| i.bytes).sum::<u64>() as f64 / 1e6;
        voice.say(format!(
            "{} subjects, {} events from {} rows ({} rejected) in {}, {:.0} MB/s → {}",
            grouped(written.summary.subjects.iter().sum()),
            grouped(written.summary.events.iter().sum()),
            grouped(summary.rows),
            grouped(summary.rejected),
            seconds(elapsed),
            megabytes / elapsed.as_secs_f64().max(1e-9),
            self.out.display(),
        ));
        let dropped: u64 = written.tally.dropped().values().sum();
        let trimmed: u64 = written.tally.trimmed().values().sum();
        if dropped + trimmed > 0 {
            voice.say(format!(
                "de-identification dropped {} events and trimmed {} values; manifest.json counts them by rule",
                grouped(dropped),
                grouped(trimmed),
            ));
            for line in lines_of_what_was_dropped(&written.tally) {
                voice.say(line);
            }
        }
        for (system, codes) in written.tally.dotted() {
            voice.say(format!(
                "{} codes of {system} were written without their dot, and got it",
                grouped(*codes)
            ));
        }
        for line in lines_of_what_is_missing(summary) {
            voice.say(line);
        }
        // Elsewhere keys are integers, or what a server made them.
        if let (From::Table, Some((padded, plain))) = (self.from, summary.keys_of_two_forms) {
            voice.say(format!(
                "warning: the keys of {} subjects begin with a zero, and those of {} are shorter numbers that don't: 007 and 7 are two \
                 subjects here; if they are one person's, write them alike in all tables",
                grouped(padded),
                grouped(plain),
            ));
        }
    }
}

/// Kinds of what was ignored that are told.
const IGNORED_TOLD: usize = 20;
/// From here on events without a concept are warned of, as a share of all rows.
const LACKS_A_CONCEPT: f64 = 0.01;
/// From here on subjects without a birth or a sex are warned of, as a share of all subjects.
const LACKS_A_PERSON: f64 = 0.03;

/// Reasons for rejections that are told.
const REJECTED_TOLD: usize = 3;

/// Rules of de-identification that are told.
const DROPPED_TOLD: usize = 3;

/// By which rules most events were dropped, a line for each.
fn lines_of_what_was_dropped(tally: &Tally) -> Vec<String> {
    let mut rules: Vec<(String, u64)> =
        tally.dropped().iter().map(|(rule, count)| (rule.to_string(), *count)).collect();
    rules.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rules = rules.into_iter().take(DROPPED_TOLD).filter(|(_, count)| *count > 0);
    rules.map(|(rule, count)| format!("  {} dropped: {rule}", grouped(count))).collect()
}

/// The names of files that hold the same bytes, at most [`IGNORED_TOLD`] groups of them.
fn the_same_twice(inputs: &[ingest::InputDigest]) -> Vec<String> {
    let mut by_digest = BTreeMap::<(&str, u64), Vec<&str>>::new();
    for input in inputs.iter().filter(|input| input.bytes > 0) {
        by_digest.entry((&input.blake3, input.bytes)).or_default().push(&input.name);
    }
    let same = by_digest.into_values().filter(|names| names.len() > 1);
    same.take(IGNORED_TOLD).map(|names| names.join(" and ")).collect()
}

/// What of the sources is not in the output, a line for each kind.
fn lines_of_what_is_missing(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    for count in summary.rejection_counts.iter().take(REJECTED_TOLD) {
        let what = [count.kind, &count.field].into_iter().filter(|word| !word.is_empty());
        let mut what = what.collect::<Vec<_>>().join(" ");
        if what.is_empty() {
            what.push_str("line");
        }
        let is_it = |r: &&ingest::Rejection| {
            (r.kind, &r.field, r.reason) == (count.kind, &count.field, count.reason) && !r.file.is_empty()
        };
        let first = summary.rejections.iter().find(is_it);
        let first =
            first.map(|r| format!(" (first in {}, line {})", r.file, grouped(r.line))).unwrap_or_default();
        lines.push(format!("rejected {} × {what}: {}{first}", grouped(count.count), count.reason));
    }
    if let Some(more) = summary.rejection_counts.get(REJECTED_TOLD..).filter(|more| !more.is_empty()) {
        lines.push(format!(
            "rejected {} × for {} more {}; rejections.json counts them",
            grouped(more.iter().map(|count| count.count).sum()),
            more.len(),
            if more.len() == 1 { "reason" } else { "reasons" },
        ));
    }
    if summary.displaced > 0 {
        lines.push(format!(
            "left out {} older {} of resources that came again, or were deleted",
            grouped(summary.displaced),
            if summary.displaced == 1 { "version" } else { "versions" },
        ));
    }
    for twice in the_same_twice(&summary.inputs) {
        lines.push(format!(
            "warning: {twice} hold the same bytes; where rows have no identity, all of them count twice"
        ));
    }
    if summary.files_skipped > 0 {
        lines.push(format!(
            "skipped {} {}: by name or content not of this format",
            grouped(summary.files_skipped),
            if summary.files_skipped == 1 { "file" } else { "files" },
        ));
    }
    for ignored in summary.ignored.iter().take(IGNORED_TOLD) {
        lines.push(format!("not read: {} × {}: {}", grouped(ignored.count), ignored.kind, ignored.reason));
    }
    if let Some(more) = summary.ignored.len().checked_sub(IGNORED_TOLD).filter(|more| *more > 0) {
        lines.push(format!("not read: {} more kinds; rejections.json counts them", grouped(more as u64)));
    }
    let is_share = |part: u64, all: u64, share: f64| part > 0 && part as f64 > share * all as f64;
    let without_concept: u64 =
        summary.ignored.iter().filter(|ignored| ignored.lacks_a_concept()).map(|ignored| ignored.count).sum();
    if is_share(without_concept, summary.rows, LACKS_A_CONCEPT) {
        lines.push(format!(
            "warning: {} of {} rows have no concept, and gave no event; are they mapped in the CDM?",
            grouped(without_concept),
            grouped(summary.rows),
        ));
    }
    let lack = [
        (
            summary.subjects_without_birth,
            "birth",
            "their ages are unknown to all that is made of these events",
        ),
        (summary.subjects_without_sex, "sex", "nothing can be told by sex for them"),
    ];
    for (without, what, so) in lack {
        if is_share(without, summary.subjects_with_facts, LACKS_A_PERSON) {
            lines.push(format!(
                "warning: {} of {} subjects have no {what}: {so}; is the table of persons (Patient.ndjson, person.csv, patients.csv) among \
                 the sources?",
                grouped(without),
                grouped(summary.subjects_with_facts),
            ));
        }
    }
    lines
}

/// Subjects that one thread de-identifies before it looks for more.
const SUBJECTS_AT_ONCE: usize = 16;

/// Which coding systems the policy would have to name for their codes to pass, and which it names in vain.
fn tell_of_systems(policy: &Policy, codes: &[CodeMetadata], tally: &Tally, voice: Voice) {
    const TOLD: usize = 5;
    for (source, name) in policy.local_systems() {
        if !codes.iter().any(|told| told.code.split("//").any(|part| part == name)) {
            voice.say(format!(
                "no code of {name} passed: nothing is of {source}, or not of its shape, or held by enough (manifest.json counts)"
            ));
        }
    }
    let enough = policy.description_subjects();
    let (by_contract, held_by_few) = tally.codes_by_contract(enough);
    if by_contract > 0 {
        voice.say(format!(
            "{}{} codes of systems that the policy doesn't name passed by contract (codes.contract_fields), {} of them held by fewer than {enough} \
             people{}",
            if held_by_few > 0 { "warning: " } else { "" },
            grouped(by_contract),
            grouped(held_by_few),
            if held_by_few > 0 {
                ": look through metadata/codes.parquet for names and numbers of people, or take contract_fields out of a policy of your own \
                 (docs/deid.md)"
            } else {
                ""
            },
        ));
    }
    let systems = tally.systems_not_allowed(enough);
    if systems.is_empty() {
        return;
    }
    let each =
        |(system, subjects): &(_, u32)| format!("{system} (of {} subjects)", grouped((*subjects).into()));
    let mut told: Vec<String> = systems.iter().take(TOLD).map(each).collect();
    if systems.len() > TOLD {
        told.push(format!("{} more", systems.len() - TOLD));
    }
    voice.say(format!(
        "codes of systems that the policy doesn't name are dropped: {}; [[codes.local]] in a policy of your own lets a site's own \
         codes pass (docs/deid.md)",
        told.join(", ")
    ));
}

/// How many codes passed by contract alone, and how many of them few hold.
fn codes_by_contract(policy: &Policy, tally: &Tally) -> serde_json::Value {
    let (codes, held_by_few) = tally.codes_by_contract(policy.description_subjects());
    serde_json::json!({ "codes": codes, "held_by_few": held_by_few })
}

/// Tells when the end of follow-up gives offsets away.
fn warn_of_one_end_of_followup(policy: &Policy, tally: &Tally, voice: Voice) {
    let (together, all) = tally.subjects_whose_followup_ends_together();
    let gives_away = together >= 20 && together * 5 >= all;
    if policy.dates() == DateMethod::Shift && policy.blur_followup_days() == 0 && gives_away {
        voice.say(format!(
            "warning: follow-up ends on one day for {} of {} subjects; who knows that day can find by how much their \
             dates were moved; set dates.blur_followup_days in a policy of your own (docs/deid.md)",
            grouped(together),
            grouped(all),
        ));
    }
}

/// What came out.
struct Written {
    summary: DatasetSummary,
    tally: Tally,
    codes: Vec<CodeMetadata>,
    labels: BTreeMap<String, u64>,
    crosswalk: Option<Crosswalk>,
}

/// The flow itself: read → de-identify → write.
fn read_and_write(
    options: &Options,
    deidentifier: &Deidentifier,
    mut crosswalk: Option<Crosswalk>,
    split: impl Fn(i64) -> Split,
    out: &Path,
    dataset: &str,
    voice: Voice,
) -> Result<(Written, Summary)> {
    let mut writer = DatasetWriter::create(out)?;
    let mut tally = Tally::default();
    let mut labels: BTreeMap<String, Vec<Label>> = BTreeMap::new();
    let mut codes = BTreeSet::new();
    // Cleaning notes is most of the work where there are any.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let subjects_written = AtomicU64::new(0);
    let route = |source_key: &str| deidentifier.pseudonym(source_key) as u64;
    let mut each = |subjects: Vec<Identified<SourceSubject>>| -> Result<()> {
        let deidentify = |subjects: &[Identified<SourceSubject>]| {
            let mut tally = Tally::default();
            let records = subjects.iter().map(|source| deidentifier.subject(source, &mut tally));
            (records.collect::<Vec<_>>(), tally)
        };
        let parts: Vec<_> = pool.install(|| subjects.par_chunks(SUBJECTS_AT_ONCE).map(deidentify).collect());
        let records = parts.into_iter().flat_map(|(records, part)| {
            tally.merge(part);
            records
        });
        for (record, source) in records.zip(&subjects) {
            for (task, label) in &record.labels {
                labels.entry(task.to_string()).or_default().push(*label);
            }
            for event in record.subject.events() {
                if !codes.contains(event.code.as_str()) {
                    codes.insert(event.code.to_string());
                }
            }
            let subject = record.map(|record| record.subject);
            // A follow-up without anything followed is nobody's record.
            if subject.events().iter().any(|e| e.code.as_str() != Code::FOLLOWUP_END) {
                if let Some(crosswalk) = &mut crosswalk {
                    crosswalk.insert(subject.id, &source.expose().key);
                }
                writer.push(split(subject.id), &subject)?;
                subjects_written.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    };
    let progress = Progress::default();
    let result = watched(&progress, &subjects_written, voice, || {
        let Some(holders) = deidentifier.holders(paths(&options.format)) else {
            return ingest::ingest(options, &route, &progress, &mut each);
        };
        // Which codes are rare depends on everybody.
        let holders = RefCell::new(Some(holders));
        let mut look = |subjects: Vec<Identified<SourceSubject>>| -> Result<()> {
            let codes: Vec<_> =
                pool.install(|| subjects.par_iter().map(|source| deidentifier.look(source)).collect());
            if let Some(holders) = holders.borrow_mut().as_mut() {
                codes.into_iter().for_each(|(subject, codes)| holders.add(subject, codes));
            }
            Ok(())
        };
        let mut each = |subjects| {
            if let Some(holders) = holders.take() {
                if holders.left_some_out() {
                    voice.say(
                        "warning: more distinct codes than are counted; those that came late are dropped. Is there a record number in a \
                         code field? A narrower shape in codes.local keeps it out",
                    );
                }
                deidentifier.judge(holders);
            }
            each(subjects)
        };
        ingest::ingest_after(options, &route, &progress, Some(&mut look), &mut each)
    });
    let summary = result.map_err(|interrupted| match interrupted {
        Interrupted::Ingest(error) => anyhow::Error::from(error),
        Interrupted::Consumer(error) => error,
        _ => anyhow::anyhow!("the run was interrupted"),
    })?;
    if subjects_written.into_inner() == 0 {
        bail!(
            "nothing was left to write of {} subjects and {} facts: the policy dropped all that was read, or it was follow-up alone",
            grouped(summary.subjects),
            grouped(summary.facts),
        );
    }
    let metadata = code_metadata(codes, &tally, deidentifier.policy(), &summary);
    let description = DatasetDescription {
        dataset_name: dataset.to_owned(),
        etl_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let written = writer.finish(&description, &metadata)?;
    let labels = write_labels(out, labels)?;
    Ok((Written { summary: written, tally, codes: metadata, labels, crosswalk }, summary))
}

/// The paths that facts of a format can have.
fn paths(format: &Format) -> &'static [&'static str] {
    match format {
        Format::Fhir => ingest::FHIR_PATHS,
        Format::Omop => ingest::OMOP_PATHS,
        Format::Meds => ingest::MEDS_PATHS,
        Format::Synthea => ingest::SYNTHEA_PATHS,
        Format::Table(_) => ingest::TABLE_PATHS,
        // Of another, any.
        _ => &["meds.code", "table.code"],
    }
}

/// One row for each code that was written: its description from the source's vocabulary, else the words that
/// enough subjects share.
fn code_metadata(
    codes: BTreeSet<String>,
    tally: &Tally,
    policy: &Policy,
    summary: &Summary,
) -> Vec<CodeMetadata> {
    let shared = tally.descriptions(policy.description_subjects());
    let systems = policy.local_systems();
    codes
        .into_iter()
        .map(|code| {
            // A vocabulary names a site's own systems as the source does, and what it holds beside what passed is told nowhere.
            let local = systems.iter().find_map(|(source, name)| {
                let local = code.strip_prefix(name.as_str())?.strip_prefix("//")?;
                summary.descriptions.get(&format!("{source}//{local}"))
            });
            let is_local = systems.iter().any(|(_, name)| Code::new(&code).system() == name.as_str());
            let from_vocabulary = if is_local { local } else { summary.descriptions.get(&code) };
            let parents = from_vocabulary.map(|d| d.parents.clone()).unwrap_or_default();
            CodeMetadata {
                description: from_vocabulary
                    .map(|d| d.description.clone())
                    .filter(|d| !d.is_empty())
                    .or_else(|| shared.get(&code).cloned()),
                parents: match is_local {
                    true => {
                        parents.into_iter().filter(|up| policy.names_system(Code::new(up).system())).collect()
                    }
                    false => parents,
                },
                is_procedure: tally.is_procedure(&code, from_vocabulary.is_some_and(|d| d.is_procedure)),
                code,
            }
        })
        .collect()
}

fn write_labels(out: &Path, labels: BTreeMap<String, Vec<Label>>) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for (task, mut labels) in labels {
        let dir = out.join("labels").join(&task);
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        labels.sort_by_key(|l| (l.subject_id, l.prediction_time, l.boolean_value));
        meds::write_labels(&dir.join("labels.parquet"), &labels)?;
        counts.insert(task, labels.len() as u64);
    }
    Ok(counts)
}

fn counts(summary: &Summary, written: &Written) -> serde_json::Value {
    let by_split = |n: [u64; 3]| {
        Split::ALL
            .iter()
            .map(|s| (s.name().to_owned(), n[*s as usize].into()))
            .collect::<serde_json::Map<_, _>>()
    };
    serde_json::json!({
        "subjects": by_split(written.summary.subjects),
        "events": by_split(written.summary.events),
        "labels": written.labels,
        "rows": summary.rows,
        "rejected": summary.rejected,
        "facts": summary.facts,
        "duplicates": summary.duplicates,
        "displaced": summary.displaced,
        "files_skipped": summary.files_skipped,
        "ignored": summary.ignored,
        "rejected_rows": summary.rejected_rows,
        "subjects_without_birth": summary.subjects_without_birth,
        "subjects_without_sex": summary.subjects_without_sex,
    })
}

fn rejections_json(summary: &Summary) -> serde_json::Value {
    serde_json::json!({
        "rows": summary.rows,
        "rejected": summary.rejected,
        "counts": summary.rejection_counts,
        "ignored": summary.ignored,
        "first": summary.rejections,
    })
}

fn quarantined(summary: &Summary) -> Quarantined {
    Quarantined {
        rows: summary.rows,
        rejected: summary.rejected,
        reasons: summary
            .rejection_counts
            .iter()
            .map(|c| (format!("{} {}: {}", c.kind, c.field, c.reason), c.count))
            .collect(),
    }
}

/// A directory for encrypted temporary files, removed when dropped.
struct SpillDirectory {
    path: PathBuf,
    _unfinished: Unfinished,
}

impl SpillDirectory {
    fn create(asked: Option<&Path>, partial: &Path) -> Result<Self> {
        let asked = asked.map(Path::to_owned).or_else(|| environment::path(environment::SPILL_DIR));
        let path = match asked {
            // Named after the output, so that what a killed run left is found and cleared.
            Some(dir) => dir.join(format!(
                "osler-spill-{}",
                &blake3::hash(partial.as_os_str().as_encoded_bytes()).to_hex()[..16]
            )),
            None => partial.with_extension("spill"),
        };
        if path.exists() {
            std::fs::remove_dir_all(&path)
                .with_context(|| format!("cannot clear {}, which a stopped run left", path.display()))?;
        }
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let unfinished = Unfinished::new(vec![path.clone()], None);
        Ok(SpillDirectory { path, _unfinished: unfinished })
    }
}

impl Drop for SpillDirectory {
    fn drop(&mut self) {
        // Best effort: what stays is encrypted with a key that is gone, and the next run clears it.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
