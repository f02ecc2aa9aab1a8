//! `osler deid text`: a filter for notes.

use super::super::threads;
use crate::progress::Voice;
use crate::{key_file, policy_file};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use deid::text::{Identifier, Scratch, Settings, Span};
use deid::{Deidentifier, FreeText, Key, Label, Notes};
use events::{Identified, SourceSubject, Time};
use ingest::Limits;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

/// How many bytes of lines are worked on at once; memory is bounded by it and by the longest line.
const BATCH: usize = 4 << 20;
/// What is read from standard input at once, if it is there.
const READ: usize = 1 << 20;

/// Find identifiers in notes: a JSON object a line in, one a line out.
///
/// Reads `{"id", "text"}` and writes `{"id", "text", "spans": [{"start", "end", "type"}]}`: the text without
/// identifiers, and where each stood in what was read, in Unicode characters. Other fields are dropped.
///
/// THE `id` PASSES AS IT IS. Where it is a record number, an accession number, a file name or a time, it identifies: use
/// --ids drop or --ids pseudonym.
///
/// A line may say when it was written, `"date": "2021-05-04"`: days without their year ("3/14") are told from scores by
/// it, and dates move in its year. The date itself does not pass.
#[derive(Args)]
#[command(after_help = "Examples:
  osler deid text < notes.ndjson > safe.ndjson
  echo '{\"id\": 1, \"text\": \"Seen by Dr. Nowak on 4 May 2021.\"}' | osler deid text
  echo '{\"id\": 1, \"date\": \"2021-05-04\", \"text\": \"Fell 5/2, pain 3/10.\"}' | osler deid text
  osler deid text --ids pseudonym --key site.key < notes.ndjson
  osler deid text --policy limited-data-set --whitelist < notes.ndjson
  osler deid text --chart bundle.json --treatment surrogates --key site.key < notes.ndjson

What each layer finds, and what none does: docs/deid-text.md, docs/deid-notes.md.")]
pub struct Arguments {
    /// A shipped policy's name, or a TOML file; under `limited-data-set` dates and ages stay.
    #[arg(long, default_value = "expert-determination")]
    policy: String,
    /// The FHIR Bundle of the patient whose notes these are: who is named in it is looked for in them.
    #[arg(long)]
    chart: Option<PathBuf>,
    /// What stands where an identifier stood [default: what the policy says, or tags where it lets no text pass].
    #[arg(long, value_enum)]
    treatment: Option<Treatment>,
    /// The site's key, for surrogates; without it the key is read from OSLER_KEY.
    #[arg(long)]
    key: Option<PathBuf>,
    /// What becomes of each line's id.
    #[arg(long, value_enum, default_value = "keep")]
    ids: Ids,
    /// Keep known plain and clinical words only.
    #[arg(long)]
    whitelist: bool,
    /// Leave the names of countries.
    #[arg(long)]
    keep_countries: bool,
    /// Threads to use [default: all].
    #[arg(long)]
    threads: Option<usize>,
    /// The longest line that is read, in bytes; a longer one stops the run.
    #[arg(long, default_value_t = 64 << 20)]
    longest_line: usize,
}

/// What stands where an identifier stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Treatment {
    /// `[NAME]`
    Tags,
    /// Something of the same kind that is nobody's; dates move as `osler ingest` moves this patient's
    Surrogates,
    /// Nothing
    Removal,
}

/// What becomes of the id of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ids {
    /// As it is, whatever it tells
    Keep,
    /// null
    Drop,
    /// Sixteen hexadecimal digits by the site's key: the same id is the same in every run
    Pseudonym,
}

#[derive(Deserialize)]
struct Note<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    date: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Serialize)]
struct Safe<'a> {
    id: Option<Id<'a>>,
    text: String,
    spans: Vec<Found>,
}

/// An id as it may pass.
#[derive(Serialize)]
#[serde(untagged)]
enum Id<'a> {
    Kept(&'a RawValue),
    Pseudonym(String),
}

#[derive(Serialize)]
struct Found {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    identifier: Identifier,
}

