//! Hospitals that differ: in what they prescribe, and in how they write things down.

use crate::measurement::{Measure, Test};

/// A hospital.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    /// Codes as US hospitals do, in conventional units.
    #[default]
    First,
    /// Codes diagnoses by category, its tests by codes of its own, in SI units; prescribes more readily.
    Second,
}

/// By how much a site's habits move the logit of giving any treatment.
pub(crate) fn uptake_shift(site: Site) -> f64 {
    match site {
        Site::First => 0.0,
        Site::Second => 0.4,
    }
}

impl Site {
    /// The name in truth files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Site::First => "a",
            Site::Second => "b",
        }
    }

    /// The mean number of days from when disease that stays could be diagnosed in a clinic until it is.
    pub(crate) const fn clinic_delay_days(self) -> f64 {
        match self {
            Site::First => 7.0,
            Site::Second => 45.0,
        }
    }

    /// The chance that a visit codes again a disease that stays and isn't what the visit is for.
    pub(crate) const fn repeats(self, inpatient: bool) -> f64 {
        match (self, inpatient) {
            (Site::First, true) => 0.6,
            (Site::First, false) => 0.3,
            (Site::Second, true) => 0.35,
            (Site::Second, false) => 0.12,
        }
    }

    /// A diagnosis as this site codes it: the second by category, the first three characters of ICD-10-CM.
    pub fn diagnosis(self, icd10cm: &str) -> &str {
        match self {
            Site::First => icd10cm,
            Site::Second => icd10cm.split('.').next().unwrap_or(icd10cm),
        }
    }

    /// A test's system and code.
    pub fn test(self, test: &Test) -> (&'static str, String) {
        match self {
            Site::First => ("LOINC", test.loinc.to_owned()),
            Site::Second => ("LOCAL_LAB", format!("{:?}", test.measure).to_uppercase()),
        }
    }

    /// A value and its unit (UCUM) as this site reports them.
    pub fn value(self, measure: Measure, value: f64) -> (f64, &'static str) {
        let unit = measure.test().unit;
        let Site::Second = self else { return (value, unit) };
        use Measure::*;
        let (value, unit, digits) = match measure {
            Glucose => (value / 18.016, "mmol/L", 1),
            Creatinine => (value * 88.42, "umol/L", 0),
            Ldl | Hdl | TotalCholesterol => (value / 38.67, "mmol/L", 1),
            Triglycerides => (value / 88.57, "mmol/L", 1),
            Hemoglobin => (value * 10.0, "g/L", 0),
            // IFCC from NGSP: Hoelzel et al., Clin Chem 2004;50:166.
            HemoglobinA1c => (10.93 * value - 23.5, "mmol/mol", 0),
            AlbuminCreatinine => (value * 0.1131, "mg/mmol", 1),
            _ => return (value, unit),
        };
        let ten = 10f64.powi(digits);
        ((value * ten).round() / ten, unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_site_is_coarser_and_keeps_to_si_units() {
        assert_eq!(Site::Second.diagnosis("E11.9"), "E11");
        assert_eq!(Site::First.diagnosis("E11.9"), "E11.9");
        assert_eq!(Site::Second.test(Measure::Glucose.test()).1, "GLUCOSE");
        let (glycated, unit) = Site::Second.value(Measure::HemoglobinA1c, 7.0);
        assert!((glycated - 53.0).abs() < 0.1 && unit == "mmol/mol");
        assert_eq!(Site::First.value(Measure::Glucose, 90.0), (90.0, "mg/dL"));
    }
}
