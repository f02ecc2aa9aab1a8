//! What is asked of options, and how the answer reads.

use super::text::{line, percent};
use crate::reasoning::{Asked, Case, Estimate, ForPatient, Rules, Said, Treatment, options};
use crate::records::Records;
use ::evaluate::effects::{Contrast, Refusal, Settings};
use anyhow::{Result, bail};
use clap::Args;
use events::{Code, Deidentified, Split, Subject};
use std::path::PathBuf;

/// What is asked of options.
#[derive(Args)]
#[command(next_help_heading = "Options for --show options")]
pub struct OptionArguments {
    /// The condition that is treated, by how its codes begin; a decision stands at its first record.
    #[arg(long)]
    condition: Option<String>,
    /// Candidate treatments, each by how its codes begin.
    #[arg(long, value_delimiter = ',')]
    treatments: Vec<String>,
    /// The outcome, by how its codes begin.
    #[arg(long, default_value = Code::DEATH)]
    outcome: String,
    /// Days of follow-up.
    #[arg(long, default_value_t = 365.25)]
    outcome_days: f64,
    /// Days within which a treatment is begun; follow-up starts after them for everybody.
    #[arg(long, default_value_t = 30.0)]
    grace_days: f64,
    /// Outcomes that no candidate can change: a difference in them says that something unrecorded decides.
    #[arg(long, value_delimiter = ',')]
    negative_controls: Vec<String>,
    /// Contraindications and first choices (TOML with `[[contraindication]]` and `[[first_choice]]`).
    #[arg(long)]
    rules: Option<PathBuf>,
    /// People from whom effects are learned: train, tuning, held_out or all; the subject is never among them.
    #[arg(long, default_value = "all")]
    cohort_split: String,
    /// Fewest comparable people an arm must have.
    #[arg(long, default_value_t = 50.0)]
    least_arm: f64,
    /// A patient who would be treated with less than this chance, or more than its complement, is refused.
    #[arg(long, default_value_t = 0.05)]
    propensity_bound: f64,
    /// Treatments that can do nothing, tried in the real one's place.
    #[arg(long, default_value_t = 10)]
    placebos: usize,
}

impl OptionArguments {
    /// Refuses a question that isn't one.
    pub fn check(&self) -> Result<()> {
        if self.condition.is_none() || self.treatments.is_empty() {
            bail!("--show options needs --condition and --treatments");
        }
        if !(self.propensity_bound > 0.0 && self.propensity_bound < 0.5) {
            bail!("--propensity-bound must lie between 0 and 0.5");
        }
        if !(self.outcome_days > 0.0 && self.grace_days >= 0.0) {
            bail!("--outcome-days must be positive and --grace-days not negative");
        }
        Ok(())
    }

    /// The answer.
    pub fn found(&self, records: &Records, case: &Case<'_>) -> Result<Vec<Treatment>> {
        let splits = match self.cohort_split.as_str() {
            "all" => Split::ALL.to_vec(),
            name => vec![name.parse().map_err(anyhow::Error::msg)?],
        };
        let condition = self.condition.as_deref().unwrap_or_default();
        // Only those who have the condition are kept in memory.
        let mut people: Vec<Deidentified<Subject>> = Vec::new();
        for split in splits {
            for subject in records.subjects(split)? {
                let subject = subject?;
                let has = subject.events().iter().any(|e| e.code.as_str().starts_with(condition));
                if has && subject.id != case.subject.id {
                    people.push(subject);
                }
            }
        }
        let people: Vec<&Subject> = people.iter().map(|s| &**s).collect();
        let asked = Asked {
            condition,
            treatments: &self.treatments,
            outcome: &self.outcome,
            controls: &self.negative_controls,
            grace_days: self.grace_days,
            horizon_days: self.outcome_days,
            settings: Settings {
                least_arm: self.least_arm,
                propensity_bound: self.propensity_bound,
                placebos: self.placebos,
                ..Settings::default()
            },
        };
        options(case, &people, &Rules::read(self.rules.as_deref())?, &asked)
    }
}

