//! What a policy may not say: settings that make no sense, and settings that break the rule of its label.

use super::file::{DateMethod, File, FreeText, Identifier, Label, Zip};
use super::identifiers;
use crate::dates::Offsets;

/// Fewest offsets that a subject's dates may be moved by: fewer, and one would be guessed.
const FEWEST_OFFSETS: usize = 50;
/// Most subjects that a policy may ask to hold a code: as many are remembered for each code while they are counted.
const MOST_SUBJECTS_ASKED: u32 = 1000;
/// Fewest subjects who must hold a code of a site's own under safe harbor.
const FEWEST_OF_A_LOCAL_CODE: u32 = 10;
/// Systems whose codes are narrower the longer they are.
const HIERARCHICAL: &[&str] = &["ICD10CM", "ICD10", "ICD9CM", "ATC"];

/// Why a policy was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not TOML, or a key or a value that no policy has: the line, and never what stands there.
    #[error("the policy is not readable: {0}")]
    Syntax(String),
    /// A setting makes no sense, whatever the label.
    #[error("policy `{name}`: {problem}")]
    Setting {
        /// The policy's name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A setting contradicts the policy's label.
    #[error("policy `{name}` contradicts its label {label}: {problem}, but {rule}", label = .label.name())]
    Contradiction {
        /// The policy's name.
        name: String,
        /// Its label.
        label: Label,
        /// What it says.
        problem: String,
        /// Which rule that breaks.
        rule: String,
    },
    /// No policy of this name is shipped.
    #[error(
        "no policy is named `{0}`; shipped are safe-harbor, expert-determination and limited-data-set, and a path \
         to a TOML file is a policy of your own"
    )]
    Unknown(String),
}

pub(super) fn check(file: &File, offsets: &Offsets) -> Result<(), PolicyError> {
    settings(file, offsets).map_err(|problem| PolicyError::Setting { name: file.name.clone(), problem })?;
    let broken = match file.label {
        Label::SafeHarbor => safe_harbor(file),
        Label::ExpertDetermination => expert_determination(file),
        Label::LimitedDataSet => limited_data_set(file),
    };
    match broken {
        Some((problem, rule)) => {
            Err(PolicyError::Contradiction { name: file.name.clone(), label: file.label, problem, rule })
        }
        None => Ok(()),
    }
}

fn settings(file: &File, offsets: &Offsets) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if file.name.is_empty() || file.name.len() > 64 || !file.name.chars().all(plain) {
        return Err("name is to be 1 to 64 of a-z, 0-9 and -".into());
    }
    let dates = &file.dates;
    match (dates.method, dates.shift_days) {
        (DateMethod::Shift, None) => {
            return Err("dates.method is shift, and dates.shift_days is absent".into());
        }
        (DateMethod::Shift, Some(0)) => {
            return Err("dates.shift_days is 0, so dates would pass as they are".into());
        }
        (DateMethod::Shift, Some(days)) if days > 3650 => {
            return Err("dates.shift_days is above 3650, so times would leave the range that is kept".into());
        }
        (DateMethod::Shift, Some(_)) if offsets.len() < FEWEST_OFFSETS => {
            return Err(format!(
                "dates.shift_days, keep_weekday and keep_season leave {} offsets to choose from; at least \
                 {FEWEST_OFFSETS} are wanted, so raise dates.shift_days",
                offsets.len()
            ));
        }
        (DateMethod::YearOnly | DateMethod::AsIs, Some(_)) => {
            return Err("dates.shift_days is set, though dates.method is not shift".into());
        }
        _ => {}
    }
    let of_shifts = dates.keep_weekday || dates.keep_season || dates.blur_followup_days > 0;
    if dates.method != DateMethod::Shift && of_shifts {
        return Err(
            "dates.keep_weekday, keep_season and blur_followup_days are for dates.method = \"shift\"".into(),
        );
    }
    if dates.blur_followup_days > 3650 {
        return Err("dates.blur_followup_days is above 3650".into());
    }
    if file.text.description_subjects < 2 {
        return Err("text.description_subjects is below 2, so one subject's words could pass".into());
    }
    match file.codes.fewest_subjects {
        1 => return Err("codes.fewest_subjects is 1, which every code has; 0 asks for none".into()),
        n if n > MOST_SUBJECTS_ASKED => {
            return Err(format!("codes.fewest_subjects is above {MOST_SUBJECTS_ASKED}"));
        }
        _ => {}
    }
    for local in &file.codes.local {
        if !(2..=MOST_SUBJECTS_ASKED).contains(&local.fewest_subjects) {
            return Err(format!(
                "codes.local asks for {} subjects to hold a code of {}; 2 to {MOST_SUBJECTS_ASKED} are possible, since one \
                 subject's code may name him",
                local.fewest_subjects, local.name
            ));
        }
    }
    for (system, length) in &file.codes.generalise {
        if !HIERARCHICAL.contains(&system.as_str()) {
            return Err(format!(
                "codes.generalise names {system}, whose codes aren't broader when cut; known are {}",
                HIERARCHICAL.join(", ")
            ));
        }
        let known: &[usize] = if system == "ATC" { &[1, 3, 4, 5] } else { &[3, 4, 5, 6] };
        if !known.contains(length) {
            return Err(format!(
                "codes.generalise cuts {system} to {length} characters; possible are {known:?}"
            ));
        }
    }
    Ok(())
}

