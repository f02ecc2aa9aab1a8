//! The page of a privacy audit.

use super::page::{Document, document, escape};
use super::sections::{byline, cell, figure};
use super::svg::{Axis, Board, Ticks};
use crate::audit::Severity;
use crate::privacy::{Attacks, CanaryGroup, Membership, Neighbours, PrivacyReport};
use crate::words;
use std::fmt::Write;

/// The whole audit as one page.
pub(crate) fn html(report: &PrivacyReport) -> String {
    let about = &report.about;
    let title = match (about.title.as_str(), about.dataset.as_str()) {
        ("", "") => "What the model gives away".to_owned(),
        ("", dataset) => format!("What the model gives away: {dataset}"),
        (title, _) => title.to_owned(),
    };
    let body = [
        answer(&report.answer),
        findings(report),
        membership(&report.attacks),
        canaries(&report.attacks.canaries),
        report.attacks.neighbours.as_ref().map(neighbours).unwrap_or_default(),
        attributes(&report.attacks),
        methods(&report.attacks.methods),
    ]
    .concat();
    document(&Document {
        kicker: "Privacy audit",
        title: &title,
        byline: &byline(about),
        body: &body,
        synthetic: about.synthetic,
        about: "This audit describes what some attacks on one model found. That they found nothing is no proof that nothing can be found, and no statement about re-identification in law.",
        made_by: &format!(
            "Made by {}. The same numbers are in report.json and report.parquet.",
            if about.tool.is_empty() { "Osler" } else { &about.tool }
        ),
    })
}

/// The answer, the first sentence leading.
pub(super) fn answer(sentences: &[String]) -> String {
    let mut html =
        String::from(r#"<section id="answer" aria-labelledby="answer-h"><h2 id="answer-h">The answer</h2>"#);
    for (i, sentence) in sentences.iter().enumerate() {
        let class = if i == 0 { r#" class="lead""# } else { "" };
        let _ = write!(html, "<p{class}>{}</p>", escape(sentence));
    }
    html.push_str("</section>");
    html
}

/// Names and sentences as a list of methods.
pub(super) fn methods(facts: &[(String, String)]) -> String {
    let mut html = String::from(
        r#"<section aria-labelledby="methods-h"><h2 id="methods-h">How this was measured</h2><dl class="methods">"#,
    );
    for (name, text) in facts {
        let _ = write!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(text));
    }
    html.push_str("</dl></section>");
    html
}

fn findings(report: &PrivacyReport) -> String {
    let mut html = String::from(r#"<section aria-labelledby="findings-h"><h2 id="findings-h">Findings</h2>"#);
    if report.findings.is_empty() {
        html.push_str("<p>None.</p></section>");
        return html;
    }
    html.push_str("<ul>");
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Serious => "Serious",
            Severity::Warning => "Warning",
            Severity::Note => "Note",
        };
        let _ = write!(
            html,
            "<li><strong>{severity}: {}.</strong> {}</li>",
            finding.attack.words(),
            escape(&finding.what)
        );
    }
    html.push_str("</ul></section>");
    html
}

fn membership(attacks: &Attacks) -> String {
    if attacks.membership.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        r#"<section aria-labelledby="membership-h"><h2 id="membership-h">Can it be told who was trained on?</h2><p>Each record gets a score, higher for who looks like a training subject. An attacker who only cares to be right when he is sure is measured by how many he finds while hardly anybody else is accused.</p><div class="scroll"><table><thead><tr><th scope="col">Attack</th><th scope="col" class="n">Training</th><th scope="col" class="n">Held out</th><th scope="col" class="n">AUC</th><th scope="col" class="n">Noticed from</th><th scope="col" class="n">Found at 0.1 %</th><th scope="col" class="n">Found at 1 %</th></tr></thead><tbody>"#,
    );
    for attack in &attacks.membership {
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}</th><td class="n">{}</td><td class="n">{}</td>{}<td class="n">{}</td>"#,
            escape(&attack.attack),
            words::count(attack.members),
            words::count(attack.outsiders),
            cell(&attack.auc),
            attack.detectable_auc.map_or_else(|| words::NOTHING.to_owned(), words::number)
        );
        attack.found.iter().for_each(|found| html.push_str(&cell(&found.true_positive_rate)));
        html.push_str("</tr>");
    }
    html.push_str(r#"</tbody></table></div><div class="plots">"#);
    for (i, attack) in attacks.membership.iter().enumerate() {
        figure(&mut html, &curve(&format!("membership-{i}"), attack), &attack.attack);
    }
    html.push_str("</div></section>");
    html
}