impl Arguments {
    /// Runs it over standard input.
    pub fn run(self, _voice: Voice) -> Result<()> {
        let deidentifier = self.deidentifier()?;
        let chart = self.patient()?;
        let Some(notes) = deidentifier.notes(&chart) else { bail!("the policy lets no text pass") };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads(self.threads)).build()?;
        let mut lines = Lines {
            reader: BufReader::with_capacity(READ, std::io::stdin().lock()),
            longest: self.longest_line,
            read: 0,
        };
        let mut out = BufWriter::new(std::io::stdout().lock());
        let mut batch = Vec::new();
        while lines.fill(&mut batch)? {
            let written: Vec<Result<Vec<u8>>> = pool.install(|| {
                batch
                    .par_iter()
                    .map_init(Scratch::default, |scratch, (number, line)| {
                        clean(&notes, (self.ids, &deidentifier), (*number, line), scratch)
                    })
                    .collect()
            });
            for line in written {
                match line {
                    Ok(line) => out.write_all(&line).context(UNWRITTEN)?,
                    Err(error) => {
                        // What is safe and done is out before the run stops.
                        out.flush().context(UNWRITTEN)?;
                        return Err(error);
                    }
                }
            }
            out.flush().context(UNWRITTEN)?;
        }
        Ok(())
    }
}

const UNWRITTEN: &str = "cannot write standard output";

impl Arguments {
    fn deidentifier(&self) -> Result<Deidentifier> {
        let policy = policy_file::read(&self.policy)?;
        let free_text = match (self.treatment, policy.free_text()) {
            (Some(Treatment::Tags), _) | (None, FreeText::Drop) => FreeText::Tags,
            (Some(Treatment::Surrogates), _) => FreeText::Surrogates,
            (Some(Treatment::Removal), _) => FreeText::Removal,
            (None, as_stated) => as_stated,
        };
        let whitelist = self.whitelist || policy.whitelist();
        let policy = policy.with_text(free_text, whitelist)?;
        if self.ids == Ids::Pseudonym && policy.label() == Label::SafeHarbor {
            bail!(
                "{} lets no code derived from a record pass (45 CFR 164.514(c)): use --ids drop",
                self.policy
            );
        }
        let key = match free_text {
            _ if self.ids == Ids::Pseudonym && free_text != FreeText::Surrogates => {
                key_file::read(self.key.as_deref())?
            }
            FreeText::Surrogates => {
                if self.chart.is_none() {
                    bail!(
                        "surrogates need --chart: dates move by the offset of the patient whose notes these are"
                    );
                }
                key_file::read(self.key.as_deref())?
            }
            // Nothing that is written depends on it.
            _ => Key::random()?,
        };
        let settings = Settings { countries: !self.keep_countries, whitelist };
        Ok(Deidentifier::new(policy, &key)?.looking_for(settings))
    }

    /// Whose notes they are: the chart's patient, or someone of whom nothing is known.
    fn patient(&self) -> Result<Identified<SourceSubject>> {
        let Some(path) = &self.chart else { return Ok(Identified::new(SourceSubject::default())) };
        let limits = Limits::default();
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut bytes = Vec::new();
        file.take(limits.max_document_bytes as u64 + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {}", path.display()))?;
        ingest::fhir_bundle_chart(&bytes, &limits).with_context(|| format!("{} is no chart", path.display()))
    }
}

/// One line in, one out. An error says where, and nothing of what stands there.
fn clean(
    notes: &Notes<'_>,
    (ids, deidentifier): (Ids, &Deidentifier),
    (number, line): (u64, &[u8]),
    scratch: &mut Scratch,
) -> Result<Vec<u8>> {
    let note: Note = serde_json::from_slice(line).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "is no object with a string `text`",
            _ => "is no JSON in UTF-8",
        };
        anyhow::anyhow!(
            "line {number} {what} (at byte {}); one object a line, {{\"id\", \"text\"}}",
            error.column()
        )
    })?;
    let date = match &note.date {
        Some(date) => Some(day(date).with_context(|| {
            format!("line {number}: `date` is no day of the calendar; write YYYY-MM-DD, or leave it out")
        })?),
        None => None,
    };
    let cleaned = notes.clean(&note.text, date, number as usize, scratch);
    let id = match (ids, note.id) {
        (Ids::Drop, _) | (_, None) => None,
        (Ids::Keep, Some(id)) => Some(Id::Kept(id)),
        (Ids::Pseudonym, Some(id)) => Some(Id::Pseudonym(deidentifier.note_pseudonym(id.get()))),
    };
    let safe = Safe { id, spans: in_characters(&note.text, &cleaned.spans), text: cleaned.rewritten.text };
    let mut out = serde_json::to_vec(&safe).context("a note cannot be written as JSON")?;
    out.push(b'\n');
    Ok(out)
}

