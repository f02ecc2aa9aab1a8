//! Applying a mapping to the rows of one file.

use super::{
    plan::{
        CodeSource, Condition, EventRule, IdentityRule, LabelRule, Mapping, Missing, Slot, Subject, Table,
        Target, UnitSource, Unlisted,
    },
    time::NoTime,
};
use crate::{
    Error, Sink, directory, input,
    rows::{EMPTY, Place, Reason, Row, Rows, is_padded, moment, origin},
    units,
};
use events::{Code, IdentityKind, SourceEvent, SourceFact, SourceLabel, SourceTime, SourceValue};
use smol_str::SmolStr;
use std::borrow::Cow;

const KIND: &str = "table";
/// Facts that wait for the row that names their subject; past it rows are rejected.
const MAX_WAITING: usize = 100_000;

const MISSING_VALUE: Reason = "missing value";
const IMPLAUSIBLE: Reason = "implausible value";
const LEFT_OUT: Reason = "left out by the mapping";
const UNLISTED: Reason = "a code that the mapping doesn't list";
const NO_SUBJECT: Reason = "no row names the subject";

/// A row's cells under the mapping's columns.
pub(super) struct Cells<'a> {
    row: &'a dyn Row,
    table: &'a Table,
    /// Where each column of the mapping stands in this file.
    places: &'a [usize],
}

/// What became of one rule on one row.
enum Outcome {
    Fact(SourceFact),
    /// Counted, by intent no fact.
    Ignored(Reason),
    /// The rule doesn't concern this row.
    Nothing,
}

struct Failure {
    column: Slot,
    reason: Reason,
}

pub(super) fn read(
    mapping: &Mapping,
    table: &Table,
    table_name: &str,
    rows: &mut dyn Rows,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let mut places = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        places.push(rows.header().column(column).ok_or_else(|| Error::Table {
            file: rows.file().to_owned(),
            reason: format!(
                "there is no column {column:?}, which mapping {:?} names for this file",
                mapping.name
            ),
        })?);
    }
    let mut owner = Owner::new(table, table_name);
    while rows.advance(KIND, sink)? {
        sink.read();
        let place = Place { file: rows.file(), kind: KIND, line: rows.line() };
        let cells = Cells { row: rows.row(), table, places: &places };
        if let Err(failure) = owner.see(&cells, sink)? {
            place.reject(sink, &table.columns[failure.column], failure.reason);
            continue;
        }
        let events = table.events.iter().map(|rule| apply(rule, &cells));
        let labels = table.labels.iter().map(|rule| apply_label(rule, &cells));
        let identities = table.identities.iter().map(|rule| apply_identity(rule, &cells));
        for outcome in events.chain(labels).chain(identities) {
            match outcome {
                Ok(Outcome::Fact(fact)) => owner.give(fact, &place, sink)?,
                Ok(Outcome::Ignored(reason)) => sink.ignore(KIND, reason),
                Ok(Outcome::Nothing) => {}
                Err(failure) => place.reject(sink, &table.columns[failure.column], failure.reason),
            }
        }
    }
    if !owner.waiting.is_empty() {
        Place { file: rows.file(), kind: KIND, line: 0 }.reject(sink, "", NO_SUBJECT);
    }
    Ok(())
}

/// Whose the rows are.
struct Owner<'a> {
    subject: &'a Subject,
    key: String,
    named: Named,
    waiting: Vec<SourceFact>,
}

/// Is it known whose the rows are?
#[derive(Clone, Copy, PartialEq)]
enum Named {
    Yes,
    /// The row that names the subject is still to come.
    NotYet,
    /// The row that should name the subject doesn't: what follows is nobody's, until another does.
    Not,
}

impl<'a> Owner<'a> {
    fn new(table: &'a Table, table_name: &str) -> Self {
        let stem = input::stem(table_name);
        let key = match table.subject {
            // Plain digits, as a column of integers would give.
            Subject::FileStem if is_padded(stem) => stem.to_owned(),
            Subject::FileStem => stem.parse::<i64>().map_or_else(|_| stem.to_owned(), |id| id.to_string()),
            _ => String::new(),
        };
        let named = match table.subject {
            Subject::FileStem | Subject::Column(_) => Named::Yes,
            Subject::Row { .. } => Named::NotYet,
        };
        Owner { subject: &table.subject, key, named, waiting: Vec::new() }
    }

