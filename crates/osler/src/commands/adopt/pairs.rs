//! The table that somebody looks through between `osler adopt --propose` and `osler adopt --pairs`.

use anyhow::{Context, Result, bail};
use events::Code;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use timeline::{Entry, EntryKind, Pair, ValueDistribution, Vocabulary};

/// A table of a million pairs stays below this many bytes.
const LARGEST: u64 = 256 << 20;

/// One row. Columns that are for reading alone may be missing from a table that comes back.
#[derive(serde::Serialize, serde::Deserialize)]
struct Row {
    accept: String,
    site_code: String,
    #[serde(default)]
    site_description: String,
    #[serde(default)]
    site_people: String,
    #[serde(default)]
    site_values: String,
    model_code: String,
    #[serde(default)]
    model_description: String,
    #[serde(default)]
    model_values: String,
    #[serde(default)]
    likeness: String,
}

/// What was accepted.
pub struct Pairs {
    /// Each site's code once, and the token that it is to be read as.
    pub accepted: Vec<(Code, u32)>,
    /// BLAKE3 of the file.
    pub digest: String,
}

impl Pairs {
    /// Writes proposals, the commonest codes first; those that are sure are accepted beforehand. Codes like none have a row too, to
    /// be filled in.
    pub fn write(path: &Path, vocabulary: &Vocabulary, site: &Vocabulary, proposed: &[Pair]) -> Result<()> {
        let mut table = csv::Writer::from_writer(Vec::new());
        for pair in proposed {
            let here = site.index_of(pair.code.as_str()).and_then(|index| site.entry(index));
            let there = pair.token.and_then(|token| vocabulary.entry(token));
            let Some(here) = here else { continue };
            table.serialize(Row {
                accept: if pair.sure { "yes" } else { "" }.into(),
                site_code: here.code.to_string(),
                site_description: described(here),
                site_people: here.subjects.to_string(),
                site_values: values(here),
                model_code: there.map(|there| there.code.to_string()).unwrap_or_default(),
                model_description: there.map(described).unwrap_or_default(),
                model_values: there.map(values).unwrap_or_default(),
                likeness: format!("{:.2}", pair.likeness),
            })?;
        }
        let bytes = table.into_inner().context("cannot write the table")?;
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads a table back.
    pub fn read(path: &Path, vocabulary: &Vocabulary) -> Result<Self> {
        let cannot = || format!("cannot read {}", path.display());
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
            .with_context(cannot)?;
        if bytes.len() as u64 > LARGEST {
            bail!("{} is larger than {} MB", path.display(), LARGEST >> 20);
        }
        Self::parse(&bytes, vocabulary).with_context(|| path.display().to_string())
    }

    fn parse(bytes: &[u8], vocabulary: &Vocabulary) -> Result<Self> {
        // Spreadsheets put a mark before what they save.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut accepted: BTreeMap<String, (u32, u64)> = BTreeMap::new();
        let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let headers = table.headers().context("the first line isn't one of names of columns")?.clone();
        for column in ["accept", "site_code", "model_code"] {
            if !headers.iter().any(|name| name == column) {
                bail!("there is no column `{column}`; save the table with commas, and with its first line");
            }
        }
        let mut record = csv::StringRecord::new();
        while table.read_record(&mut record).context("not a table with commas in UTF-8")? {
            let line = record.position().map_or(0, csv::Position::line);
            let row: Row = record.deserialize(Some(&headers)).with_context(|| format!("line {line}"))?;
            match row.accept.to_lowercase().as_str() {
                "yes" | "y" | "1" | "true" | "x" => {}
                "" | "no" | "n" | "0" | "false" => continue,
                _ => bail!("line {line}: `accept` must be yes, no or empty"),
            }
            if row.site_code.is_empty() {
                bail!("line {line}: `site_code` is empty");
            }
            let token = vocabulary.index_of(&row.model_code);
            let token =
                token.with_context(|| format!("line {line}: the model has no code `{}`", row.model_code))?;
            if vocabulary.entry(token).is_some_and(|entry| entry.kind == EntryKind::Special) {
                bail!("line {line}: `{}` is no code that a record can be read as", row.model_code);
            }
            if vocabulary.index_of(&row.site_code).is_some_and(|own| own != token) {
                bail!(
                    "line {line}: the model knows `{}` itself, and reads it as nothing else",
                    row.site_code
                );
            }
            if let Some((before, first)) = accepted.insert(row.site_code.clone(), (token, line))
                && before != token
            {
                bail!("lines {first} and {line} accept `{}` as two different codes", row.site_code);
            }
        }
        Ok(Pairs {
            accepted: accepted.into_iter().map(|(code, (token, _))| (Code::new(&code), token)).collect(),
            digest: blake3::hash(bytes).to_hex().to_string(),
        })
    }
}

/// A spreadsheet must not take words for a formula.
fn described(entry: &Entry) -> String {
    let text = entry.description.clone().unwrap_or_default();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

/// `5.1 to 6.0, median 5.4 mmol/L`, by unit: from a quarter of the values to three quarters.
fn values(entry: &Entry) -> String {
    let told = |values: &ValueDistribution| {
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|rank| short(values.value(rank)));
        format!("{low} to {high}, median {middle} {}", values.unit.as_deref().unwrap_or("(no unit)"))
    };
    entry.values.iter().map(told).collect::<Vec<_>>().join("; ")
}

/// Three significant digits.
fn short(value: f32) -> String {
    let digits = if value == 0.0 { 0 } else { (2 - value.abs().log10().floor() as i32).clamp(0, 6) };
    format!("{value:.0$}", digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Deidentified, Event, Subject, Time};
    use timeline::{VocabularyBuilder, VocabularyOptions};

    fn vocabulary(codes: &[&str]) -> Vocabulary {
        let options = VocabularyOptions { minimum_subjects: 1, ..VocabularyOptions::default() };
        let mut builder = VocabularyBuilder::new(options, &[]).unwrap();
        let event = |code: &&str| {
            Event::new(Some(Time::from_micros(1)), Code::new(code)).with_value(5.0).with_unit("mg/dL")
        };
        #[expect(clippy::disallowed_methods, reason = "made up here")]
        builder.push(&Deidentified::vouch(Subject::new(1, codes.iter().map(event).collect())));
        builder.finish().unwrap()
    }

    #[test]
    fn a_table_comes_back_as_it_was_judged() {
        let (home, away) =
            (vocabulary(&["LOINC//2345-7", "LOINC//718-7"]), vocabulary(&["LAB//GLU", "LAB//HB, new"]));
        let (glucose, hemoglobin) =
            (home.index_of("LOINC//2345-7").unwrap(), home.index_of("LOINC//718-7").unwrap());
        let pair =
            |code: &str, token, sure| Pair { code: Code::new(code), token: Some(token), likeness: 0.5, sure };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pairs.csv");
        let proposed = [pair("LAB//GLU", glucose, true), pair("LAB//HB, new", hemoglobin, false)];
        Pairs::write(&path, &home, &away, &proposed).unwrap();
        let read = Pairs::read(&path, &home).unwrap();
        assert_eq!(read.accepted, [(Code::new("LAB//GLU"), glucose)]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("5.00 to 5.00, median 5.00 mg/dL"), "{text}");
        // As a spreadsheet saves it: a mark, other columns in front, spaces.
        let judged = "\u{feff}note,accept,site_code,model_code\nfine, Yes ,\"LAB//HB, new\",LOINC//718-7\n,no,LAB//GLU,LOINC//2345-7\n";
        let read = Pairs::parse(judged.as_bytes(), &home).unwrap();
        assert_eq!(read.accepted, [(Code::new("LAB//HB, new"), hemoglobin)]);
    }

    #[test]
    fn a_table_that_cannot_be_meant_is_refused_by_its_line() {
        let home = vocabulary(&["LOINC//2345-7", "LOINC//718-7"]);
        let refused = |text: &str| format!("{:#}", Pairs::parse(text.as_bytes(), &home).err().unwrap());
        let head = "accept,site_code,model_code";
        assert!(refused("accept;site_code;model_code\nyes;A;B\n").contains("no column `accept`"));
        assert!(
            refused(&format!("{head}\nyes,A,LOINC//2345-7\nmaybe,B,LOINC//718-7\n")).starts_with("line 3")
        );
        assert!(
            refused(&format!("{head}\nyes,A,LOINC//9\n"))
                .contains("line 2: the model has no code `LOINC//9`")
        );
        assert!(refused(&format!("{head}\nyes,,LOINC//718-7\n")).contains("empty"));
        assert!(refused(&format!("{head}\nyes,A,UNKNOWN\n")).contains("line 2: `UNKNOWN` is no code"));
        assert!(
            refused(&format!("{head}\nyes,LOINC//2345-7,LOINC//718-7\n"))
                .contains("knows `LOINC//2345-7` itself")
        );
        let twice = refused(&format!("{head}\nyes,A,LOINC//718-7\nyes,A,LOINC//2345-7\n"));
        assert!(twice.starts_with("lines 2 and 3"), "{twice}");
        assert!(refused(&format!("{head}\nyes,A\n")).contains("not a table"));
        assert!(refused("\u{0}\u{1}").contains("no column"));
    }

    #[test]
    fn numbers_are_short() {
        let told = [0.0, 5.44, 98.0, 12_345.0, 0.01234, -1.5, 1e9, 1e-9].map(short);
        assert_eq!(told, ["0", "5.44", "98.0", "12345", "0.0123", "-1.50", "1000000000", "0.000000"]);
    }
}
