//! Results of tests, taken in as they come.

use crate::reasoning::{Case, Named, Prices};
use anyhow::{Context, Result, bail};
use events::{Code, Event};
use model::Token;
use serde::Serialize;
use std::io::BufRead;
use std::path::Path;

/// A result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestResult {
    #[serde(flatten)]
    test: Named,
    value: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// What the test cost.
    pub cost: f64,
    #[serde(skip)]
    token: Token,
}

/// Reads `CODE=VALUE` or `CODE=VALUE UNIT`.
pub fn known(case: &Case<'_>, prices: &Prices, line: &str) -> Result<TestResult> {
    let wanted = "a result is written CODE=VALUE or CODE=VALUE UNIT, such as 'LOINC//4548-4=7.9 %'";
    let (code, said) = line.trim().split_once('=').context(wanted)?;
    let (value, unit) = match said.trim().split_once(' ') {
        Some((value, unit)) => (value, Some(unit.trim())),
        None => (said.trim(), None),
    };
    let value: f32 = value.parse().ok().context(wanted)?;
    let vocabulary = case.vocabulary();
    let index = vocabulary.index_of(code.trim());
    let index = index.with_context(|| format!("the model doesn't know the test `{}`", code.trim()))?;
    let entry = vocabulary.entry(index);
    let distributions = entry.map_or(&[][..], |e| &e.values);
    // Without a unit, the one that is measured most.
    let distribution = match unit {
        Some(unit) => distributions.iter().find(|d| d.unit.as_deref() == Some(unit)),
        None => entry.and_then(|e| e.commonest_values()),
    };
    let Some((distribution, rank)) = distribution.and_then(|d| Some((d, d.rank(value)?))) else {
        let units: Vec<&str> = distributions.iter().filter_map(|d| d.unit.as_deref()).collect();
        bail!("the model knows no such value of `{}`; it knows it in: {}", code.trim(), units.join(", "))
    };
    Ok(TestResult {
        test: Named::of(vocabulary, index),
        value,
        unit: distribution.unit.as_ref().map(ToString::to_string),
        cost: prices.of(code.trim()),
        token: case.token(index, rank),
    })
}

impl TestResult {
    /// Takes it into the record.
    pub fn take(self, case: &mut Case<'_>) -> Result<Self> {
        let event = Event::new(None, Code::new(self.test.code.as_str())).with_value(self.value);
        let unit = self.unit.as_deref();
        case.append(self.token, unit.map_or(event.clone(), |unit| event.with_unit(unit)))?;
        Ok(self)
    }

    /// As one reads it.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.test.words(), self.value, self.unit.as_deref().unwrap_or(""))
            .trim_end()
            .to_owned()
    }
}

/// Calls `each` with every line that isn't empty, of a file or of standard input.
pub fn each_line(path: &Path, mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let reader: Box<dyn BufRead> = match path.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ => {
            let file =
                std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(std::io::BufReader::new(file))
        }
    };
    for line in reader.lines() {
        let line = line.context("cannot read a result")?;
        if !line.trim().is_empty() {
            each(&line)?;
        }
    }
    Ok(())
}