    fn see(&mut self, cells: &Cells<'_>, sink: &mut dyn Sink) -> Result<Result<(), Failure>, Error> {
        let named = match self.subject {
            Subject::FileStem => return Ok(Ok(())),
            Subject::Column(column) => *column,
            Subject::Row { column, is, value } => match cells.text(*column) {
                Ok(Some(text)) if text == *is => *value,
                _ => return Ok(Ok(())),
            },
        };
        if let Err(reason) = cells.key(named, &mut self.key) {
            self.waiting.clear();
            self.named = Named::Not;
            return Ok(Err(Failure { column: named, reason }));
        }
        self.named = Named::Yes;
        for fact in self.waiting.drain(..) {
            sink.fact(&self.key, fact).map_err(|error| Error::spill(&error))?;
        }
        Ok(Ok(()))
    }

    fn give(&mut self, fact: SourceFact, place: &Place<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
        match self.named {
            Named::Yes => return sink.fact(&self.key, fact).map_err(|error| Error::spill(&error)),
            Named::NotYet if self.waiting.len() < MAX_WAITING => self.waiting.push(fact),
            Named::NotYet | Named::Not => place.reject(sink, "", NO_SUBJECT),
        }
        Ok(())
    }
}

fn apply(rule: &EventRule, cells: &Cells<'_>) -> Result<Outcome, Failure> {
    if !cells.hold(&rule.when)? {
        return Ok(Outcome::Nothing);
    }
    let found = match find_code(&rule.code, cells)? {
        Ok(found) => found,
        Err(reason) => return Ok(Outcome::Ignored(reason)),
    };
    let mut event = SourceEvent {
        path: SmolStr::new_static(path_of(&found.code)),
        time: SourceTime::Static,
        system: found.system,
        code: found.code,
        display: None,
        value: SourceValue::None,
        unit: None,
        origin: 0,
    };
    if let Some(value) = rule.value {
        match cells.value(value.column, value.text, found.target)? {
            Found::Missing => return Ok(Outcome::Ignored(MISSING_VALUE)),
            Found::Implausible => return Ok(Outcome::Ignored(IMPLAUSIBLE)),
            Found::Answer(system, code) => (event.system, event.code) = (system, code),
            Found::Text(text) => {
                event.path = SmolStr::new_static("table.text");
                event.value = SourceValue::Text(text);
            }
            Found::Number(number) => {
                event.path = SmolStr::new_static("table.value");
                event.value = SourceValue::Number(number);
                event.unit = match (found.target.and_then(|target| target.unit.clone()), &rule.unit) {
                    (Some(unit), _) => Some(unit),
                    (None, UnitSource::Fixed(unit)) => Some(unit.clone()),
                    (None, UnitSource::None) => None,
                    (None, UnitSource::Column(column)) => cells.unit(*column)?,
                };
            }
        }
    }
    event.time = match rule.moment.of(cells) {
        Ok(time) if event.code == Code::BIRTH => moment::birth(time),
        Ok(time) => time,
        Err(no_time) => return Err(no_time.into()),
    };
    if let Some(display) = rule.display {
        event.display =
            cells.text(display).map_err(|reason| Failure { column: display, reason })?.map(SmolStr::new);
    }
    if let Some(id) = rule.id
        && let Some(id) = cells.text(id).map_err(|reason| Failure { column: id, reason })?
    {
        event.origin = origin(&cells.table.files[0], "", &id, &event.code, &event.time);
    }
    Ok(Outcome::Fact(SourceFact::Event(event)))
}

