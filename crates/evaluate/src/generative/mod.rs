//! Are simulated futures like the real ones? Continuations drawn from a model, set beside what followed in the records,
//! over the same stretch of time.
//!
//! A subject's real and simulated stretches begin at the same moment and end where the real one's observation does, so
//! that neither has more time. What a number stands on is subjects, never stretches.

mod answer;
mod discriminator;
mod distribution;
mod shares;
mod survival;

pub use discriminator::Discriminator;
pub use distribution::{QUANTILES, Spread};
pub use shares::{Share, Shares};
pub use survival::Survival;

use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result};
use crate::evaluation::{About, Estimate, estimate};
use crate::measures::Measure;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// The version of the report's JSON shape.
const FORMAT: u32 = 1;
/// Codes whose values, and whose ages at onset, are compared, the commonest.
const SPREADS: usize = 20;

/// What happened, or was drawn, after a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// Events by time.
    pub events: Vec<StretchEvent>,
    /// When death came.
    pub died_days: Option<f64>,
    /// For how long it was looked.
    pub observed_days: f64,
}

/// One event of a stretch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StretchEvent {
    /// Days since the start.
    pub days: f64,
    /// The code's place among the names.
    pub code: u32,
    /// Its value, where it has one in the unit that is compared.
    pub value: Option<f32>,
}

/// A subject's real stretch and its simulated ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pair {
    /// Age at the start, in days.
    pub age_days: Option<f64>,
    /// Codes that were recorded before the start.
    pub before: Vec<u32>,
    /// What happened.
    pub real: Stretch,
    /// What was drawn; the first stands for them where one is wanted.
    pub simulated: Vec<Stretch>,
}

impl Stretch {
    /// Distinct codes, sorted.
    fn codes(&self) -> Vec<u32> {
        let mut codes: Vec<u32> = self.events.iter().map(|e| e.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Days between moments with events, the first counted from the start.
    fn gaps(&self) -> Vec<f64> {
        let mut gaps = Vec::new();
        let mut before = 0.0;
        for event in &self.events {
            if event.days > before {
                gaps.push(event.days - before);
                before = event.days;
            }
        }
        gaps
    }
}

/// Settings of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerativeOptions {
    /// How intervals are made.
    pub bootstrap: Bootstrap,
    /// The longest stretch in days.
    pub horizon_days: f64,
    /// Codes that fewer subjects have, really or simulated, are not compared.
    pub fewest: usize,
    /// What the report says of data, model and method.
    pub about: About,
    /// Of the trajectories, the share that was cut off before the stretch ended.
    pub truncated_share: f64,
}

/// A rate a year, real against simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Of what.
    pub of: String,
    /// Real, a person and year.
    pub real: Estimate,
    /// Simulated.
    pub simulated: Estimate,
    /// Simulated over real.
    pub ratio: Estimate,
}

/// The comparison: the contents of `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerativeReport {
    /// Version of this shape.
    pub format: u32,
    /// Data, model and method.
    pub about: About,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// What was found, in plain sentences.
    pub answer: Vec<String>,
    /// Subjects.
    pub subjects: usize,
    /// Simulated stretches.
    pub stretches: usize,
    /// The longest stretch in days.
    pub horizon_days: f64,
    /// Share of trajectories cut off before their stretch ended; what they lack makes simulated records too short.
    pub truncated_share: f64,
    /// Events and moments a year.
    pub rates: Vec<Rate>,
    /// How often codes occur.
    pub codes: Shares,
    /// How often two of the commonest occur together.
    pub together: Shares,
    /// Days between moments.
    pub gaps: Option<Spread>,
    /// Values, by code.
    pub values: Vec<Spread>,
    /// Ages at first occurrence, by code, in years.
    pub onset_ages: Vec<Spread>,
    /// Survival.
    pub survival: Option<Survival>,
    /// Whether a classifier tells them apart.
    pub discriminator: Option<Discriminator>,
}

/// Sets simulated stretches beside real ones. `names` are the codes, by place.
///
/// # Errors
/// [`Error::NoPredictions`] without subjects; settings that can't be worked with.
pub fn compare(pairs: &[Pair], names: &[String], options: &GenerativeOptions) -> Result<GenerativeReport> {
    let bootstrap = &options.bootstrap;
    bootstrap.validate()?;
    if !options.horizon_days.is_finite() || options.horizon_days <= 0.0 {
        return Err(Error::Setting { setting: "the stretch's length", wanted: "a positive number of days" });
    }
    if pairs.iter().all(|p| p.simulated.is_empty()) {
        return Err(Error::NoPredictions);
    }
    let codes = shares::codes(pairs, names, options.fewest);
    let common: Vec<u32> = {
        let place: FxHashMap<&str, u32> = (0..).zip(names).map(|(i, name)| (name.as_str(), i)).collect();
        codes.each.iter().filter_map(|s| place.get(s.codes[0].as_str()).copied()).collect()
    };
    let spread_of = |of: &str, numbers: &dyn Fn(&Pair, &Stretch) -> Vec<f64>| {
        let subjects: Vec<_> = pairs
            .iter()
            .filter_map(|p| Some((numbers(p, &p.real), numbers(p, p.simulated.first()?))))
            .collect();
        distribution::spread(of, &subjects, options.fewest, bootstrap)
    };
    let by_code = |numbers: &dyn Fn(&Pair, &Stretch, u32) -> Vec<f64>| -> Vec<Spread> {
        let each = common.iter().filter_map(|code| {
            let name = names.get(*code as usize)?;
            spread_of(name, &|pair, stretch| numbers(pair, stretch, *code))
        });
        each.take(SPREADS).collect()
    };
    let values = by_code(&|_, stretch, code| {
        let of_code = stretch.events.iter().filter(|e| e.code == code);
        of_code.filter_map(|e| e.value).filter(|v| v.is_finite()).map(f64::from).collect()
    });
    let onset_ages = by_code(&|pair, stretch, code| {
        let (Some(age), false) = (pair.age_days, pair.before.contains(&code)) else { return vec![] };
        let first = stretch.events.iter().find(|e| e.code == code);
        first.map(|e| (age + e.days) / 365.25).into_iter().collect()
    });
    let mut report = GenerativeReport {
        format: FORMAT,
        about: options.about.clone(),
        bootstrap: *bootstrap,
        answer: Vec::new(),
        subjects: pairs.len(),
        stretches: pairs.iter().map(|p| p.simulated.len()).sum(),
        horizon_days: options.horizon_days,
        truncated_share: options.truncated_share,
        rates: vec![
            rate("events", pairs, bootstrap, |s| s.events.len()),
            rate("moments with events", pairs, bootstrap, |s| s.gaps().len()),
        ],
        together: shares::together(pairs, names, &codes, options.fewest),
        gaps: spread_of("days between moments", &|_, stretch| stretch.gaps()),
        values,
        onset_ages,
        survival: survival::survival(pairs, options.horizon_days, bootstrap),
        discriminator: discriminator::discriminator(pairs, names, &codes, bootstrap)?,
        codes,
    };
    report.answer = answer::sentences(&report);
    Ok(report)
}

