//! An answer as one page for a clinician: needs no network and no script, and prints.

mod sections;

use super::Answer;
use ::evaluate::pages::{Document, document, escape};
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::Path;

/// Writes the page. It holds parts of a record, so that nobody else may read the file.
pub fn write(answer: &Answer, horizon: usize, path: &Path, force: bool) -> Result<()> {
    if path.exists() && !force {
        bail!("{} exists; choose another --html, or --force to replace it", path.display());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(html(answer, horizon).as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn html(answer: &Answer, horizon: usize) -> String {
    let body = [
        sections::first(answer, horizon),
        sections::early(answer, horizon),
        sections::differential(answer, horizon),
        sections::tests(answer),
        sections::options(answer),
        sections::alike(answer),
    ]
    .concat();
    let title = format!("Subject {}, as known at the end of {}", answer.subject_id, answer.at);
    document(&Document {
        kicker: "Reasoning about one patient",
        title: &title,
        byline: &byline(answer),
        body: &body,
        synthetic: answer.synthetic,
        about: "Figures are a statistical model's, learned from records; they may be wrong, association is not effect, and a clinician decides. This page holds parts of a patient's record: keep it as the record is kept.",
        made_by: concat!("Made by osler ", env!("CARGO_PKG_VERSION"), " reason. The same is in its --json."),
    })
}

fn byline(answer: &Answer) -> String {
    let age = answer.age_years.map_or_else(|| "not known".to_owned(), super::text::age_in_words);
    let facts = [
        ("Age", age),
        ("Model", format!("{}, trained on {}", answer.model, answer.trained_on)),
        ("Digest", answer.model_digest.clone()),
        ("Record", format!("{} tokens read", answer.tokens_read)),
    ];
    let each =
        facts.iter().map(|(name, text)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(text)));
    format!(r#"<dl class="byline">{}</dl>"#, each.collect::<String>())
}
