//! `osler reason`: what a model can say about one patient beyond a risk.

mod options;
mod page;
mod results;
mod text;

use super::digest_of;
use super::name_of;
use crate::model_directory::{ModelDirectory, UnseenCodes};
use crate::progress::Voice;
use crate::reasoning::{
    self, Alike, CAVEAT, Case, Differential, EarlyDetection, NextTests, People, Pieces, Prices, Reference,
    Treatment, TuningCheck, Validation,
};
use crate::records::Records;
use ::evaluate::diagnosis::Plan;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use events::{Code, Deidentified, Split, Subject, Time};
use model::HORIZON_DAYS;
use results::{TestResult, known};
use serde::Serialize;
use std::path::PathBuf;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// Early detection: risks by horizon, age and sex, percentile, trend, and what moved them.
    Risks,
    /// What it may be, unrecorded or imminent, with evidence for and against.
    Differential,
    /// Which test would tell most, per cost.
    Tests,
    /// What treatments did for patients like this one; with --condition and --treatments.
    Options,
    /// What became of patients like this one, told as a group.
    Alike,
}

/// Reason about one subject of EVENTS: what may come and why, what it may be, which test would tell most.
///
/// The record is taken as known at --at, its last event if not given; nothing later is looked at. Evidence is what a risk
/// would be without a part of the record. The strongest parts of each condition are reckoned exactly. The others say "about": by what the
/// model's last look takes from them, and by what would not have occurred, or not have been measured last, without them.
///
/// With --predictions and --report of `osler predict` and `osler evaluate` each risk comes with how often such a risk came true here, and
/// the threshold that it reaches with its lead time; without, no interval is stated.
///
/// Not a medical device. Association is not effect, and a clinician decides.
#[derive(Args)]
#[command(after_help = "Examples:
  osler reason --model model --subject 42 events
  osler reason --model model --subject 42 --at 2019-06-30 --show risks --codes ICD10CM//E11.9,ICD10CM//N18.3 events
  osler reason --model model --subject 42 --predictions predictions --report report events
  osler reason --model model --subject 42 --show tests --prices prices.toml --result 'LOINC//4548-4=7.9' events
  osler reason --model model --subject 42 --show options --condition ICD10CM//E11 \\
      --treatments RXNORM//860975,RXNORM//1373458 --outcome ICD10CM//I50 --rules rules.toml events
  osler reason --model model --subject 42 --show alike --k 20 events
  osler reason --model model --subject 42 --html page.html events    # one page for a clinician
  osler reason --model model --subject 42 --json events > reasoning.json")]
