//! `osler grade`: a model's reasoning beside a truth that a synthetic population knows.

use super::name_of;
use crate::grading::{self, Asked, EffectsAsked, EffectsFound, Join, LastValues, Truth, Who};
use crate::manifest::Kind;
use crate::model_directory::{ModelDirectory, UnseenCodes};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use crate::{key_file, policy_file};
use ::evaluate::grading::{GradeReport, Settings, differential, risks};
use ::evaluate::{About, Bootstrap, effects};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use deid::attestation::SYNTHETIC;
use events::{Deidentified, Split, Subject};
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Subjects asked about together.
const CHUNK: usize = 256;

/// What is graded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// Risks: ranking, calibration, early detection, against true chances and the optimal observer.
    Risks,
    /// Disease that is there and on no record: how high it stands.
    Differential,
    /// Effects of treatments, against what would have been.
    Options,
}

/// Grade a model's reasoning on EVENTS against the truth of the synthetic population that they were made from.
///
/// `osler synth --truth` knows each person's true chances, the best that could be said from the record (an optimal observer), what has
/// begun unseen, and what would have become of everybody under each treatment. This verb joins that truth to the records, asks
/// the model what `osler reason` would ask it, and writes report.html and report.json: AUC and calibration beside the observer's, early
/// detection, differential, and the error of effects. Every number has its n and an interval over people; what rests on too few is
/// named, not measured.
///
/// Records that went through `osler ingest` know people by pseudonyms: give the same --key, and who is who is worked out in
/// memory. Nothing of it is written.
#[derive(Args)]
#[command(after_help = "Examples:
  osler synth --subjects 3000 --seed 2 --truth --truth-observed 3000 --out graded
  osler ingest --from fhir --synthetic --key site.key --splits 0,0,1 --out fresh graded/fhir
  osler grade --model model --truth graded --key site.key --out grades fresh
  osler grade --model model --truth graded --key site.key --rule events --out grades fresh
  osler grade --model model --truth graded --key site.key --show options --split all --out grades events")]
