//! When a row's fact was known: by a column, by a constant, or counted from either.

use super::{plan::Slot, read::Cells};
use crate::rows::{NOT_A_NUMBER, Reason, moment};
use chrono::{NaiveDate, NaiveDateTime};
use events::{MICROS_PER_DAY, SourceTime, Time};

/// Days in a year of age, as birthdays fall on average.
pub(super) const DAYS_PER_YEAR: f64 = 365.25;
const MINUTES_PER_DAY: f64 = 1440.0;

#[derive(Clone, Debug)]
pub(super) enum Moment {
    Static,
    At(SourceTime),
    /// A date or time as written; `date` keeps the date alone.
    Written {
        column: Slot,
        date: bool,
        formats: Vec<String>,
    },
    /// `HH:MM` or `HH:MM:SS` after the origin; hours may pass 24.
    Clock {
        column: Slot,
        origin: Origin,
    },
    /// An amount of time after the origin, or before it.
    Offset {
        amount: Amount,
        days_per_unit: f64,
        whole_days: bool,
        origin: Origin,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Amount {
    Constant(f64),
    Column(Slot),
}

#[derive(Clone, Debug)]
pub(super) enum Origin {
    At(Time),
    Column(Slot),
}

/// Why a row has no time: the column and what is wrong with it, or an empty cell.
pub(super) struct NoTime {
    pub(super) column: Slot,
    /// `None` where the cell is empty.
    pub(super) reason: Option<Reason>,
}

impl Moment {
    pub(super) fn of(&self, cells: &Cells<'_>) -> Result<SourceTime, NoTime> {
        match self {
            Moment::Static => Ok(SourceTime::Static),
            Moment::At(time) => Ok(*time),
            Moment::Written { column, date, formats } => {
                let time = written(cells, *column, formats)?;
                Ok(match time {
                    SourceTime::DateTime(time) if *date => SourceTime::Date(midnight(time)),
                    time => time,
                })
            }
            Moment::Clock { column, origin } => {
                let text = cells.text(*column).map_err(|r| wrong(*column, r))?.ok_or(empty(*column))?;
                let minutes = clock_minutes(&text).ok_or(wrong(*column, moment::NOT_A_TIME))?;
                let time = origin.of(cells)?.plus_days(minutes / MINUTES_PER_DAY);
                moment::plausible(SourceTime::DateTime(time)).map_err(|r| wrong(*column, r))
            }
            Moment::Offset { amount, days_per_unit, whole_days, origin } => {
                let (amount, column) = match amount {
                    Amount::Constant(amount) => (*amount, 0),
                    Amount::Column(column) => {
                        let number = cells.number(*column).map_err(|r| wrong(*column, r))?;
                        (number.ok_or(empty(*column))?, *column)
                    }
                };
                let days = amount * days_per_unit;
                // Past any plausible life, and near where microseconds overflow.
                if days.abs() > 1e6 {
                    return Err(wrong(column, moment::OUT_OF_RANGE));
                }
                let origin = origin.of(cells)?;
                let time = if *whole_days && (amount.fract() == 0.0 || *days_per_unit != 1.0) {
                    SourceTime::Date(midnight(origin.plus_days(days.round())))
                } else {
                    SourceTime::DateTime(origin.plus_days(days))
                };
                moment::plausible(time).map_err(|r| wrong(column, r))
            }
        }
    }
}

impl Origin {
    fn of(&self, cells: &Cells<'_>) -> Result<Time, NoTime> {
        match self {
            Origin::At(time) => Ok(*time),
            Origin::Column(column) => match written(cells, *column, &[])? {
                SourceTime::Date(time) | SourceTime::DateTime(time) => Ok(time),
                SourceTime::Static => Err(empty(*column)),
            },
        }
    }
}

fn written(cells: &Cells<'_>, column: Slot, formats: &[String]) -> Result<SourceTime, NoTime> {
    if formats.is_empty() {
        return cells.time(column).map_err(|r| wrong(column, r))?.ok_or(empty(column));
    }
    let text = cells.text(column).map_err(|r| wrong(column, r))?.ok_or(empty(column))?;
    let time =
        formats.iter().find_map(|format| parse(&text, format)).ok_or(wrong(column, moment::NOT_A_TIME))?;
    moment::plausible(time).map_err(|r| wrong(column, r))
}

fn parse(text: &str, format: &str) -> Option<SourceTime> {
    if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
        return Some(SourceTime::DateTime(Time::from_micros(time.and_utc().timestamp_micros())));
    }
    let date = NaiveDate::parse_from_str(text, format).ok()?;
    Some(SourceTime::Date(Time::from_micros(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())))
}

/// Minutes of `HH:MM` or `HH:MM:SS`.
fn clock_minutes(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let part = |part: &str| if part.len() <= 6 { part.parse::<u32>().ok().map(f64::from) } else { None };
    let (hours, minutes) = (part(parts.next()?)?, part(parts.next()?)?);
    let seconds = parts.next().map_or(Some(0.0), part)?;
    (parts.next().is_none() && minutes < 60.0 && seconds <= 60.0)
        .then_some(hours * 60.0 + minutes + seconds / 60.0)
}

fn midnight(time: Time) -> Time {
    Time::from_micros(time.micros().div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY)
}

fn wrong(column: Slot, reason: Reason) -> NoTime {
    // A cell that isn't a number where time is counted isn't a time either.
    NoTime { column, reason: Some(if reason == NOT_A_NUMBER { moment::NOT_A_TIME } else { reason }) }
}

fn empty(column: Slot) -> NoTime {
    NoTime { column, reason: None }
}
