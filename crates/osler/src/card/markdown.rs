//! The card as Markdown.

use super::words::{count, interval, value};
use super::{Card, Entry, How, Table};
use std::fmt::Write;

/// Said on top of what rests on made-up records.
pub(super) const SYNTHETIC: &str = "Synthetic data: the records behind these numbers are simulated. They show that the software works; they say nothing about patients.";
/// Said at the end.
pub(super) const NOT_A_DEVICE: &str = "Not a medical device. A clinician decides.";

/// Writes it.
pub fn of(card: &Card) -> String {
    let mut text = format!("# Model card: {}\n\n", line(&card.title));
    if card.synthetic {
        let _ = writeln!(text, "> **{SYNTHETIC}**\n");
    }
    let _ = writeln!(text, "Digest `{}`, made by {}.\n", card.model_digest, card.tool);
    for sentence in &card.answer {
        let _ = writeln!(text, "{}\n", line(sentence));
    }
    for section in &card.sections {
        let _ = writeln!(text, "## {}\n\n*CHAI: {}*\n", section.title, section.chai.join("; "));
        for entry in &section.entries {
            let _ = match entry {
                Entry::Fact { name, told, source, .. } => {
                    writeln!(text, "- **{}:** {} [{source}]", line(name), line(told))
                }
                Entry::Stated { name, told, source } => {
                    writeln!(text, "- **{} (the site's words):** {} [{source}]", line(name), line(told))
                }
                Entry::Missing(missing) => {
                    writeln!(
                        text,
                        "- *{}: {} ({}).*",
                        missing.how.words(),
                        line(&missing.name),
                        line(&missing.why)
                    )
                }
            };
        }
        section.tables.iter().for_each(|each| table(&mut text, each));
        text.push('\n');
    }
    let _ = writeln!(text, "## What this card can't say\n");
    for how in [How::NotEvaluated, How::NotStated] {
        for missing in card.not_known.iter().filter(|missing| missing.how == how) {
            let _ = writeln!(text, "- {}: {} ({})", how.words(), line(&missing.name), line(&missing.why));
        }
    }
    let _ = writeln!(text, "\n## Sources\n\n| | What | File | Bytes | BLAKE3 |\n|---|---|---|---:|---|");
    for source in &card.sources {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | `{}` |",
            source.id,
            cell(&source.what),
            cell(&source.file),
            source.bytes,
            source.blake3
        );
    }
    let _ = writeln!(text, "\n{NOT_A_DEVICE}");
    text
}

fn table(text: &mut String, table: &Table) {
    let _ = writeln!(
        text,
        "\n**{}** [{}]. {} n: {}.\n",
        line(&table.title),
        table.source,
        line(&table.about),
        table.n_of
    );
    let _ = writeln!(text, "| | n | events | {} |", table.columns.join(" | "));
    let _ = writeln!(text, "|---|---:|---:|{}", "---:|".repeat(table.columns.len()));
    for row in &table.rows {
        let code = row.code.as_ref().map(|code| format!(" {}", verbatim(code))).unwrap_or_default();
        let _ = write!(text, "| {}{code} | {} | {} |", cell(&row.name), count(row.n), count(row.events));
        for figure in &row.figures {
            let interval = interval(figure).map(|text| format!(" ({})", cell(&text))).unwrap_or_default();
            let _ = write!(text, " {}{interval} |", value(figure));
        }
        text.push('\n');
    }
}

/// What others wrote stays one line, and is no markup.
fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '[' | ']' | '*' | '_' | '`' | '#' | '\\' => {
                safe.push('\\');
                safe.push(c);
            }
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A code of a table's cell, as it is written: nothing is markup between backticks.
fn verbatim(code: &str) -> String {
    let safe: String = code.chars().filter(|c| *c != '`' && !c.is_control()).collect();
    format!("`{}`", safe.replace('|', "\\|"))
}

fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_others_wrote_is_no_markup() {
        assert_eq!(super::verbatim("MEDS_DEATH"), "`MEDS_DEATH`");
        assert_eq!(super::verbatim("a`|b\n_*"), "`a\\|b_*`");
        assert_eq!(super::cell("a|b\n# c <script> *d*"), "a\\|b \\# c &lt;script> \\*d\\*");
    }
}