fn difference(c: &Contrast) -> String {
    format!("{:+.1} percentage points [{:+.1}, {:+.1}]", 100.0 * c.value, 100.0 * c.low, 100.0 * c.high)
}

/// The answer as a person reads it.
pub fn text(out: &mut String, treatments: &[Treatment]) {
    line(out, "\nOPTIONS: evidence from these records, not from a trial, and no order");
    for treatment in treatments {
        line(out, &format!("  {}", treatment.treatment));
        if let Some(source) = &treatment.first_choice {
            line(out, &format!("    taken first by {source}"));
        }
        for against in &treatment.contraindications {
            let unit = against.unit.as_deref().map_or(String::new(), |unit| format!(" {unit}"));
            let value = against.value.map_or(String::new(), |value| format!(" {value}{unit}"));
            let heading = match against.in_another_unit {
                true => "PERHAPS AGAINST IT, in another unit than the rule's",
                false => "AGAINST IT",
            };
            let day = against.day.as_deref().map_or(String::new(), |day| format!(", {day}"));
            line(out, &format!("    {heading}: {} ({}{value}{day})", against.because, against.code));
        }
        match &treatment.said {
            Said::Refused(because) => line(out, &format!("    no estimate: {because}")),
            Said::Estimate(estimate) => told(out, estimate),
        }
    }
}

fn told(out: &mut String, e: &Estimate) {
    let [untreated, treated] = e.decisions;
    let [size0, size1] = e.overlap.effective_size;
    match &e.patient {
        Some(ForPatient::Estimate(patient)) => {
            line(
                out,
                &format!(
                    "    patients like this one, by age, sex and expected risk and effect: {} (95 % for their average; somewhat narrow for one patient)",
                    difference(&patient.effect)
                ),
            );
            line(out, &format!("    {} of such patients are treated", percent(patient.propensity)));
        }
        Some(ForPatient::Refused(Refusal::Propensity { propensity })) => line(
            out,
            &format!(
                "    patients like this one: no estimate, since {} of them are treated",
                percent(*propensity)
            ),
        ),
        Some(ForPatient::Refused(Refusal::Far { standard_deviations })) => line(
            out,
            &format!(
                "    patients like this one: no estimate, since nobody is like this one ({standard_deviations:.1} standard deviations away)"
            ),
        ),
        None => {
            line(out, "    patients like this one: no estimate, since nothing was known before the decision")
        }
    }
    line(
        out,
        &format!(
            "    all comparable patients: {} (doubly robust; {} treated, {} untreated, {} outcomes known)",
            difference(&e.average),
            treated,
            untreated,
            e.known
        ),
    );
    line(out, &format!("    the plain difference, whatever decided treatment: {}", difference(&e.naive)));
    line(
        out,
        &format!(
            "    overlap: worth {size1:.0} treated and {size0:.0} untreated people; {} outside it",
            percent(e.overlap.outside)
        ),
    );
    let e_value = match &e.sensitivity {
        Some(s) => format!(
            "E-value {:.2} for the estimate, {:.2} for its interval (1: explained by nothing at all)",
            s.estimate, s.interval
        ),
        None => "no E-value: the risk of an arm is not safely above zero, or rests on fewer than ten events"
            .to_owned(),
    };
    line(out, &format!("    {e_value}"));
    if let Some(deviation) = e.placebo_deviation {
        line(
            out,
            &format!("    placebo treatments deviate by {deviation:.2} standard errors (about 1 is right)"),
        );
    }
    for control in &e.negative_controls {
        let found = control.difference.as_ref().map_or("can't be estimated".to_owned(), difference);
        line(out, &format!("    an outcome it can't change, {}: {found}", control.outcome));
    }
    for warning in &e.warnings {
        line(out, &format!("    CAUTION: {warning}"));
    }
}
