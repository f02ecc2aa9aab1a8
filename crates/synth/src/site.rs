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
        match measure {
            Glucose => (value / 18.016, "mmol/L"),
            Creatinine => (value * 88.42, "umol/L"),
            Ldl | Hdl | TotalCholesterol => (value / 38.67, "mmol/L"),
            Triglycerides => (value / 88.57, "mmol/L"),
            Hemoglobin => (value * 10.0, "g/L"),
            // IFCC from NGSP: Hoelzel et al., Clin Chem 2004;50:166.
            HemoglobinA1c => (10.93 * value - 23.5, "mmol/mol"),
            AlbuminCreatinine => (value * 0.1131, "mg/mmol"),
            _ => (value, unit),
        }
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