pub struct Arguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    model: PathBuf,
    /// Whom; the first of the split if not given.
    #[arg(long)]
    subject: Option<i64>,
    /// When it is asked (2019-06-30, the day's end); at the last event if not given.
    #[arg(long)]
    at: Option<String>,
    /// What is asked: risks, differential, tests, options, alike.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "risks,differential,tests")]
    show: Vec<Section>,
    /// Conditions that are watched: `common` (the 50 commonest) or a list of codes.
    #[arg(long, default_value = "common")]
    codes: String,
    /// The horizon of differential, evidence, percentile and trend: 1d, 7d, 30d, 90d, 180d, 1y, 2y, 5y or 10y.
    #[arg(long, default_value = "1y")]
    horizon: String,
    /// Conditions shown.
    #[arg(long, default_value_t = 5)]
    most: usize,
    /// Parts of the record shown for each condition.
    #[arg(long, default_value_t = 6)]
    evidence: usize,
    /// Parts of the record that are reckoned exactly for each condition, a third of each kind (events, codes, moments); 0 for the
    /// quick look alone.
    #[arg(long, default_value_t = 9)]
    exact: usize,
    /// People of --reference-split among whom the percentile is taken; 0 for none.
    #[arg(long, default_value_t = 400)]
    reference_people: usize,
    /// train, tuning or held_out.
    #[arg(long, default_value = "train")]
    reference_split: String,
    /// Predictions whose outcomes are known: how often such a risk came true.
    #[arg(long)]
    predictions: Option<PathBuf>,
    /// A report of `osler evaluate`: thresholds and lead times.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Tests to choose from: `common` (the 40 commonest measurements) or a list of codes.
    #[arg(long, default_value = "common")]
    tests: String,
    /// A price list (TOML: `default = 10.0`, `unit = \"USD\"`, `[costs]` with `\"LOINC//4548-4\" = 12.0`); without it every test costs 1.
    #[arg(long)]
    prices: Option<PathBuf>,
    /// What may be spent.
    #[arg(long)]
    budget: Option<f64>,
    /// Above this chance a condition counts as settled.
    #[arg(long, default_value_t = 0.5)]
    rule_in: f64,
    /// Below it, too.
    #[arg(long, default_value_t = 0.01)]
    rule_out: f64,
    /// A test that tells less is not worth doing, in bits.
    #[arg(long, default_value_t = 0.005)]
    least_bits: f64,
    /// A result to take in before answering, `CODE=VALUE` or `CODE=VALUE UNIT`; may be given several times.
    #[arg(long)]
    result: Vec<String>,
    /// Results to take in one by one, each a line as in --result, with an answer after each; `-` reads them as they come.
    #[arg(long)]
    results: Option<PathBuf>,
    /// People who are most alike, told of together.
    #[arg(long, default_value_t = 100)]
    alike: usize,
    /// People of --reference-split among whom they are looked for.
    #[arg(long, default_value_t = 2000)]
    alike_people: usize,
    /// Nothing that is true of fewer of them is told.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..))]
    k: u64,
    /// Also write the answer as one page that needs nothing else. It holds parts of the record: keep it as the record is kept.
    #[arg(long, value_name = "FILE", conflicts_with = "results")]
    html: Option<PathBuf>,
    /// Replace an existing page.
    #[arg(long, requires = "html")]
    force: bool,
    /// What is asked of options.
    #[command(flatten)]
    options: options::OptionArguments,
    /// What becomes of codes that the model never saw.
    #[arg(long, value_enum, default_value_t)]
    unseen_codes: UnseenCodes,
    /// Where the subject is looked for: train, tuning, held_out or all.
    #[arg(long, default_value = "all")]
    split: String,
    /// A directory that `osler ingest` wrote.
    events: PathBuf,
}