/// Both axes in powers of ten, down to one in a thousand, where an attack matters.
fn curve(id: &str, attack: &Membership) -> String {
    let axis = |name| Axis { name, from: -3.0, to: 0.0, ticks: Ticks::Decimals(0) };
    let mut board = Board::new(
        340.0,
        300.0,
        &axis("Others accused (power of ten)"),
        &axis("Members found (power of ten)"),
    );
    let log = |share: f64| share.max(1e-3).log10();
    board.line("reference", [(-3.0, -3.0), (0.0, 0.0)]);
    board.line("model", attack.curve.iter().map(|(x, y)| (log(*x), log(*y))));
    let description = format!(
        "Share of members found against share of others accused, both as powers of ten from 0.001 to 1; the dotted line is guessing. AUC {}.",
        words::value(&attack.auc)
    );
    board.finish(id, &format!("Membership inference by the {}", attack.attack), &description)
}

fn canaries(groups: &[CanaryGroup]) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        r#"<section aria-labelledby="canaries-h"><h2 id="canaries-h">Are planted sequences remembered?</h2><p>Random sequences of codes, which are nobody's, stood in the training data. Exposure says how far up each ranks among others like it that did not: 0 bits at the bottom, 1.44 on average for what is not remembered, one more for each halving of the rank.</p><div class="scroll"><table><thead><tr><th scope="col">Planted</th><th scope="col" class="n">Canaries</th><th scope="col" class="n">Mean exposure, bits</th><th scope="col" class="n">Likelier than all references</th><th scope="col" class="n">References</th><th scope="col" class="n">p</th></tr></thead><tbody>"#,
    );
    for group in groups {
        let _ = write!(
            html,
            r#"<tr><th scope="row">{} ×</th><td class="n">{}</td>{}<td class="n">{}</td><td class="n">{}</td><td class="n">{}</td></tr>"#,
            group.repeats,
            group.canaries,
            cell(&group.mean),
            group.at_the_largest,
            words::count(group.references),
            group.p_value.map_or_else(|| words::NOTHING.to_owned(), words::number)
        );
    }
    let top = groups.iter().map(|g| g.largest_possible).fold(2.0, f64::max);
    let names = groups.iter().rev().map(|g| format!("{} ×", g.repeats)).collect();
    let mut board = Board::new(
        460.0,
        70.0 + 46.0 * groups.len() as f64,
        &Axis { name: "Exposure (bits)", from: 0.0, to: top, ticks: Ticks::Decimals(0) },
        &Axis { name: "Planted", from: 0.0, to: groups.len() as f64, ticks: Ticks::Names(names) },
    );
    let expected = std::f64::consts::LOG2_E;
    board.line("reference", [(expected, 0.0), (expected, groups.len() as f64)]);
    for (i, group) in groups.iter().enumerate() {
        let middle = i as f64 + 0.5;
        for (k, exposure) in group.exposures.iter().enumerate() {
            let off = ((k * 7919) % 11) as f64 / 11.0 - 0.5;
            board.dot("cloud", (*exposure, middle + 0.5 * off), 3.0);
        }
        if let Some(mean) = group.mean.value {
            board.dot("point-b", (mean, middle), 4.5);
        }
    }
    html.push_str(r#"</tbody></table></div><div class="forest">"#);
    let drawn = board.finish(
        "canaries-d",
        "Exposure of each canary",
        "A dot a canary, a ring for the mean, by how often they were planted; the dotted line is what is expected of what is not remembered.",
    );
    figure(&mut html, &drawn, "A dot a canary; ring: mean; dotted: not remembered");
    html.push_str("</div></section>");
    html
}

