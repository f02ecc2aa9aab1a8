//! The files that a card is made from: checked, digested, and held to be of this model.

use super::about::About;
use super::governance::Standing;
use super::{Entry, Figure, Source};
use crate::commands::name_of;
use crate::governance_directory::GovernanceDirectory;
use crate::manifest::{FILE_NAME, FileDigest, Kind, Manifest, digest_of};
use crate::settings_file;
use crate::tuning_check;
use ::evaluate::EvaluationReport;
use ::evaluate::grading::GradeReport;
use ::evaluate::privacy::PrivacyReport;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What a report's numbers are in, in each directory that holds one.
const REPORT: &str = "report.json";
/// The settings of the network.
const CONFIG: &str = "config.json";
/// What was seen while it was trained.
const TRAINING_LOG: &str = "training.jsonl";

/// Files that were read, and what they hold.
#[derive(Default)]
pub struct Evidence {
    sources: Vec<Source>,
    values: Vec<Value>,
}

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceId(usize);

impl Evidence {
    /// Reads a file. `file` is how the card calls it: never the path, which may tell more than it should.
    fn add(&mut self, what: &str, file: &str, path: &Path) -> Result<SourceId> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        // What isn't JSON (a log of lines, the site's TOML) is cited and digested, and read by who knows it.
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        self.sources.push(Source {
            id: format!("S{}", self.sources.len() + 1),
            what: what.to_owned(),
            file: file.to_owned(),
            bytes: bytes.len() as u64,
            blake3: blake3::hash(&bytes).to_hex().to_string(),
        });
        self.values.push(value);
        Ok(SourceId(self.sources.len() - 1))
    }

    /// All files, in the order of their names S1, S2, …
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// How the card refers to a file.
    pub fn id(&self, source: SourceId) -> String {
        self.sources[source.0].id.clone()
    }

    /// What stands at a place of a file.
    pub fn at(&self, source: SourceId, place: &str) -> Option<&Value> {
        self.values[source.0].pointer(place).filter(|value| !value.is_null())
    }

    /// A number with an interval, as the reports write them.
    pub fn estimate(&self, source: SourceId, place: &str, n: Option<u64>, confidence: f64) -> Figure {
        let part = |name: &str| self.at(source, &format!("{place}/{name}"));
        let [value, low, high] = ["value", "low", "high"].map(|name| part(name).and_then(Value::as_f64));
        let reason = match (value, part("reason").and_then(Value::as_str)) {
            (None, Some(reason)) => Some(reason.to_owned()),
            (None, None) => Some("the file holds none".to_owned()),
            (Some(_), _) => None,
        };
        Figure {
            value,
            low,
            high,
            confidence: low.is_some().then_some(confidence),
            standard_error: None,
            reason,
            n,
            source: self.id(source),
            place: place.to_owned(),
        }
    }

    /// A number that the file gives without an interval.
    pub fn number(&self, source: SourceId, place: &str, n: Option<u64>) -> Figure {
        let value = self.at(source, place).and_then(Value::as_f64);
        let reason = value.is_none().then(|| "the file holds none".to_owned());
        Figure { value, reason, n, source: self.id(source), place: place.to_owned(), ..Figure::default() }
    }

    /// What stands at a place, as a fact; what lacks is said to.
    pub fn fact(&self, name: &str, source: SourceId, place: &str) -> Entry {
        match self.at(source, place) {
            Some(value) => self.told(
                name,
                value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                source,
                place,
            ),
            None => Entry::not_evaluated(name, format!("{} doesn't hold it", self.sources[source.0].file)),
        }
    }

    /// A fact in other words than the file's.
    pub fn told(&self, name: &str, told: impl Into<String>, source: SourceId, place: &str) -> Entry {
        Entry::Fact {
            name: name.to_owned(),
            told: told.into(),
            source: self.id(source),
            place: place.to_owned(),
        }
    }
}

/// Where everything is.
pub struct Places<'a> {
    /// A model.
    pub model: &'a Path,
    /// The events that it was trained on.
    pub events: &'a [PathBuf],
    /// Evaluations of it.
    pub reports: &'a [PathBuf],
    /// Privacy audits of it.
    pub audits: &'a [PathBuf],
    /// Grades of its reasoning.
    pub grades: &'a [PathBuf],
    /// What the site says of it.
    pub about: Option<&'a Path>,
}

/// Everything that a card is made from.
pub struct Material {
    pub(super) evidence: Evidence,
    pub(super) manifest: Manifest,
    pub(super) manifest_source: SourceId,
    pub(super) config: SourceId,
    pub(super) tuning_check: Option<SourceId>,
    pub(super) training_log: Option<SourceId>,
    pub(super) events: Vec<(SourceId, Manifest)>,
    pub(super) reports: Vec<(SourceId, EvaluationReport)>,
    pub(super) audits: Vec<(SourceId, PrivacyReport)>,
    pub(super) grades: Vec<(SourceId, GradeReport)>,
    pub(super) governance: Option<Standing>,
    pub(super) about: About,
    pub(super) about_source: Option<SourceId>,
}