/// An answer.
#[derive(Serialize)]
struct Answer {
    subject_id: i64,
    at: String,
    age_years: Option<f64>,
    model: String,
    model_digest: String,
    trained_on: String,
    synthetic: bool,
    tokens_read: usize,
    horizons_days: [f64; HORIZON_DAYS.len()],
    /// What must be known before anything else is read: how the model did on its tuning people.
    cautions: Vec<String>,
    /// Results taken in, in order.
    results: Vec<TestResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    early_detection: Option<Vec<EarlyDetection>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differential: Option<Differential>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_tests: Option<NextTests>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Vec<Treatment>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alike: Option<Alike>,
    caveat: &'static str,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let records = Records::open(&self.events)?;
        let directory = ModelDirectory::open(&self.model, &records.codes)?
            .with_unseen(self.unseen_codes, &records.codes)?;
        let at = self.at.as_deref().map(time).transpose()?;
        let subject = self.found(&records, &directory, at)?;
        let mut case = Case::new(&directory, &subject, at)?;
        if self.show.contains(&Section::Options) {
            self.options.check()?;
        }
        let setting = self.setting(&directory, &records, &case)?;
        let mut taken = Vec::new();
        for line in &self.result {
            taken.push(known(&case, &setting.prices, line)?.take(&mut case)?);
        }
        let show = |case: &Case<'_>, taken: &[TestResult]| -> Result<()> {
            let answer = self.answer(&records, case, &setting, taken)?;
            if let Some(path) = &self.html {
                page::write(&answer, setting.horizon, path, self.force)?;
                voice.say(format!("the same as a page → {}", path.display()));
            }
            match voice.json {
                true => println!("{}", serde_json::to_string_pretty(&answer)?),
                false => print!("{}", text::of(&answer, setting.horizon)),
            }
            Ok(())
        };
        show(&case, &taken)?;
        let Some(path) = &self.results else { return Ok(()) };
        results::each_line(path, |line| {
            taken.push(known(&case, &setting.prices, line)?.take(&mut case)?);
            show(&case, &taken)
        })
    }

    /// The subject that is asked about, or else the first who can be.
    fn found(
        &self,
        records: &Records,
        directory: &ModelDirectory,
        at: Option<Time>,
    ) -> Result<Deidentified<Subject>> {
        let splits = match self.split.as_str() {
            "all" => Split::ALL.to_vec(),
            name => vec![name.parse().map_err(anyhow::Error::msg)?],
        };
        let mut others = Vec::new();
        for split in splits {
            for subject in records.subjects(split)? {
                let subject = subject?;
                let is_wanted = match self.subject {
                    Some(id) => id == subject.id,
                    None => can_be_asked(directory, &subject, at),
                };
                if is_wanted {
                    return Ok(subject);
                }
                if others.len() < 2 && can_be_asked(directory, &subject, at) {
                    others.push(subject.id.to_string());
                }
            }
        }
        let place = format!("{} (split {})", self.events.display(), self.split);
        match (self.subject, others.is_empty()) {
            (Some(_), false) => bail!(
                "there is no such subject in {place}; there are {}, for example; without --subject the first is asked about",
                others.join(" and ")
            ),
            (Some(_), true) => {
                bail!("there is no such subject in {place}, nor another who could be asked about")
            }
            (None, _) => bail!("nobody in {place} has an event, alive, at a moment to ask about"),
        }
    }

    fn setting(&self, directory: &ModelDirectory, records: &Records, case: &Case<'_>) -> Result<Setting> {
        let vocabulary = directory.tokenizer.vocabulary();
        let risk_codes = &directory.model.config().risk.codes;
        let named = |list: &str| -> Result<Vec<u32>> {
            let index = |code: &str| {
                let known = vocabulary.index_of(code.trim());
                known.with_context(|| format!("the model doesn't know the code `{}`", code.trim()))
            };
            list.split(',').map(index).collect()
        };
        let conditions = match self.codes.as_str() {
            "common" => reasoning::conditions(vocabulary, risk_codes, 50),
            list => named(list)?,
        };
        if let Some(code) = conditions.iter().find(|code| !risk_codes.contains(code)) {
            let code = vocabulary.entry(*code).map_or("", |e| e.code.as_str());
            bail!("the model gives no risk for `{code}`; `osler predict --codes all` gives those it knows");
        }
        if conditions.is_empty() {
            bail!("the model gives no risk for any condition; name codes with --codes");
        }
        let tests = match self.tests.as_str() {
            "common" => reasoning::measurements(case, 40),
            list => named(list)?,
        };
        let names = super::predict::HORIZON_NAMES;
        let horizon = names.iter().position(|name| *name == self.horizon);
        let horizon = horizon
            .with_context(|| format!("unknown horizon {:?}; known are {}", self.horizon, names.join(", ")))?;
        let alike = self.show.contains(&Section::Alike);
        let most = self.reference_people.max(if alike { self.alike_people } else { 0 });
        let people: Vec<Deidentified<Subject>> = match most {
            0 => Vec::new(),
            most => {
                let split = self.reference_split.parse().map_err(anyhow::Error::msg)?;
                let others =
                    records.subjects(split)?.filter(|s| !matches!(s, Ok(s) if s.id == case.subject.id));
                others.take(most).collect::<Result<_, _>>()?
            }
        };
        let people: Vec<&Subject> = people.iter().map(|s| &**s).collect();
        let first = |most: usize| &people[..most.min(people.len())];
        let reference = Reference::of(directory, first(self.reference_people), &conditions, horizon)?;
        let of = |_| People::of(directory, first(self.alike_people), &conditions, (horizon, self.k as usize));
        let alike = alike.then_some(()).map(of).transpose()?;
        Ok(Setting {
            conditions,
            tests,
            horizon,
            reference,
            alike,
            validation: Validation::read(self.predictions.as_deref(), self.report.as_deref())?,
            prices: Prices::read(self.prices.as_deref())?,
            plan: Plan {
                rule_in: self.rule_in,
                rule_out: self.rule_out,
                least_bits: self.least_bits,
                budget: self.budget.unwrap_or(f64::INFINITY),
            },
        })
    }

    fn answer(
        &self,
        records: &Records,
        case: &Case<'_>,
        setting: &Setting,
        taken: &[TestResult],
    ) -> Result<Answer> {
        let manifest = &case.directory.manifest;
        let pieces = Pieces::of(case);
        let wanted = reasoning::Wanted { horizon: setting.horizon, most: self.evidence, exact: self.exact };
        let asks = |section| self.show.contains(&section);
        let early_detection = asks(Section::Risks)
            .then(|| {
                let Setting { conditions, reference, validation, .. } = setting;
                let (watched, most) = (conditions.as_slice(), self.most);
                reasoning::early_detection(case, watched, &pieces, (reference, validation), wanted, most)
            })
            .transpose()?;
        let differential = asks(Section::Differential)
            .then(|| {
                let Setting { conditions, validation, .. } = setting;
                reasoning::differential(case, conditions, &pieces, validation, wanted, self.most)
            })
            .transpose()?;
        let options = asks(Section::Options).then(|| self.options.found(records, case)).transpose()?;
        let shown = 2 * self.most;
        let alike = setting.alike.as_ref().map(|people| people.alike(case, self.alike, shown)).transpose()?;
        let spent = taken.iter().map(|result| result.cost).sum();
        let next_tests = asks(Section::Tests)
            .then(|| {
                let asked = (setting.tests.as_slice(), setting.conditions.as_slice());
                let shown = (setting.horizon, 2 * self.most);
                reasoning::next_tests(case, asked, shown, &setting.prices, &setting.plan, spent)
            })
            .transpose()?;
        Ok(Answer {
            subject_id: case.subject.id,
            at: reasoning::day(case.at),
            age_years: case.age_years().map(serve::told_age),
            model: name_of(manifest),
            model_digest: digest_of(manifest),
            trained_on: manifest.dataset.clone(),
            synthetic: manifest.synthetic || records.manifest.synthetic,
            tokens_read: case.state.places().len(),
            horizons_days: HORIZON_DAYS,
            cautions: TuningCheck::cautions(case.directory),
            results: taken.to_vec(),
            early_detection,
            differential,
            next_tests,
            options,
            alike,
            caveat: CAVEAT,
        })
    }
}