pub struct Arguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    model: PathBuf,
    /// A directory that `osler synth --truth` wrote, or its truth/.
    #[arg(long)]
    truth: PathBuf,
    /// The key that EVENTS were de-identified with; without it subjects are taken to be numbered as in the truth.
    #[arg(long)]
    key: Option<PathBuf>,
    /// The policy that they went through, if it isn't the one named in their manifest.
    #[arg(long, value_name = "NAME|FILE", requires = "key")]
    policy: Option<String>,
    /// What is graded: risks, differential, options.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "risks,differential,options")]
    show: Vec<Section>,
    /// train, tuning, held_out or all.
    #[arg(long, default_value = "held_out")]
    split: String,
    /// What becomes of codes that the model never saw, as those of another hospital.
    #[arg(long, value_enum, default_value_t)]
    unseen_codes: UnseenCodes,
    /// Records whose training subjects a rule of age, sex and last values is learned from, to set beside the model: those that it
    /// was trained on, say.
    #[arg(long, value_name = "EVENTS")]
    rule: Option<PathBuf>,
    /// The specificity at which sensitivity and lead time are told.
    #[arg(long, default_value_t = 0.95)]
    specificity: f64,
    /// What rests on fewer events (to expect, or on record) isn't measured.
    #[arg(long, default_value_t = 10.0)]
    least_events: f64,
    /// How many of the commonest conditions are summed up.
    #[arg(long, default_value_t = 20)]
    commonest: usize,
    /// Fewest decisions about a treatment that its effect is asked of.
    #[arg(long, default_value_t = 200)]
    least_decisions: usize,
    /// Draws behind intervals.
    #[arg(long, default_value_t = 500)]
    draws: usize,
    /// The seed of draws and folds.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The directory to write.
    #[arg(long)]
    out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    force: bool,
    /// A directory that `osler ingest` wrote from the population.
    events: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let report = self.grade(voice)?;
        match voice.json {
            true => println!("{}", report.to_json()?),
            false => report.answer.iter().for_each(|sentence| println!("{sentence}")),
        }
        Ok(())
    }

    fn grade(&self, voice: Voice) -> Result<GradeReport> {
        let started = Instant::now();
        if !(self.specificity > 0.0 && self.specificity < 1.0) {
            bail!("--specificity must lie between 0 and 1");
        }
        let splits = match self.split.as_str() {
            "all" => Split::ALL.to_vec(),
            name => vec![name.parse().map_err(anyhow::Error::msg)?],
        };
        let records = Records::open(&self.events)?;
        let directory = ModelDirectory::open(&self.model, &records.codes)?;
        let directory = directory.with_unseen(self.unseen_codes, &records.codes)?;
        let output = OutputDirectory::create(&self.out, Kind::Grades, self.force)?;
        let dir = truth_directory(&self.truth);
        let join = self.join(&dir, &records, &splits)?;
        let truth = Truth::read(&dir, &join)?;
        let job = Job { arguments: self, records: &records, directory: &directory, truth: &truth, voice };
        let report = job.report(&splits, &join)?;
        for (name, text) in [("report.html", report.to_html()), ("report.json", report.to_json()?)] {
            let path = output.path().join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        output.finish(Provenance {
            dataset: report.about.dataset.clone(),
            synthetic: true,
            settings: serde_json::json!({
                "split": self.split, "specificity": self.specificity, "least_events": self.least_events,
                "commonest": self.commonest, "least_decisions": self.least_decisions, "draws": self.draws, "seed": self.seed,
                "unseen_codes": self.unseen_codes.name(),
                "show": self.show.iter().map(|s| format!("{s:?}").to_lowercase()).collect::<Vec<_>>(),
            }),
            inputs: vec![directory.manifest.as_input(), records.manifest.as_input()],
            counts: serde_json::json!({ "people": join.len() }),
            deidentification: None,
        })?;
        voice.say(format!("graded in {} → {}", seconds(started.elapsed()), self.out.display()));
        Ok(report)
    }

    /// Finds the population's people in the records.
    fn join(&self, truth: &Path, records: &Records, splits: &[Split]) -> Result<Join> {
        let mut known = HashSet::new();
        for split in splits {
            for subject in records.subjects(*split)? {
                known.insert(subject?.id);
            }
        }
        if known.is_empty() {
            bail!("{} has nobody in split {}; choose another --split", self.events.display(), self.split);
        }
        let stated = records.manifest.deidentification.as_ref();
        let join = match &self.key {
            None => Join::new(truth, &known, None)?,
            Some(file) => {
                if self.policy.is_none() && stated.is_some_and(|stated| stated.policy == SYNTHETIC) {
                    bail!(
                        "{} went through no policy: their people are numbered as in the truth; leave --key away",
                        self.events.display()
                    );
                }
                let key = key_file::read(Some(file))?;
                if stated.is_some_and(|stated| stated.key_id != key.id()) {
                    bail!(
                        "{} were de-identified with another key than {}",
                        self.events.display(),
                        file.display()
                    );
                }
                let name = self.policy.as_deref().or(stated.map(|stated| stated.policy.as_str()));
                let name = name.context("the records name no policy; give it with --policy")?;
                let policy = policy_file::read(name).with_context(|| {
                    format!("the policy {name:?} isn't found; give its file with --policy")
                })?;
                Join::new(truth, &known, Some((&key, policy)))?
            }
        };
        Ok(join)
    }
}

/// `osler synth` writes the truth below its output.
fn truth_directory(given: &Path) -> PathBuf {
    let below = given.join("truth");
    if below.is_dir() { below } else { given.to_owned() }
}

struct Job<'a> {
    arguments: &'a Arguments,
    records: &'a Records,
    directory: &'a ModelDirectory,
    truth: &'a Truth,
    voice: Voice,
}