impl Material {
    /// Reads it all. What is of another model is refused: a card never borrows another's figures.
    ///
    /// # Errors
    /// When a directory isn't what it should be, was changed since it was written, or is about another model.
    pub fn read(places: &Places<'_>, governance: Option<&GovernanceDirectory>) -> Result<Self> {
        let mut evidence = Evidence::default();
        let manifest = Manifest::verify(places.model, Kind::Model)?;
        let digest = manifest.output_digest.clone();
        let of_model = |name: &str| (format!("model/{name}"), places.model.join(name));
        let mut add_of_model = |what: &str, name: &str| {
            let (file, path) = of_model(name);
            path.is_file().then(|| evidence.add(what, &file, &path)).transpose()
        };
        let manifest_source =
            add_of_model("The model's manifest", FILE_NAME)?.context("a model has a manifest")?;
        let config = add_of_model("The network's settings", CONFIG)?.context("a model has a config.json")?;
        let training_log = add_of_model("Log of the training", TRAINING_LOG)?;
        let tuning_check =
            add_of_model("Risks against what happened to the tuning people", tuning_check::FILE)?;

        let mut events = Vec::new();
        for (i, dir) in places.events.iter().enumerate() {
            let read = Manifest::read(dir, Kind::Events)?;
            // The files themselves may be large, and aren't read: the manifest is held to the digest that the model names.
            if digest_of(&read.outputs) != read.output_digest
                || manifest.trained_on(&read.output_digest) != Some(true)
            {
                bail!("{} are not the events that the model was trained on", dir.display());
            }
            let file = numbered("events", i, FILE_NAME);
            events.push((
                evidence.add("The manifest of the training data", &file, &dir.join(FILE_NAME))?,
                read,
            ));
        }
        let of = |about: &::evaluate::About, dir: &Path| {
            if about.model_digest != digest {
                bail!(
                    "{} is about another model ({}), not about {digest}",
                    dir.display(),
                    about.model_digest
                );
            }
            Ok(())
        };
        let mut reports = Vec::new();
        for (i, dir) in places.reports.iter().enumerate() {
            Manifest::verify(dir, Kind::Report)?;
            let (source, report) =
                evidence.report::<EvaluationReport>("Evaluation", &numbered("report", i, REPORT), dir)?;
            of(&report.about, dir)?;
            reports.push((source, report));
        }
        let mut audits = Vec::new();
        for (i, dir) in places.audits.iter().enumerate() {
            Manifest::verify(dir, Kind::PrivacyAudit)?;
            let (source, report) =
                evidence.report::<PrivacyReport>("Privacy audit", &numbered("audit", i, REPORT), dir)?;
            of(&report.about, dir)?;
            audits.push((source, report));
        }
        let mut grades = Vec::new();
        for (i, dir) in places.grades.iter().enumerate() {
            Manifest::verify(dir, Kind::Grades)?;
            let (source, report) =
                evidence.report::<GradeReport>("Grades of reasoning", &numbered("grades", i, REPORT), dir)?;
            of(&report.about, dir)?;
            grades.push((source, report));
        }
        let (about, about_source) = match places.about {
            None => (About::default(), None),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let about = About::parse(&text).with_context(|| format!("{}", path.display()))?;
                (about, Some(evidence.add("What the site says of the model", "about.toml", path)?))
            }
        };
        let governance = match governance {
            None => None,
            Some(directory) => {
                let (standing, path) = Standing::of(directory, &manifest)?;
                let source = match path.is_file() {
                    false => None,
                    true => {
                        Some(evidence.add("The model's steps, signed", "governance/history.json", &path)?)
                    }
                };
                Some(Standing { source, ..standing })
            }
        };
        Ok(Material {
            evidence,
            manifest,
            manifest_source,
            config,
            tuning_check,
            training_log,
            events,
            reports,
            audits,
            grades,
            governance,
            about,
            about_source,
        })
    }

    /// What the model is called: by the site, else by its size.
    pub fn title(&self) -> String {
        self.about.get("name").map_or_else(|| name_of(&self.manifest), str::to_owned)
    }

    /// Names weights, vocabulary and settings together.
    pub fn digest(&self) -> &str {
        &self.manifest.output_digest
    }

    /// Are the model's records, or those behind any figure, made up?
    pub fn synthetic(&self) -> bool {
        self.manifest.synthetic
            || self.reports.iter().any(|(_, report)| report.about.synthetic)
            || self.audits.iter().any(|(_, report)| report.about.synthetic)
            || self.grades.iter().any(|(_, report)| report.about.synthetic)
    }

    /// The files that the card rests on, as the inputs of its own manifest.
    pub fn inputs(&self) -> Vec<FileDigest> {
        let of = |source: &Source| FileDigest {
            path: source.file.clone(),
            bytes: source.bytes,
            blake3: source.blake3.clone(),
        };
        self.evidence.sources().iter().map(of).collect()
    }
}

impl Evidence {
    fn report<T: serde::de::DeserializeOwned>(
        &mut self,
        what: &str,
        file: &str,
        dir: &Path,
    ) -> Result<(SourceId, T)> {
        let path = dir.join(REPORT);
        let source = self.add(what, file, &path)?;
        let report = serde_json::from_value(self.values[source.0].clone())
            .map_err(|error| settings_file::of_json(&error))
            .with_context(|| format!("{} is damaged, or from another version of osler", path.display()))?;
        Ok((source, report))
    }
}

/// `report/report.json`, `report-2/report.json`, …
fn numbered(directory: &str, place: usize, file: &str) -> String {
    match place {
        0 => format!("{directory}/{file}"),
        place => format!("{directory}-{}/{file}", place + 1),
    }
}
