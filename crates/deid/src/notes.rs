//! One subject's notes on their way through the policy.

use crate::key::Derivation;
use crate::policy::{FreeText, Label};
use crate::text::{
    Chart, Cleaned, Cleaner, DateTreatment, Finder, Identifier, Rewriter, Scratch, Settings, Treatment,
};
use crate::{
    DateMethod, Policy,
    dates::{Dates, OPEN_YEARS, ends_on_no_day, is_open_end},
    life::Refused,
};
use events::{Code, IdentityKind, SourceFact, SourceIdentity, SourceSubject, SourceTime, SourceValue, Time};
use smol_str::format_smolstr;

/// How the notes of one subject are cleaned. Threads may share it.
pub struct Notes<'a> {
    cleaner: &'a Cleaner,
    chart: Chart,
    rewriter: Rewriter<'a>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(
        (cleaner, treatment): &'a (Cleaner, Treatment),
        dates: DateTreatment,
        derivation: &'a Derivation,
        source: &'a SourceSubject,
    ) -> Self {
        Notes {
            cleaner,
            chart: Chart::new(identities(source).chain(&of_the_record(source))),
            rewriter: Rewriter::new(*treatment, dates, derivation, &source.key),
        }
    }

    /// Cleans one note. `date` is the note's own year, month and day, as recorded, for dates in it that don't say
    /// theirs; `number` is another for each of the subject's notes, so that names vary from one to the next.
    pub fn clean(
        &self,
        text: &str,
        date: Option<(i32, u32, u32)>,
        number: usize,
        scratch: &mut Scratch,
    ) -> Cleaned {
        self.cleaner.clean(text, &self.chart, &self.rewriter, (date, number), scratch)
    }
}

/// The cleaner that a policy wants, with what becomes of identifiers; `None` where no text passes.
pub(crate) fn cleaner(policy: &Policy) -> Option<(Cleaner, Treatment)> {
    let treatment = match policy.free_text() {
        FreeText::Drop => return None,
        FreeText::Tags => Treatment::Tags,
        FreeText::Surrogates => Treatment::Surrogates,
        FreeText::Removal => Treatment::Removal,
    };
    let settings = Settings { whitelist: policy.whitelist(), ..Settings::default() };
    // 45 CFR 164.514(e)(2) names neither dates nor ages.
    let kept: &[_] = match policy.label() {
        Label::LimitedDataSet => &[Identifier::Date, Identifier::Age],
        _ => &[],
    };
    Some((Cleaner::new(Finder::shipped().with(settings), kept), treatment))
}

/// What becomes of dates in a subject's notes: the same as of their facts'. What tells the age there (`top_code_age`) tells it here.
pub(crate) fn dates(
    policy: &Policy,
    dates: Dates,
    refused: Refused,
    source: &SourceSubject,
) -> DateTreatment {
    let times = |of_ends: bool| {
        source.facts.iter().filter_map(move |fact| {
            let (code, time, is_end) = match fact {
                SourceFact::Event(event) => {
                    (event.code.as_str(), recorded(event.time)?, event.code == Code::FOLLOWUP_END)
                }
                SourceFact::Label(label) => ("", label.prediction_time, false),
                SourceFact::Identity(_) => return None,
            };
            (is_end == of_ends && refused.refuses(code, Some(time)).is_none()).then_some(time)
        })
    };
    let oldest_age = policy.oldest_age_years();
    let last = times(false).max();
    // Years and moved dates may part what is open elsewhere: rather too many ends count here, and more years are taken.
    let is_open = |end: &Time| {
        let of_age = times(false).min().zip(last).zip(oldest_age);
        refused.is_ahead(*end)
            || ends_on_no_day(last, *end)
            || of_age.is_some_and(|((first, last), oldest)| {
                is_open_end(first, last, *end, oldest + 2, OPEN_YEARS + 2)
            })
    };
    let last = last.max(times(true).filter(|end| !is_open(end)).max());
    let oldest = oldest_age.map_or(i32::MAX, |age| age as i32);
    let earliest = last.map_or(i32::MAX, |last| last.ymd().0.saturating_sub(oldest).saturating_add(1));
    match dates.method {
        DateMethod::Shift => DateTreatment::Shift { days: i64::from(dates.offset_days), earliest },
        DateMethod::AsIs => DateTreatment::Keep,
        DateMethod::YearOnly => DateTreatment::Year { earliest },
    }
}

/// Does the subject have text?
pub(crate) fn any(source: &SourceSubject) -> bool {
    source
        .facts
        .iter()
        .any(|fact| matches!(fact, SourceFact::Event(e) if matches!(e.value, SourceValue::Text(_))))
}

/// Who is named in the subject's record.
fn identities(source: &SourceSubject) -> impl Iterator<Item = &SourceIdentity> {
    source.facts.iter().filter_map(|fact| match fact {
        SourceFact::Identity(identity) => Some(identity),
        _ => None,
    })
}

/// What every record says of whose it is, whatever its format: the source's own key, and the day of birth.
fn of_the_record(source: &SourceSubject) -> Vec<SourceIdentity> {
    let births = source.facts.iter().filter_map(|fact| match fact {
        SourceFact::Event(event) if event.code == Code::BIRTH => recorded(event.time),
        _ => None,
    });
    let day = |born: Time| {
        let (year, month, day) = born.ymd();
        SourceIdentity {
            kind: IdentityKind::BirthDate,
            text: format_smolstr!("{year:04}-{month:02}-{day:02}"),
        }
    };
    let key = SourceIdentity { kind: IdentityKind::RecordNumber, text: source.key.as_str().into() };
    births.map(day).chain([key]).collect()
}

/// When something was recorded, before any policy.
pub(crate) fn recorded(time: SourceTime) -> Option<Time> {
    match time {
        SourceTime::Static => None,
        SourceTime::Date(time) | SourceTime::DateTime(time) => Some(time),
    }
}
