//! From a mapping as written to one that can be applied: every mistake is named by its line.

use super::{
    language::{self as written, CodeColumn, Kind, Rule, When},
    plan::{
        CodeSource, Condition, EventRule, IdentityRule, LabelRule, Mapping, Missing, Slot, Subject, Table,
        Target, UnitSource, Unlisted, ValueSource,
    },
    resolve_time::Times,
    shape::{OneOrMany, WordOr},
    time::Moment,
};
use crate::{Error, units};
use events::{Code, IdentityKind};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};
use toml::Spanned;

const RESERVED: [&str; 3] = [Code::BIRTH, Code::DEATH, Code::FOLLOWUP_END];

pub(super) fn resolve(text: &str) -> Result<Mapping, Error> {
    let file: written::File = toml::from_str(text).map_err(|error| {
        // TOML's own rendering would print the file's line, and its message may hold what was read.
        Mistake { at: error.span().unwrap_or(0..0), what: events::without_values(error.message()) }
            .in_text(text)
    })?;
    let mut resolver =
        Resolver { times: Times::default(), descriptions: BTreeMap::new(), systems: BTreeSet::new() };
    resolver.file(file).map_err(|mistake| mistake.in_text(text))
}

/// What is wrong, and where in the file.
pub(super) struct Mistake {
    pub(super) at: Range<usize>,
    pub(super) what: String,
}

impl Mistake {
    fn in_text(self, text: &str) -> Error {
        let line = text.as_bytes().iter().take(self.at.start).filter(|byte| **byte == b'\n').count() + 1;
        Error::Table { file: "mapping".to_owned(), reason: format!("line {line}: {}", self.what) }
    }
}

pub(super) fn mistake<T>(at: Range<usize>, what: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake { at, what: what.into() })
}

struct Resolver {
    times: Times,
    descriptions: BTreeMap<String, String>,
    systems: BTreeSet<String>,
}

/// The columns that a table's rules name, each once.
#[derive(Default)]
pub(super) struct Columns(Vec<String>);

impl Columns {
    pub(super) fn slot(&mut self, name: &str) -> Slot {
        match self.0.iter().position(|known| known.eq_ignore_ascii_case(name.trim())) {
            Some(slot) => slot,
            None => {
                self.0.push(name.trim().to_owned());
                self.0.len() - 1
            }
        }
    }
}

impl Resolver {
    fn file(&mut self, file: written::File) -> Result<Mapping, Mistake> {
        if let Some(index) = file.index {
            let at = index.span();
            self.times = Times::from_index(index.as_ref(), at)?;
        }
        let tables = file.table.into_iter().map(|table| self.table(table)).collect::<Result<_, _>>()?;
        Ok(Mapping {
            name: file.name,
            tables,
            descriptions: std::mem::take(&mut self.descriptions),
            systems: std::mem::take(&mut self.systems),
        })
    }

    fn table(&mut self, table: written::Table) -> Result<Table, Mistake> {
        let at = table.files.span();
        if table.files.as_ref().is_empty() {
            return mistake(at, "files: at least one pattern is needed, such as \"labs*.csv\"");
        }
        if table.event.is_empty()
            && table.wide.is_empty()
            && table.label.is_empty()
            && table.identity.is_empty()
        {
            return mistake(
                at,
                "a table needs at least one [[table.event]], [[table.wide]], [[table.label]] or [[table.identity]]",
            );
        }
        let delimiter = table.delimiter.map(delimiter).transpose()?;
        let mut columns = Columns::default();
        let subject = subject(table.subject, &mut columns)?;
        let mut events = Vec::new();
        for event in table.event {
            events.push(self.event(event, &mut columns)?);
        }
        for wide in table.wide {
            self.wide(wide, &mut columns, &mut events)?;
        }
        let labels =
            table.label.into_iter().map(|label| self.label(label, &mut columns)).collect::<Result<_, _>>()?;
        let identities =
            table.identity.into_iter().map(|rule| identity(rule, &mut columns)).collect::<Result<_, _>>()?;
        Ok(Table {
            files: table.files.into_inner(),
            delimiter,
            columns: columns.0,
            subject,
            missing: Missing::of(table.missing),
            events,
            labels,
            identities,
        })
    }