type Broken = Option<(String, String)>;

fn broken(problem: impl Into<String>, rule: impl Into<String>) -> Broken {
    Some((problem.into(), rule.into()))
}

fn safe_harbor(file: &File) -> Broken {
    let rule = "45 CFR 164.514(b)(2)(i)";
    if file.subjects.identifier != Identifier::Random {
        return broken(
            "subjects.identifier is derived from the source's own",
            format!("{rule}(R) lets a code pass only as 164.514(c) permits: not derived from the individual"),
        );
    }
    if file.dates.method != DateMethod::YearOnly {
        return broken(
            "dates.method lets more than the year pass",
            format!("{rule}(C) lets pass no element of a date but the year"),
        );
    }
    if file.dates.oldest_age_years.is_none_or(|age| age > 90) {
        return broken(
            "dates.oldest_age_years is absent or above 90",
            format!("{rule}(C) wants ages over 89 in one category of 90 or older"),
        );
    }
    if file.geography.zip == Zip::Zip5 {
        return broken(
            "geography.zip is zip5",
            format!("{rule}(B) lets pass the first three digits, where more than 20,000 people live"),
        );
    }
    if file.text.free_text == FreeText::Surrogates {
        return broken(
            "text.free_text is surrogates, whose dates are derived from the true ones",
            format!("{rule}(C) lets pass no element of a date but the year; use tags or removal"),
        );
    }
    if let Some(local) = file.codes.local.iter().find(|local| local.fewest_subjects < FEWEST_OF_A_LOCAL_CODE)
    {
        return broken(
            format!(
                "codes.local lets a code of {} pass that {} subjects hold",
                local.name, local.fewest_subjects
            ),
            format!(
                "{rule}(R) lets pass no identifying code, and a family may share a number; at least {FEWEST_OF_A_LOCAL_CODE} are wanted"
            ),
        );
    }
    if let Some(field) = file.codes.contract_fields.iter().find(|field| !field.starts_with("table.")) {
        return broken(
            format!("codes.contract_fields names {field}, whose codes may be a site's own"),
            format!("{rule}(R) lets pass no identifying code; name the systems whose shapes are known"),
        );
    }
    file.fields.allow.iter().find_map(|field| {
        let (letter, _) = identifiers::carried_by(field)?;
        broken(format!("fields.allow names {field}"), format!("{rule} lists {letter}"))
    })
}

fn expert_determination(file: &File) -> Broken {
    let rule = "45 CFR 164.514(b)(1) wants a very small risk";
    if file.dates.method == DateMethod::AsIs {
        return broken(
            "dates.method lets dates pass as they are",
            format!("{rule}; that is a limited data set"),
        );
    }
    if file.dates.oldest_age_years.is_none_or(|age| age > 90) {
        return broken(
            "dates.oldest_age_years is absent or above 90",
            format!("{rule}, and ages over 89 would be told apart"),
        );
    }
    file.fields.allow.iter().find_map(|field| {
        let (letter, _) = identifiers::carried_by(field)?;
        broken(format!("fields.allow names {field}"), format!("{rule}, and this is {letter} of (b)(2)(i)"))
    })
}

fn limited_data_set(file: &File) -> Broken {
    file.fields.allow.iter().find_map(|field| {
        let (_, numeral) = identifiers::carried_by(field)?;
        broken(format!("fields.allow names {field}"), format!("45 CFR 164.514(e)(2) excludes {numeral}"))
    })
}
