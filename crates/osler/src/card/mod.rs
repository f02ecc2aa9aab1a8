//! A model card: what is known of a model, each figure with its n, its interval and the file that it was read from; and, as
//! plainly, what isn't known.
//!
//! Nothing is reckoned here. A figure is read from a place in a file (a JSON pointer), and says both, so that whoever doubts a
//! card can look. What no file holds is not filled in: it is an [`Entry::Missing`], and stands in the list of what the card
//! can't say.

mod about;
mod evidence;
mod governance;
mod markdown;
mod page;
mod performance;
mod sections;
mod trust;
mod words;

pub use evidence::{Material, Places};

use serde::Serialize;

/// The version of the card's JSON shape.
const FORMAT: u32 = 1;

/// The card: the contents of `card.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    /// Version of this shape.
    pub format: u32,
    /// What the model is called.
    pub title: String,
    /// Names weights, vocabulary and settings together.
    pub model_digest: String,
    /// The data set that it was trained on.
    pub dataset: String,
    /// Whether the records behind model or figures are made up.
    pub synthetic: bool,
    /// Where it stands, if a governance directory was given.
    pub stage: Option<String>,
    /// By what the card was made.
    pub tool: String,
    /// What a reader must know first.
    pub answer: Vec<String>,
    /// The sections, named as in Mitchell et al. 2019.
    pub sections: Vec<Section>,
    /// What the card can't say.
    pub not_known: Vec<Missing>,
    /// The files that it was made from.
    pub sources: Vec<Source>,
}

/// A section.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// A name for links.
    pub id: &'static str,
    /// Its name in Mitchell et al. 2019, "Model Cards for Model Reporting".
    pub title: &'static str,
    /// The parts of CHAI's Applied Model Card that it answers.
    pub chai: Vec<&'static str>,
    /// Facts, statements, and what lacks.
    pub entries: Vec<Entry>,
    /// Figures.
    pub tables: Vec<Table>,
}

/// One line of a section.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// Read from a file.
    Fact {
        /// Of what.
        name: String,
        /// What the file says.
        told: String,
        /// Which file.
        source: String,
        /// Where in it.
        place: String,
    },
    /// What the site wrote about its model; nobody has checked it.
    Stated {
        /// Of what.
        name: String,
        /// In the site's words.
        told: String,
        /// Which file.
        source: String,
    },
    /// What nothing at hand answers.
    Missing(Missing),
}

/// Something that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Whether nobody measured it, or nobody said it.
    pub how: How,
    /// What.
    pub name: String,
    /// Why, or what would answer it.
    pub why: String,
}

/// How it comes that something isn't known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Nobody measured it, as far as the files at hand tell.
    NotEvaluated,
    /// The site said nothing of it.
    NotStated,
}

/// Figures of one file.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// What they are.
    pub title: String,
    /// What the rows are, and how intervals were made.
    pub about: String,
    /// Which file.
    pub source: String,
    /// What n counts.
    pub n_of: &'static str,
    /// The names of the figures in each row.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What the figures are about.
    pub name: String,
    /// Its code, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// On how many they stand; none where a small count could be told from it.
    pub n: Option<u64>,
    /// How many of them had the outcome, where there is one.
    pub events: Option<u64>,
    /// The figures, as the columns are named.
    pub figures: Vec<Figure>,
}

/// A number, as a file holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figure {
    /// The number; none where the file gives a reason instead.
    pub value: Option<f64>,
    /// Lower bound of its interval.
    pub low: Option<f64>,
    /// Upper bound.
    pub high: Option<f64>,
    /// Coverage of the interval.
    pub confidence: Option<f64>,
    /// Its standard error, where the file holds that and no interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// On how many it stands.
    pub n: Option<u64>,
    /// Which file.
    pub source: String,
    /// Where in it: a JSON pointer.
    pub place: String,
}

/// A file that the card rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// How the card refers to it.
    pub id: String,
    /// What it is.
    pub what: String,
    /// Its name, without the place where it lay.
    pub file: String,
    /// Size.
    pub bytes: u64,
    /// BLAKE3, hexadecimal.
    pub blake3: String,
}

impl Entry {
    fn not_evaluated(name: impl Into<String>, why: impl Into<String>) -> Self {
        Entry::Missing(Missing { how: How::NotEvaluated, name: name.into(), why: why.into() })
    }

    fn not_stated(name: impl Into<String>, why: impl Into<String>) -> Self {
        Entry::Missing(Missing { how: How::NotStated, name: name.into(), why: why.into() })
    }
}

impl How {
    /// As a line begins.
    pub fn words(self) -> &'static str {
        match self {
            How::NotEvaluated => "Not evaluated",
            How::NotStated => "Not stated",
        }
    }
}

impl Card {
    /// Writes the card from the material.
    pub fn of(material: &Material) -> Self {
        let sections = sections::all(material);
        let not_known: Vec<Missing> = sections
            .iter()
            .flat_map(|section| &section.entries)
            .filter_map(|entry| match entry {
                Entry::Missing(missing) => Some(missing.clone()),
                _ => None,
            })
            .collect();
        Card {
            format: FORMAT,
            title: material.title(),
            model_digest: material.digest().to_owned(),
            dataset: material.manifest.dataset.clone(),
            synthetic: material.synthetic(),
            stage: material.governance.as_ref().map(|standing| standing.stage.name().to_owned()),
            tool: format!("osler {}", env!("CARGO_PKG_VERSION")),
            answer: sections::answer(material, &not_known),
            sections,
            not_known,
            sources: material.evidence.sources().to_vec(),
        }
    }

    /// The card as JSON, `card.json`.
    ///
    /// # Errors
    /// When a number can't be written.
    pub fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The card as one self-contained page, `card.html`.
    pub fn to_html(&self) -> String {
        page::html(self)
    }

    /// The card as Markdown, `card.md`.
    pub fn to_markdown(&self) -> String {
        markdown::of(self)
    }
}