    fn event(&mut self, event: written::Event, columns: &mut Columns) -> Result<EventRule, Mistake> {
        let at = event.code.span();
        let display = match event.code.as_ref() {
            WordOr::Table(CodeColumn { display: Some(display), .. }) => Some(columns.slot(display)),
            _ => None,
        };
        let value = event.value.map(|value| match value.into_inner() {
            WordOr::Word(column) => ValueSource { column: columns.slot(&column), text: false },
            WordOr::Table(value) => ValueSource { column: columns.slot(&value.column), text: value.text },
        });
        let unit = match event.unit.map(Spanned::into_inner) {
            None => UnitSource::None,
            Some(WordOr::Word(unit)) => UnitSource::Fixed(units::ucum(&unit)),
            Some(WordOr::Table(unit)) => UnitSource::Column(columns.slot(&unit.column)),
        };
        let code = match event.code.into_inner() {
            WordOr::Word(code) => CodeSource::Fixed(self.target(WordOr::Word(code), &at)?),
            WordOr::Table(code) => self.code_column(code, &at, columns)?,
        };
        Ok(EventRule {
            when: conditions(event.when, &at, columns)?,
            code,
            display,
            moment: self.times.moment(event.time, columns)?,
            value,
            unit,
            id: event.id.map(|id| columns.slot(id.as_ref())),
        })
    }

    fn code_column(
        &mut self,
        code: CodeColumn,
        at: &Range<usize>,
        columns: &mut Columns,
    ) -> Result<CodeSource, Mistake> {
        let unlisted = match (code.unlisted, &code.system) {
            (None, Some(_)) | (Some(written::Unlisted::Keep), Some(_)) => Unlisted::Keep,
            (Some(written::Unlisted::Keep), None) => {
                return mistake(at.clone(), "unlisted = \"keep\" needs a system to put the codes in");
            }
            (Some(written::Unlisted::Ignore), _) => Unlisted::Ignore,
            (None, None) | (Some(written::Unlisted::Reject), _) => Unlisted::Reject,
        };
        if let (Unlisted::Keep, Some(system)) = (unlisted, &code.system) {
            if system.is_empty() || system.contains("//") {
                return mistake(at.clone(), "system: a short name such as \"ICD10\" is wanted, without //");
            }
            self.systems.insert(system.clone());
        }
        let mut codes = FxHashMap::default();
        for (word, rule) in code.codes {
            if code.ignore.contains(&word) {
                return mistake(at.clone(), format!("{word:?} is both listed and ignored"));
            }
            codes.insert(word, self.target(rule, at)?);
        }
        Ok(CodeSource::Column {
            column: columns.slot(&code.column),
            system: code.system.map(SmolStr::from).unwrap_or_default(),
            before: code.before,
            after: code.after,
            codes,
            ignore: code.ignore.into_iter().collect(),
            unlisted,
        })
    }

    fn wide(
        &mut self,
        wide: written::Wide,
        columns: &mut Columns,
        events: &mut Vec<EventRule>,
    ) -> Result<(), Mistake> {
        let at = wide.columns.span();
        let moment = self.times.moment(wide.time, columns)?;
        let when = conditions(wide.when, &at, columns)?;
        let id = wide.id.map(|id| columns.slot(id.as_ref()));
        for (column, rule) in wide.columns.into_inner() {
            events.push(EventRule {
                when: when.clone(),
                code: CodeSource::Fixed(self.target(rule, &at)?),
                display: None,
                moment: moment.clone(),
                value: Some(ValueSource { column: columns.slot(&column), text: false }),
                unit: UnitSource::None,
                id,
            });
        }
        Ok(())
    }

    fn label(&mut self, label: written::Label, columns: &mut Columns) -> Result<LabelRule, Mistake> {
        let at = label.time.span();
        let moment = self.times.moment(label.time, columns)?;
        if matches!(moment, Moment::Static) {
            return mistake(
                at,
                "a label needs a time: the last moment whose facts may be used to predict it",
            );
        }
        Ok(LabelRule {
            when: conditions(label.when, &at, columns)?,
            task: SmolStr::from(label.task),
            moment,
            column: columns.slot(label.column.as_ref()),
            yes: label.yes,
            no: label.no,
        })
    }