fn apply_label(rule: &LabelRule, cells: &Cells<'_>) -> Result<Outcome, Failure> {
    if !cells.hold(&rule.when)? {
        return Ok(Outcome::Nothing);
    }
    let column = rule.column;
    let Some(cell) = cells.text(column).map_err(|reason| Failure { column, reason })? else {
        return Ok(Outcome::Ignored(MISSING_VALUE));
    };
    let boolean_value = match (rule.yes.iter().any(|yes| cell == *yes), rule.no.iter().any(|no| cell == *no))
    {
        (true, _) => true,
        (_, true) => false,
        _ => return Err(Failure { column, reason: "neither of the label's answers" }),
    };
    let prediction_time = match rule.moment.of(cells)? {
        SourceTime::Date(time) => time.end_of_day(),
        SourceTime::DateTime(time) => time,
        SourceTime::Static => return Err(Failure { column, reason: moment::NOT_A_TIME }), // refused when resolved
    };
    Ok(Outcome::Fact(SourceFact::Label(SourceLabel {
        task: rule.task.clone(),
        prediction_time,
        boolean_value,
    })))
}

/// Who is named. A cell that can't be read names nobody.
fn apply_identity(rule: &IdentityRule, cells: &Cells<'_>) -> Result<Outcome, Failure> {
    if !cells.hold(&rule.when)? {
        return Ok(Outcome::Nothing);
    }
    let mut parts = rule.columns.iter().map(|column| cells.text(*column).ok().flatten().unwrap_or_default());
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let is_name = matches!(rule.kind, IdentityKind::Name | IdentityKind::OtherName);
    let text = match (first.is_empty(), rest.is_empty()) {
        (true, _) => rest,
        (_, true) => first.into_owned(),
        // Family name first, as readers of names expect it.
        _ if is_name => format!("{first}, {rest}"),
        _ => format!("{first} {rest}"),
    };
    Ok(directory::identity(rule.kind, &text)
        .map_or(Outcome::Nothing, |identity| Outcome::Fact(directory::fact(identity))))
}

/// A row's code.
struct FoundCode<'a> {
    system: SmolStr,
    code: SmolStr,
    target: Option<&'a Target>,
}

impl<'a> From<&'a Target> for FoundCode<'a> {
    fn from(target: &'a Target) -> Self {
        FoundCode { system: target.system.clone(), code: target.code.clone(), target: Some(target) }
    }
}

fn find_code<'a>(
    source: &'a CodeSource,
    cells: &Cells<'_>,
) -> Result<Result<FoundCode<'a>, Reason>, Failure> {
    let (column, system, before, after, codes, ignore, unlisted) = match source {
        CodeSource::Fixed(target) => return Ok(Ok(target.into())),
        CodeSource::Column { column, system, before, after, codes, ignore, unlisted } => {
            (*column, system, before, after, codes, ignore, *unlisted)
        }
    };
    let cell = cells.text(column).map_err(|reason| Failure { column, reason })?.unwrap_or_default();
    let mut word = cell.as_ref();
    if let Some(delimiter) = after {
        word = word.split_once(delimiter.as_str()).map_or(word, |(_, after)| after);
    }
    if let Some(delimiter) = before {
        word = word.split_once(delimiter.as_str()).map_or(word, |(before, _)| before);
    }
    let word = word.trim();
    if let Some(target) = codes.get(word) {
        return Ok(Ok(target.into()));
    }
    if ignore.contains(word) {
        return Ok(Err(LEFT_OUT));
    }
    match unlisted {
        Unlisted::Ignore => Ok(Err(UNLISTED)),
        Unlisted::Reject => Err(Failure { column, reason: UNLISTED }),
        Unlisted::Keep if word.is_empty() => Err(Failure { column, reason: EMPTY }),
        Unlisted::Keep => {
            Ok(Ok(FoundCode { system: system.clone(), code: SmolStr::new(word), target: None }))
        }
    }
}

/// What a value cell holds.
enum Found {
    Missing,
    Implausible,
    Number(f64),
    Text(String),
    Answer(SmolStr, SmolStr),
}