/// What all answers share.
struct Setting {
    conditions: Vec<u32>,
    tests: Vec<u32>,
    horizon: usize,
    reference: Reference,
    alike: Option<People>,
    validation: Validation,
    prices: Prices,
    plan: Plan,
}

/// Has the record an event to ask after, before death and by then?
fn can_be_asked(directory: &ModelDirectory, subject: &Subject, at: Option<Time>) -> bool {
    let death = subject.death();
    let happened = |event: &&events::Event| ![Code::BIRTH, Code::FOLLOWUP_END].contains(&event.code.as_str());
    let times = subject.events().iter().filter(happened).filter_map(|event| event.time);
    let last = times.filter(|time| death.is_none_or(|death| *time < death)).max();
    let Some(at) = at.or(last) else { return false };
    let tokens = directory.tokenizer.tokenize_until(subject, at);
    !tokens.died && tokens.code.len() > tokens.static_len
}

/// The end of a day as written.
fn time(text: &str) -> Result<Time> {
    let wanted = "--at must be a day such as 2019-06-30";
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { bail!("{wanted}") };
    let (year, month, day) = (year.parse(), month.parse(), day.parse());
    let (Ok(year), Ok(month), Ok(day)) = (year, month, day) else { bail!("{wanted}") };
    Ok(Time::from_ymd(year, month, day).context(wanted)?.end_of_day())
}