/// `2021-05-04` as year, month and day; a time behind it is passed over.
fn day(date: &str) -> Option<(i32, u32, u32)> {
    let mut parts = date.get(..10)?.splitn(3, '-').map(|part| part.parse().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let ends = date.as_bytes().get(10).is_none_or(|next| matches!(next, b'T' | b' '));
    Time::from_ymd(i32::try_from(year).ok()?, month, day).filter(|_| ends).map(|time| time.ymd())
}

/// Spans counted in Unicode characters of the text.
fn in_characters(text: &str, spans: &[Span]) -> Vec<Found> {
    let (mut bytes, mut characters) = (0, 0);
    let mut to = |byte: usize| {
        characters += text[bytes..byte].chars().count();
        bytes = byte;
        characters
    };
    spans
        .iter()
        .map(|span| Found { start: to(span.start), end: to(span.end), identifier: span.identifier })
        .collect()
}

/// Lines of a stream, in batches.
struct Lines<R> {
    reader: BufReader<R>,
    longest: usize,
    /// Lines read so far.
    read: u64,
}

impl<R: Read> Lines<R> {
    /// Waits for a line, then takes those that are there already; false at the end. Blank lines are passed over.
    fn fill(&mut self, batch: &mut Vec<(u64, Vec<u8>)>) -> Result<bool> {
        batch.clear();
        let mut size = 0;
        while batch.is_empty() || size < BATCH && self.reader.buffer().contains(&b'\n') {
            let mut line = Vec::new();
            let limit = self.longest as u64 + 1;
            if self
                .reader
                .by_ref()
                .take(limit)
                .read_until(b'\n', &mut line)
                .context("cannot read standard input")?
                == 0
            {
                break;
            }
            self.read += 1;
            if line.len() > self.longest && line.last() != Some(&b'\n') {
                bail!(
                    "line {} is longer than {} bytes; split the note, or raise --longest-line",
                    self.read,
                    self.longest
                );
            }
            if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                size += line.len();
                batch.push((self.read, line));
            }
        }
        Ok(!batch.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deid::Policy;

    #[test]
    fn offsets_count_characters() {
        let text = "José: É 4 May 2021";
        let at = text.find('4').unwrap();
        let found = in_characters(
            text,
            &[Span::new(0..5, Identifier::Name), Span::new(at..text.len(), Identifier::Date)],
        );
        assert_eq!(found.iter().map(|f| (f.start, f.end)).collect::<Vec<_>>(), [(0, 4), (8, 18)]);
    }

    #[test]
    fn days_are_read_and_others_refused() {
        assert_eq!(day("2021-05-04"), Some((2021, 5, 4)));
        assert_eq!(day("2021-05-04T10:00:00Z"), Some((2021, 5, 4)));
        for bad in ["", "2021-5-4", "2021-02-30", "04/05/2021", "2021-05-041", "éééééééééé"] {
            assert_eq!(day(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_limited_data_set_keeps_dates() {
        let policy = Policy::named("limited-data-set").unwrap().with_text(FreeText::Tags, false).unwrap();
        let deidentifier = Deidentifier::new(policy, &Key::from_bytes([1; 32])).unwrap();
        let nobody = Identified::new(SourceSubject::default());
        let line = br#"{"id": "a", "text": "Dr. Nowak, 4 May 2021"}"#;
        let notes = deidentifier.notes(&nobody).unwrap();
        let line = clean(&notes, (Ids::Keep, &deidentifier), (1, line), &mut Scratch::default()).unwrap();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"id\":\"a\",\"text\":\"[NAME], 4 May 2021\",\"spans\":[{\"start\":0,\"end\":9,\"type\":\"NAME\"}]}\n"
        );
    }
}