impl Cells<'_> {
    /// A cell, unless it is empty or says "missing".
    pub(super) fn text(&self, column: Slot) -> Result<Option<Cow<'_, str>>, Reason> {
        let text = self.row.text(self.places[column])?;
        Ok(text.filter(|text| !self.table.missing.is_word(text)))
    }

    /// The subject's key, unless the cell is empty or says "missing".
    fn key(&self, column: Slot, key: &mut String) -> Result<(), Reason> {
        let is_missing = |number: f64| self.table.missing.is_number(number);
        if self.text(column)?.is_none()
            || matches!(self.row.number(self.places[column]), Ok(Some(n)) if is_missing(n))
        {
            return Err(EMPTY);
        }
        self.row.key_as_written(self.places[column], key)
    }

    /// As [`Cells::text`], as a number.
    pub(super) fn number(&self, column: Slot) -> Result<Option<f64>, Reason> {
        self.numeric(column, |row, place| row.number(place))
    }

    /// As [`Cells::text`], as what was measured.
    fn measured(&self, column: Slot) -> Result<Option<f64>, Reason> {
        self.numeric(column, |row, place| row.value(place))
    }

    fn numeric(
        &self,
        column: Slot,
        read: impl Fn(&dyn Row, usize) -> Result<Option<f64>, Reason>,
    ) -> Result<Option<f64>, Reason> {
        if !self.table.missing.words.is_empty() && self.text(column)?.is_none() {
            return Ok(None);
        }
        Ok(read(self.row, self.places[column])?.filter(|number| !self.table.missing.is_number(*number)))
    }

    /// As [`Cells::text`], as a date or time.
    pub(super) fn time(&self, column: Slot) -> Result<Option<SourceTime>, Reason> {
        if !self.table.missing.words.is_empty() && matches!(self.text(column), Ok(None)) {
            return Ok(None);
        }
        self.row.time(self.places[column])
    }

    fn hold(&self, conditions: &[Condition]) -> Result<bool, Failure> {
        for condition in conditions {
            let column = condition.column;
            // An empty cell is a word too here: a condition may ask for it.
            let cell = self.row.text(self.places[column]).map_err(|reason| Failure { column, reason })?;
            let cell = cell.as_deref().unwrap_or_default();
            if condition.words.iter().any(|word| word == cell) != condition.is {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn value(&self, column: Slot, text: bool, target: Option<&Target>) -> Result<Found, Failure> {
        let fail = |reason| Failure { column, reason };
        let answers = target.map(|target| &target.answers).filter(|answers| !answers.is_empty());
        let nothing = Missing::default();
        let missing = target.map_or(&nothing, |target| &target.missing);
        if text || answers.is_some() {
            let Some(cell) = self.text(column).map_err(fail)?.filter(|cell| !missing.is_word(cell)) else {
                return Ok(Found::Missing);
            };
            return match answers.map(|answers| answers.get(cell.as_ref())) {
                None => Ok(Found::Text(cell.into_owned())),
                Some(Some((system, code))) => Ok(Found::Answer(system.clone(), code.clone())),
                Some(None) => Err(fail("an answer that the mapping doesn't list")),
            };
        }
        let is_missing_word = || {
            !missing.words.is_empty() && matches!(self.text(column), Ok(Some(cell)) if missing.is_word(&cell))
        };
        match self.measured(column) {
            Ok(Some(number)) if missing.is_number(number) => Ok(Found::Missing),
            Ok(Some(number)) => match target {
                Some(target) if !(target.minimum..=target.maximum).contains(&number) => {
                    Ok(Found::Implausible)
                }
                _ => Ok(Found::Number(number)),
            },
            Ok(None) => Ok(Found::Missing),
            Err(_) if is_missing_word() => Ok(Found::Missing),
            Err(reason) => Err(fail(reason)),
        }
    }

    /// A unit column may hold anything: only known spellings pass.
    fn unit(&self, column: Slot) -> Result<Option<SmolStr>, Failure> {
        let unit = self.text(column).map_err(|reason| Failure { column, reason })?;
        Ok(unit.and_then(|unit| units::known(&unit)).filter(|unit| !unit.is_empty()).map(SmolStr::new_static))
    }
}

impl From<NoTime> for Failure {
    fn from(no_time: NoTime) -> Self {
        Failure { column: no_time.column, reason: no_time.reason.unwrap_or(EMPTY) }
    }
}

fn path_of(code: &str) -> &'static str {
    match code {
        Code::BIRTH => "table.birth",
        Code::DEATH => "table.death",
        Code::FOLLOWUP_END => "table.followup_end",
        _ => "table.code",
    }
}
