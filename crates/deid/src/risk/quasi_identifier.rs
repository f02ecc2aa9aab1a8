//! What an adversary may know of everybody: sex, race, year of birth, place.

use events::{Event, Subject, Time};
use std::fmt;
use std::str::FromStr;

/// One quasi-identifier: a column of the table that equivalence classes are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuasiIdentifier {
    /// The year of birth as shown, in bands of so many years.
    BirthYear {
        /// Width in years, from a year that it divides.
        band: u32,
    },
    /// The year of death as shown, in bands of so many years.
    DeathYear {
        /// Width in years, from a year that it divides.
        band: u32,
    },
    /// The set of a subject's codes of one system, with values where codes have them.
    System(String),
}

/// Words for systems, as they are asked for and printed.
const NAMES: [(&str, &str); 8] = [
    ("sex", "GENDER"),
    ("race", "RACE"),
    ("ethnicity", "ETHNICITY"),
    ("language", "LANGUAGE"),
    ("marital-status", "MARITAL"),
    ("zip", "ZIP"),
    ("zip3", "ZIP3"),
    ("state", "STATE"),
];

impl QuasiIdentifier {
    /// Sex, race, ethnicity, language, marital status, five- and three-digit ZIP, state, years of birth and death.
    pub fn defaults() -> Vec<Self> {
        let systems = NAMES.iter().map(|(_, system)| QuasiIdentifier::System((*system).to_owned()));
        systems
            .chain([QuasiIdentifier::BirthYear { band: 1 }, QuasiIdentifier::DeathYear { band: 1 }])
            .collect()
    }

    /// What the subject shows in this column, from the whole record; `None` where it shows nothing.
    pub(crate) fn year_of(&self, subject: &Subject) -> Option<String> {
        match self {
            QuasiIdentifier::BirthYear { band } => year(subject.birth()?, *band),
            QuasiIdentifier::DeathYear { band } => year(subject.death()?, *band),
            QuasiIdentifier::System(_) => None,
        }
    }

    /// What one event of the column's system adds to it.
    pub(crate) fn part(event: &Event) -> String {
        let local = event.code.local().unwrap_or(event.code.as_str());
        event.numeric_value.map_or_else(|| local.to_owned(), |value| format!("{local}={value}"))
    }
}

fn year(time: Time, band: u32) -> Option<String> {
    let (year, _, _) = time.ymd();
    let from = year - year.rem_euclid(i32::try_from(band).ok()?);
    Some(if band == 1 { from.to_string() } else { format!("{from}–{}", from + band as i32 - 1) })
}

impl FromStr for QuasiIdentifier {
    type Err = String;

    /// `sex`, `birth-year`, `birth-year:5`, or any code system, such as `PAYER`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, band) = match text.split_once(':') {
            Some((name, band)) => {
                let band = band.parse().ok().filter(|b| (1..=100).contains(b));
                (name, band.ok_or("a band is a number of years, 1 to 100, as in birth-year:5")?)
            }
            None => (text, 1),
        };
        match name {
            "birth-year" => return Ok(QuasiIdentifier::BirthYear { band }),
            "death-year" => return Ok(QuasiIdentifier::DeathYear { band }),
            _ if text.contains(':') => return Err("only birth-year and death-year have bands".into()),
            "" => return Err("name a quasi-identifier, such as sex, birth-year or a code system".into()),
            _ => {}
        }
        let system = NAMES.iter().find(|(known, _)| *known == name).map_or(name, |(_, system)| system);
        Ok(QuasiIdentifier::System(system.to_owned()))
    }
}

impl fmt::Display for QuasiIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QuasiIdentifier::BirthYear { band: 1 } => f.write_str("birth-year"),
            QuasiIdentifier::BirthYear { band } => write!(f, "birth-year:{band}"),
            QuasiIdentifier::DeathYear { band: 1 } => f.write_str("death-year"),
            QuasiIdentifier::DeathYear { band } => write!(f, "death-year:{band}"),
            QuasiIdentifier::System(system) => {
                f.write_str(NAMES.iter().find(|(_, s)| s == system).map_or(system.as_str(), |(name, _)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for name in ["sex", "race", "birth-year", "birth-year:5", "death-year:10", "PAYER", "zip3"] {
            assert_eq!(name.parse::<QuasiIdentifier>().unwrap().to_string(), name);
        }
        assert_eq!("GENDER".parse::<QuasiIdentifier>().unwrap().to_string(), "sex");
        for wrong in ["", "birth-year:0", "birth-year:x", "sex:5"] {
            assert!(wrong.parse::<QuasiIdentifier>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn bands_hold_whole_years() {
        let time = |y| Time::from_ymd(y, 7, 1).unwrap();
        assert_eq!(year(time(1957), 1).as_deref(), Some("1957"));
        assert_eq!(year(time(1957), 5).as_deref(), Some("1955–1959"));
    }
}