fn neighbours(near: &Neighbours) -> String {
    let mut html = String::from(
        r#"<section aria-labelledby="near-h"><h2 id="near-h">Are simulated patients copies of real ones?</h2><p>If a model merely learned what patients are like, its simulated patients lie as near to people it never saw as to those it was trained on.</p><div class="scroll"><table class="metrics"><tbody>"#,
    );
    let rows = [
        ("Nearest record was trained on", &near.nearest_in_training),
        ("Mean distance to the nearest training record", &near.distance_to_training),
        ("Mean distance to the nearest held-out record", &near.distance_to_held_out),
        ("The former over the latter", &near.ratio),
    ];
    for (name, estimate) in rows {
        let _ = write!(html, r#"<tr><th scope="row">{name}</th>{}</tr>"#, cell(estimate));
    }
    let number = |n: Option<f64>| n.map_or_else(|| words::NOTHING.to_owned(), words::number);
    for (name, text) in [
        ("Expected, if nothing is remembered", words::number(near.expected)),
        ("Permutation test, p", number(near.p_value)),
        ("Simulated patients", words::count(near.simulated)),
        ("Training records", words::count(near.training)),
        ("Held-out records", words::count(near.held_out)),
        ("Training records met code for code", words::count(near.copies_of_training)),
        ("Held-out records met code for code", words::count(near.copies_of_held_out)),
    ] {
        let _ = write!(html, r#"<tr><th scope="row">{name}</th><td class="n">{text}</td></tr>"#);
    }
    let axis = |name| Axis { name, from: 0.0, to: 1.0, ticks: Ticks::Decimals(1) };
    let mut board = Board::new(340.0, 300.0, &axis("Distance to held-out"), &axis("Distance to training"));
    board.line("reference", [(0.0, 0.0), (1.0, 1.0)]);
    near.quantiles.iter().for_each(|(a, b)| board.dot("point", (*b, *a), 3.5));
    let drawn = board.finish(
        "near-d",
        "Quantiles of the distances",
        "Each twentieth of the distances to training records against the same of the distances to held-out ones; dots below the dotted line are nearer to training records.",
    );
    html.push_str(r#"</tbody></table></div><div class="plots">"#);
    figure(&mut html, &drawn, "Quantiles; below the dotted line: nearer to training");
    html.push_str("</div></section>");
    html
}

fn attributes(attacks: &Attacks) -> String {
    if attacks.attributes.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        r#"<section aria-labelledby="attributes-h"><h2 id="attributes-h">Is a sensitive code told to who knows the rest?</h2><p>What medicine alone tells, it tells of held-out subjects too; what is told of training subjects beyond that was remembered.</p><div class="scroll"><table><thead><tr><th scope="col">Code</th><th scope="col" class="n">Training, with and without</th><th scope="col" class="n">Held out, with and without</th><th scope="col" class="n">AUC, training</th><th scope="col" class="n">AUC, held out</th><th scope="col" class="n">Difference</th></tr></thead><tbody>"#,
    );
    for code in &attacks.attributes {
        let pair =
            |(with, without): (usize, usize)| format!("{} / {}", words::count(with), words::count(without));
        let _ = write!(
            html,
            r#"<tr><th scope="row">{} <code>{}</code></th><td class="n">{}</td><td class="n">{}</td>{}{}{}</tr>"#,
            escape(&code.name),
            escape(&code.code),
            pair(code.training),
            pair(code.held_out),
            cell(&code.training_auc),
            cell(&code.held_out_auc),
            cell(&code.difference)
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}