fn rate(of: &str, pairs: &[Pair], bootstrap: &Bootstrap, count: fn(&Stretch) -> usize) -> Rate {
    // What happened and in how many years, real and simulated, a subject.
    let years = |s: &Stretch| s.died_days.map_or(s.observed_days, |d| d.min(s.observed_days)) / 365.25;
    let each: Vec<[f64; 4]> = pairs
        .iter()
        .map(|p| {
            let share = 1.0 / p.simulated.len().max(1) as f64;
            let sum = |f: &dyn Fn(&Stretch) -> f64| share * p.simulated.iter().map(f).sum::<f64>();
            [count(&p.real) as f64, years(&p.real), sum(&|s| count(s) as f64), sum(&years)]
        })
        .collect();
    let of_draw = |counts: Option<&[u32]>| {
        let mut sums = [0.0; 4];
        for (i, row) in each.iter().enumerate() {
            let weight = counts.map_or(1.0, |counts| f64::from(counts[i]));
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
        let (real, simulated) = (sums[0] / sums[1], sums[2] / sums[3]);
        [real, simulated, simulated / real]
    };
    let point = of_draw(None);
    let draws = bootstrap.replicate(each.len(), |counts| of_draw(Some(counts)));
    let number = |k: usize| estimate(point[k], draws.iter().map(|d| d[k]), bootstrap);
    Rate { of: of.to_owned(), real: number(0), simulated: number(1), ratio: number(2) }
}

impl GenerativeReport {
    /// The report as JSON.
    ///
    /// # Errors
    /// When a number can't be written.
    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// The report as one self-contained page.
    pub fn to_html(&self) -> String {
        crate::report::generative_html(self)
    }

    /// Every number with an interval, as rows of a long table.
    pub fn measures(&self) -> Vec<Measure> {
        let mut rows = Vec::new();
        let all = Some(self.subjects);
        for rate in &self.rates {
            let task = format!("{} a year", rate.of);
            rows.push(Measure::of(&task, "real", "rate", &rate.real, all));
            rows.push(Measure::of(&task, "simulated", "rate", &rate.simulated, all));
            rows.push(Measure::of(&task, "simulated / real", "ratio", &rate.ratio, all));
        }
        let exactly = |value: f64| Estimate { value: Some(value), ..Estimate::default() };
        for (name, shares) in [("code frequency", &self.codes), ("co-occurrence", &self.together)] {
            rows.push(Measure::of(
                name,
                "all",
                "log_correlation",
                &shares.correlation,
                Some(shares.compared),
            ));
            rows.push(Measure::of(
                name,
                "all",
                "differing",
                &exactly(shares.differing as f64),
                Some(shares.compared),
            ));
            for share in &shares.each {
                let group = share.codes.join(" + ");
                rows.push(Measure::of(name, &group, "real", &exactly(share.real), all));
                rows.push(Measure::of(name, &group, "simulated", &exactly(share.simulated), all));
                rows.push(Measure::of(name, &group, "difference", &share.difference, all));
            }
        }
        let spreads = [("value", &self.values), ("age at onset", &self.onset_ages)];
        let named = spreads.iter().flat_map(|(name, each)| each.iter().map(move |s| (*name, s)));
        for (name, spread) in self.gaps.iter().map(|s| ("gap", s)).chain(named) {
            let n = Some(spread.subjects);
            rows.push(Measure::of(name, &spread.of, "ks_distance", &spread.distance, n));
            rows.push(Measure::of(name, &spread.of, "median_difference", &spread.median_difference, n));
            rows.push(Measure::of(name, &spread.of, "p_value", &exactly(spread.p_value), n));
        }
        if let Some(survival) = &self.survival {
            rows.push(Measure::of("survival", "real", "at_end", &survival.real, all));
            rows.push(Measure::of("survival", "simulated", "at_end", &survival.simulated, all));
            rows.push(Measure::of("survival", "simulated − real", "at_end", &survival.difference, all));
        }
        if let Some(found) = &self.discriminator {
            rows.push(Measure::of("discriminator", "all", "auc", &found.auc, Some(found.subjects)));
        }
        rows
    }
}

#[cfg(test)]
mod tests;
