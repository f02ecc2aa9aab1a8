//! From a time as a mapping writes it to one that can be read off a row.

use super::{
    language::TimeTable,
    resolve::{Columns, Mistake, mistake},
    shape::{self, WordOr},
    time::{Amount, DAYS_PER_YEAR, Moment, Origin},
};
use crate::rows::moment;
use events::{SourceTime, Time};
use std::ops::Range;
use toml::Spanned;

const HOURS_PER_DAY: f64 = 24.0;
const MINUTES_PER_DAY: f64 = 1440.0;

/// Resolves times against the mapping's index, if it has one.
#[derive(Default)]
pub(super) struct Times {
    index: Option<SourceTime>,
}

impl Times {
    pub(super) fn from_index(index: &str, at: Range<usize>) -> Result<Self, Mistake> {
        Ok(Times { index: Some(constant_time(index, at)?) })
    }

    pub(super) fn moment(
        &self,
        time: Spanned<WordOr<TimeTable>>,
        columns: &mut Columns,
    ) -> Result<Moment, Mistake> {
        let at = time.span();
        match time.into_inner() {
            WordOr::Word(word) if word == "static" => Ok(Moment::Static),
            WordOr::Word(word) if word == "index" => match self.index {
                Some(index) => Ok(Moment::At(index)),
                None => mistake(
                    at,
                    "time = \"index\" needs the mapping's index, such as index = \"2000-01-01T00:00:00\"",
                ),
            },
            WordOr::Word(word) => mistake(
                at,
                format!(
                    "{word:?} is no time: \"static\", \"index\" or a table such as {{ days = \"column\" }}"
                ),
            ),
            WordOr::Table(time) => self.time_table(time, at, columns),
        }
    }

    fn time_table(
        &self,
        time: TimeTable,
        at: Range<usize>,
        columns: &mut Columns,
    ) -> Result<Moment, Mistake> {
        let formats = time.format.unwrap_or_default().0;
        let written = |column: String, date, columns: &mut Columns| Moment::Written {
            column: columns.slot(&column),
            date,
            formats: formats.clone(),
        };
        let origin = self.origin(time.from, time.from_column, &at, columns);
        let mut found: Vec<Moment> = Vec::new();
        found.extend(time.timestamp.map(|column| written(column, false, columns)));
        found.extend(time.date.map(|column| written(column, true, columns)));
        if let Some(column) = time.clock {
            found.push(Moment::Clock { column: columns.slot(&column), origin: origin.clone().or_mistake()? });
        }
        let offsets = [
            (time.years, DAYS_PER_YEAR, true),
            (time.days, 1.0, true),
            (time.hours, 1.0 / HOURS_PER_DAY, false),
            (time.minutes, 1.0 / MINUTES_PER_DAY, false),
            (time.years_before, -DAYS_PER_YEAR, true),
            (time.days_before, -1.0, true),
        ];
        for (amount, days_per_unit, whole_days) in offsets {
            let amount = match amount {
                None => continue,
                Some(shape::Amount::Constant(constant)) => Amount::Constant(constant),
                Some(shape::Amount::Column(column)) => Amount::Column(columns.slot(&column)),
            };
            found.push(Moment::Offset {
                amount,
                days_per_unit,
                whole_days,
                origin: origin.clone().or_mistake()?,
            });
        }
        match (found.pop(), found.is_empty()) {
            (Some(Moment::Clock { .. } | Moment::Offset { .. }), true) if !formats.is_empty() => {
                mistake(at, "format goes with timestamp or date")
            }
            (Some(moment), true) => Ok(moment),
            (None, _) => mistake(
                at,
                "one of timestamp, date, clock, years, days, hours, minutes, years_before and days_before is wanted",
            ),
            (Some(_), false) => mistake(at, "more than one kind of time; choose one"),
        }
    }

    fn origin(
        &self,
        from: Option<String>,
        from_column: Option<String>,
        at: &Range<usize>,
        columns: &mut Columns,
    ) -> FoundOrigin {
        FoundOrigin(match (from, from_column) {
            (Some(_), Some(_)) => Err((at.clone(), "from and from_column exclude each other".to_owned())),
            (Some(from), None) => match constant_time(&from, at.clone()) {
                Ok(SourceTime::Date(time) | SourceTime::DateTime(time)) => Ok(Origin::At(time)),
                Ok(SourceTime::Static) => Err((at.clone(), "from: a date or time is wanted".to_owned())),
                Err(mistake) => Err((mistake.at, mistake.what)),
            },
            (None, Some(column)) => Ok(Origin::Column(columns.slot(&column))),
            (None, None) => match self.index {
                Some(SourceTime::Date(time) | SourceTime::DateTime(time)) => Ok(Origin::At(time)),
                _ => Err((
                    at.clone(),
                    "counting time needs an index: the mapping's index, from or from_column".to_owned(),
                )),
            },
        })
    }
}

/// An origin, or why there is none: a mistake only where one is needed.
#[derive(Clone)]
struct FoundOrigin(Result<Origin, (Range<usize>, String)>);

impl FoundOrigin {
    fn or_mistake(self) -> Result<Origin, Mistake> {
        self.0.map_err(|(at, what)| Mistake { at, what })
    }
}

/// A constant of the mapping; a date alone means its midnight.
fn constant_time(text: &str, at: Range<usize>) -> Result<SourceTime, Mistake> {
    match moment::parse(text.as_bytes()) {
        Ok(SourceTime::Date(time)) => Ok(SourceTime::DateTime(time)),
        Ok(time) => Ok(time),
        Err(reason) => {
            let (first, last) = (Time::MIN.ymd().0, Time::MAX.ymd().0);
            mistake(
                at,
                format!(
                    "{text:?}: {reason}; YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS between {first} and {last} is wanted"
                ),
            )
        }
    }
}