    fn target(&mut self, rule: WordOr<Rule>, at: &Range<usize>) -> Result<Target, Mistake> {
        let rule = match rule {
            WordOr::Word(code) => Rule { code: Some(code), ..Rule::default() },
            WordOr::Table(rule) => rule,
        };
        let mut answers = FxHashMap::default();
        for (answer, code) in rule.answers.unwrap_or_default() {
            answers.insert(answer, self.whole_code(&code, at)?);
        }
        let (system, code) = match rule.code {
            Some(code) => {
                let whole = self.whole_code(&code, at)?;
                if let Some(description) = rule.description {
                    self.descriptions.insert(code, description);
                }
                whole
            }
            None if !answers.is_empty() => (SmolStr::default(), SmolStr::default()),
            None => return mistake(at.clone(), "a code's rule needs a code, or answers that are codes"),
        };
        let (minimum, maximum) =
            (rule.minimum.unwrap_or(f64::NEG_INFINITY), rule.maximum.unwrap_or(f64::INFINITY));
        if !matches!(
            minimum.partial_cmp(&maximum),
            Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)
        ) {
            return mistake(at.clone(), "minimum must not be above maximum");
        }
        let unit = rule.unit.map(|unit| units::ucum(&unit)).filter(|unit| !unit.is_empty());
        Ok(Target { system, code, unit, minimum, maximum, missing: Missing::of(rule.missing), answers })
    }

    fn whole_code(&mut self, code: &str, at: &Range<usize>) -> Result<(SmolStr, SmolStr), Mistake> {
        match code.split_once("//") {
            Some((system, local)) if !system.is_empty() && !local.is_empty() => {
                self.systems.insert(system.to_owned());
                Ok((SmolStr::new(system), SmolStr::new(local)))
            }
            _ if RESERVED.contains(&code) => Ok((SmolStr::default(), SmolStr::new(code))),
            _ => mistake(
                at.clone(),
                format!("{code:?} is no code: SYSTEM//code is wanted, or one of {}", RESERVED.join(", ")),
            ),
        }
    }
}

fn delimiter(written: Spanned<String>) -> Result<u8, Mistake> {
    match written.as_ref().as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => mistake(written.span(), "delimiter: one ASCII character is wanted, such as \",\" or \"\\t\""),
    }
}

fn subject(written: Spanned<written::Subject>, columns: &mut Columns) -> Result<Subject, Mistake> {
    let at = written.span();
    match written.into_inner() {
        written::Subject { column: Some(column), file_stem: None, row: None } => {
            Ok(Subject::Column(columns.slot(&column)))
        }
        written::Subject { column: None, file_stem: Some(true), row: None } => Ok(Subject::FileStem),
        written::Subject { column: None, file_stem: None, row: Some(row) } => Ok(Subject::Row {
            column: columns.slot(&row.column),
            is: row.is,
            value: columns.slot(&row.value),
        }),
        _ => mistake(
            at,
            "subject: one of column = \"…\", file_stem = true and row = { column, is, value } is wanted",
        ),
    }
}

fn identity(written: written::Identity, columns: &mut Columns) -> Result<IdentityRule, Mistake> {
    let at = written.column.span();
    let named = written.column.into_inner().0;
    if named.is_empty() {
        return mistake(at, "column: at least one is wanted");
    }
    let kind = match written.kind {
        Kind::Name => IdentityKind::Name,
        Kind::OtherName => IdentityKind::OtherName,
        Kind::Organization => IdentityKind::Organization,
        Kind::Address => IdentityKind::AddressLine,
        Kind::City => IdentityKind::City,
        Kind::PostalCode => IdentityKind::PostalCode,
        Kind::Phone => IdentityKind::Phone,
        Kind::Email => IdentityKind::Email,
        Kind::Url => IdentityKind::Url,
        Kind::RecordNumber => IdentityKind::RecordNumber,
        Kind::PlanNumber => IdentityKind::PlanNumber,
        Kind::DeviceNumber => IdentityKind::DeviceNumber,
    };
    Ok(IdentityRule {
        when: conditions(written.when, &at, columns)?,
        kind,
        columns: named.iter().map(|column| columns.slot(column)).collect(),
    })
}

fn conditions(
    written: OneOrMany<When>,
    at: &Range<usize>,
    columns: &mut Columns,
) -> Result<Vec<Condition>, Mistake> {
    let resolve = |when: When| match (when.is, when.is_not) {
        (Some(is), None) => Ok(Condition { column: columns.slot(&when.column), words: is.0, is: true }),
        (None, Some(not)) => Ok(Condition { column: columns.slot(&when.column), words: not.0, is: false }),
        _ => mistake(at.clone(), "when: a column with either is or is_not is wanted"),
    };
    written.0.into_iter().map(resolve).collect()
}