impl Job<'_> {
    fn settings(&self) -> Settings {
        let Arguments { draws, seed, least_events, specificity, commonest, .. } = *self.arguments;
        let bootstrap = Bootstrap { draws, seed, ..Bootstrap::default() };
        Settings { bootstrap, least: least_events, specificity, commonest }
    }

    fn asks(&self, section: Section) -> bool {
        self.arguments.show.contains(&section)
    }

    fn report(&self, splits: &[Split], join: &Join) -> Result<GradeReport> {
        let mut not_graded = Vec::new();
        let settings = self.settings();
        let rule = self.rule(splits)?;
        let (asked, people) = self.asked(splits, rule.as_ref())?;
        let moments = self.asks(Section::Risks) || self.asks(Section::Differential);
        if moments && !self.truth.is_anybody_observed {
            let nobody = "nobody of the population was observed (`osler synth --truth-observed 0`), so no true risk is known";
            if !self.asks(Section::Options) {
                bail!("{nobody}; --show options grades what treatments do");
            }
            not_graded.push(("Risks and differential".to_owned(), nobody.to_owned()));
        }
        if asked.particles.is_empty() && people.is_empty() {
            bail!(
                "nothing of the truth in {} is about anybody in {}: if the records went through `osler ingest`, give the same --key{}",
                self.arguments.truth.display(),
                self.arguments.events.display(),
                match self.truth.is_anybody_observed {
                    true => ", and choose a --split that holds people of `--truth-observed`",
                    false => "",
                }
            );
        }
        for code in &asked.unknown {
            not_graded.push((code.to_string(), "the model gives no risk for it".to_owned()));
        }
        for (code, conditions) in &self.truth.shared_codes {
            let names: Vec<&str> = conditions.iter().map(SmolStr::as_str).collect();
            not_graded.push((
                code.to_string(),
                format!("the records code by it what the truth tells apart: {}", names.join(", ")),
            ));
        }
        let mut methods = self.methods(join, &asked, rule.as_ref());
        let mut names: Vec<SmolStr> = grading::PREDICTORS.map(SmolStr::from).to_vec();
        if rule.is_some() {
            names.push(grading::RULE.into());
        }
        let differential = match self.asks(Section::Differential) {
            true => differential(&asked.cases, &grading::RANKERS.map(SmolStr::from), &settings),
            false => Default::default(),
        };
        let found = match self.asks(Section::Risks) {
            true => risks(&asked.questions(), &names, &settings),
            false => Default::default(),
        };
        let mut effects = Vec::new();
        if self.asks(Section::Options) {
            let by_id: HashMap<i64, &Subject> = people.iter().map(|s| (s.id, &**s)).collect();
            let asked = EffectsAsked {
                least_decisions: self.arguments.least_decisions,
                effects: effects::Settings { seed: self.arguments.seed, ..effects::Settings::default() },
                grading: settings,
            };
            let EffectsFound { grades, too_few, recurrences, differing } =
                grading::effects(self.directory, &by_id, self.truth, &asked, self.voice)?;
            effects = grades;
            for recurrence in recurrences {
                not_graded.push((
                    recurrence,
                    "the outcome is that the condition comes again: it is on record already, and a recurrence can't be told from it"
                        .to_owned(),
                ));
            }
            if too_few > 0 {
                not_graded.push((
                    format!("{too_few} treatments and outcomes"),
                    format!("too few: fewer than {} decisions", self.arguments.least_decisions),
                ));
            }
            methods.push((
                "Effects".to_owned(),
                format!(
                    "As `osler reason --show options` estimates them, from decisions whose truth is known: begun within a day or not. The \
                     truth counts the event itself, recorded or not; the estimate what is on record. {differing} decisions are told \
                     otherwise by the record than by the truth. A patient's interval is that of patients like him, by age, sex, \
                     expected risk and effect."
                ),
            ));
        }
        not_graded.push((
            "Sequential testing".to_owned(),
            "the truth holds no results of tests that were not done; it is tested in a world of its own (docs/lab/reasoning.md)"
                .to_owned(),
        ));
        Ok(GradeReport::new(self.about(), &settings, (found, differential, effects), not_graded, methods))
    }

    fn rule(&self, splits: &[Split]) -> Result<Option<LastValues>> {
        let Some(path) = self.arguments.rule.as_ref().filter(|_| self.asks(Section::Risks)) else {
            return Ok(None);
        };
        let mut questions: Vec<(SmolStr, f64)> =
            self.truth.risks.values().flatten().map(|row| (row.code.clone(), row.horizon_days)).collect();
        questions.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        questions.dedup();
        let mut graded: HashSet<Who> = HashSet::new();
        for split in splits {
            for subject in self.records.subjects(*split)? {
                let subject = subject?;
                if self.truth.risks.contains_key(&subject.id) {
                    graded.insert((subject.id, subject.birth()));
                }
            }
        }
        Ok(Some(LastValues::learn(self.directory, &Records::open(path)?, &questions, &graded)?))
    }

    /// Asks the model, chunk by chunk; who had a decision stays in memory.
    fn asked(
        &self,
        splits: &[Split],
        rule: Option<&LastValues>,
    ) -> Result<(Asked, Vec<Deidentified<Subject>>)> {
        let mut asked = Asked::default();
        let decided: HashSet<i64> = match self.asks(Section::Options) {
            true => {
                self.truth.decisions.iter().flat_map(|(_, all)| all.iter().map(|d| d.subject_id)).collect()
            }
            false => HashSet::new(),
        };
        let moments = self.asks(Section::Risks) || self.asks(Section::Differential);
        let bar = self.voice.count("asking", splits.iter().map(|split| self.records.count(*split)).sum());
        let (mut people, mut chunk) = (Vec::new(), Vec::with_capacity(CHUNK));
        let mut ask = |chunk: &mut Vec<Deidentified<Subject>>| -> Result<()> {
            if moments {
                grading::moments(self.directory, chunk, self.truth, rule, &mut asked)?;
            }
            bar.add(chunk.len() as u64);
            people.extend(chunk.drain(..).filter(|subject| decided.contains(&subject.id)));
            Ok(())
        };
        for split in splits {
            for subject in self.records.subjects(*split)? {
                chunk.push(subject?);
                if chunk.len() == CHUNK {
                    ask(&mut chunk)?;
                }
            }
        }
        ask(&mut chunk)?;
        Ok((asked, people))
    }

    fn about(&self) -> About {
        let manifest = &self.directory.manifest;
        About {
            dataset: self.records.manifest.dataset.clone(),
            synthetic: true,
            model: format!("{}, trained on {}", name_of(manifest), manifest.dataset),
            model_digest: self.directory.digest().to_owned(),
            split: self.arguments.split.clone(),
            // The time of the model, not of the report: the same input gives the same bytes.
            made: manifest.finished.clone(),
            tool: format!("osler {}", env!("CARGO_PKG_VERSION")),
            ..About::default()
        }
    }

    fn methods(&self, join: &Join, asked: &Asked, rule: Option<&LastValues>) -> Vec<(String, String)> {
        let mut particles = asked.particles.clone();
        particles.sort_by(f64::total_cmp);
        let at = |share: f64| match particles.is_empty() {
            true => f64::NAN,
            false => ::evaluate::bootstrap::quantile(&particles, share),
        };
        let mut methods = vec![(
            "People".to_owned(),
            format!(
                "{} people of the population are in the records; {} of them have a moment that the truth speaks of, the first visit \
                     after a random date. {} rows of the truth are about a condition that the record has by then.",
                grouped(join.len() as u64),
                grouped(asked.particles.len() as u64),
                grouped(asked.not_at_risk as u64)
            ),
        )];
        let of_moments = [
            (
                "Over all futures".to_owned(),
                "A person is an event by his true chance and none by the rest: what outcomes would show on average over all futures. AUC by \
                 record, cases and lead times are those of the one future that was recorded."
                    .to_owned(),
            ),
            (
                "The optimal observer".to_owned(),
                format!(
                    "A particle filter that knows how the population was made and what is on record by then. Its guesses are worth a \
                     median of {:.0} particles (tenth centile {:.1}); where they are few it is worse than optimal, and the model's share \
                     of its excess too high.",
                    at(0.5),
                    at(0.1)
                ),
            ),
            (
                "Who knows everything".to_owned(),
                "The true chance itself, from repeated futures: its AUC is what nobody could surpass, a little too high by the futures' \
                 number."
                    .to_owned(),
            ),
        ];
        if !asked.particles.is_empty() {
            methods.extend(of_moments);
        }
        if let Some(rule) = rule {
            methods.push((
                "Age, sex and last values".to_owned(),
                format!(
                    "A logistic regression for each condition and horizon on age, its square, sex and the last ranks of the commonest \
                     measurements, learned from {} other people. {} of its records were left out, since those people are graded.",
                    grouped(rule.people as u64),
                    grouped(rule.left_out as u64)
                ),
            ));
        }
        if self.directory.manifest.trained_on(&self.records.manifest.output_digest) == Some(true)
            && self.arguments.split != "held_out"
        {
            methods.push((
                "A caution".to_owned(),
                "The model was trained on some of these people: its risks are better than they would be for others.".to_owned(),
            ));
        }
        methods
    }
}
