//! The card as one page that needs no network and no script, and prints.

use super::markdown::NOT_A_DEVICE;
use super::words::{count, interval, value};
use super::{Card, Entry, Figure, How, Section, Source, Table};
use ::evaluate::pages::{Document, document, escape};
use std::fmt::Write;

/// Writes it.
pub fn html(card: &Card) -> String {
    let body = [
        answer(&card.answer),
        card.sections.iter().map(section).collect::<String>(),
        not_known(card),
        sources(&card.sources),
    ]
    .concat();
    document(&Document {
        kicker: "Model card",
        title: &card.title,
        byline: &byline(card),
        body: &body,
        synthetic: card.synthetic,
        about: &format!(
            "{NOT_A_DEVICE} This card says what files at hand hold; what they don't hold isn't filled in. What the site stated nobody has checked."
        ),
        made_by: &format!("Made by {}. The same is in card.json and card.md.", card.tool),
    })
}

fn byline(card: &Card) -> String {
    let stage = card.stage.as_deref().unwrap_or("not told");
    let facts = [("Trained on", card.dataset.as_str()), ("Stage", stage), ("Digest", &card.model_digest)];
    let each =
        facts.iter().map(|(name, text)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(text)));
    format!(r#"<dl class="byline">{}</dl>"#, each.collect::<String>())
}

fn answer(sentences: &[String]) -> String {
    let mut html =
        String::from(r#"<section id="answer" aria-labelledby="answer-h"><h2 id="answer-h">In short</h2>"#);
    for (i, sentence) in sentences.iter().enumerate() {
        let class = if i == 0 { r#" class="lead""# } else { "" };
        let _ = write!(html, "<p{class}>{}</p>", escape(sentence));
    }
    html.push_str("</section>");
    html
}

fn section(section: &Section) -> String {
    let id = section.id;
    let mut html = format!(
        r#"<section aria-labelledby="{id}-h"><h2 id="{id}-h">{}</h2><p class="note">CHAI Applied Model Card: {}.</p><dl class="methods">"#,
        escape(section.title),
        escape(&section.chai.join("; "))
    );
    for entry in &section.entries {
        let _ = match entry {
            Entry::Fact { name, told, source, place } => write!(
                html,
                r#"<div><dt>{}</dt><dd>{} {}</dd></div>"#,
                escape(name),
                escape(told),
                link(source, place)
            ),
            Entry::Stated { name, told, source } => write!(
                html,
                r#"<div><dt>{} <small>in the site's words</small></dt><dd>{} {}</dd></div>"#,
                escape(name),
                escape(told),
                link(source, "")
            ),
            Entry::Missing(missing) => write!(
                html,
                "<div><dt>{}</dt><dd><strong>{}:</strong> {}.</dd></div>",
                escape(&missing.name),
                missing.how.words(),
                escape(&missing.why)
            ),
        };
    }
    html.push_str("</dl>");
    section.tables.iter().for_each(|each| table(&mut html, each));
    html.push_str("</section>");
    html
}

fn table(html: &mut String, table: &Table) {
    let _ = write!(
        html,
        r#"<h3>{}</h3><div class="scroll"><table><caption>{} n: {}. From {}.</caption><thead><tr><td></td><th scope="col" class="n">n</th><th scope="col" class="n">Events</th>"#,
        escape(&table.title),
        escape(&table.about),
        table.n_of,
        link(&table.source, "")
    );
    for column in &table.columns {
        let _ = write!(html, r#"<th scope="col" class="n">{}</th>"#, escape(column));
    }
    html.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        let code =
            row.code.as_ref().map(|code| format!(" <code>{}</code>", escape(code))).unwrap_or_default();
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}{code}</th><td class="n">{}</td><td class="n">{}</td>"#,
            escape(&row.name),
            count(row.n),
            count(row.events)
        );
        row.figures.iter().for_each(|each| figure(html, each));
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
}

fn figure(html: &mut String, figure: &Figure) {
    let below = interval(figure).map(|text| format!("<small>{}</small>", escape(&text))).unwrap_or_default();
    let _ = write!(html, r#"<td class="n" title="{}">{}{below}</td>"#, escape(&figure.place), value(figure));
}

/// A file, and where in it.
fn link(source: &str, place: &str) -> String {
    format!(r##"<a href="#{0}" title="{1}">[{0}]</a>"##, escape(source), escape(place))
}

fn not_known(card: &Card) -> String {
    let mut html = String::from(
        r#"<section aria-labelledby="not-known-h"><h2 id="not-known-h">What this card can't say</h2>"#,
    );
    for how in [How::NotEvaluated, How::NotStated] {
        let of_it: Vec<_> = card.not_known.iter().filter(|missing| missing.how == how).collect();
        if of_it.is_empty() {
            continue;
        }
        let _ = write!(html, "<h3>{}</h3><ul>", how.words());
        for missing in of_it {
            let _ = write!(html, "<li>{}: {}</li>", escape(&missing.name), escape(&missing.why));
        }
        html.push_str("</ul>");
    }
    html.push_str("</section>");
    html
}

fn sources(sources: &[Source]) -> String {
    let mut html = String::from(
        r#"<section aria-labelledby="sources-h"><h2 id="sources-h">Sources</h2><div class="scroll"><table><caption>The files that this card was made from. A pointer into the file stands with each fact and figure.</caption><thead><tr><td></td><th scope="col">What</th><th scope="col">File</th><th scope="col" class="n">Bytes</th><th scope="col">BLAKE3</th></tr></thead><tbody>"#,
    );
    for source in sources {
        let _ = write!(
            html,
            r#"<tr id="{0}"><th scope="row">{0}</th><td>{1}</td><td>{2}</td><td class="n">{3}</td><td><code>{4}</code></td></tr>"#,
            escape(&source.id),
            escape(&source.what),
            escape(&source.file),
            count(Some(source.bytes)),
            escape(&source.blake3)
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}
