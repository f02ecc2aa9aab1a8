//! What tests cost.

use crate::settings_file;
use anyhow::{Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A price list: TOML of `default = 10.0`, `unit = "USD"` and `[costs]` with codes (`"LOINC//4548-4" = 12.0`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// What a test that isn't listed costs.
    #[serde(default = "one")]
    pub default: f64,
    /// In which unit.
    #[serde(default = "tests")]
    pub unit: String,
    /// By code.
    #[serde(default)]
    pub costs: BTreeMap<String, f64>,
}

fn one() -> f64 {
    1.0
}

fn tests() -> String {
    "tests".to_owned()
}

impl Default for Prices {
    fn default() -> Self {
        Prices { default: one(), unit: tests(), costs: BTreeMap::new() }
    }
}

impl Prices {
    /// Reads a list; without one every test costs the same.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Prices::default()) };
        let prices: Prices = settings_file::read(path, "is no price list")?;
        if !std::iter::once(&prices.default)
            .chain(prices.costs.values())
            .all(|cost| cost.is_finite() && *cost > 0.0)
        {
            bail!("{}: every cost must be a positive number", path.display());
        }
        Ok(prices)
    }

    /// What a test costs.
    pub fn of(&self, code: &str) -> f64 {
        self.costs.get(code).copied().unwrap_or(self.default)
    }
}
