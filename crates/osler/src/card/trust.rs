//! Ethical considerations and caveats: what the model gives away, whether its numbers are what they seem, and what to do about it.

use super::evidence::{Evidence, Material, SourceId};
use super::sections::stated;
use super::{Entry, Row, Section, Table};
use ::evaluate::audit::Severity;
use ::evaluate::privacy::PrivacyReport;

pub fn ethics(material: &Material) -> Section {
    let mut entries = stated(material, "ethics");
    let mut tables = Vec::new();
    for (source, report) in &material.audits {
        privacy(&material.evidence, *source, report, &mut entries, &mut tables);
    }
    if material.audits.is_empty() {
        entries.push(Entry::not_evaluated(
            "What the model gives away of those it was trained on",
            "no audit was given (osler audit, --audit)",
        ));
    }
    Section {
        id: "ethics",
        title: "Ethical considerations",
        chai: vec!["Warnings", "Trust ingredients: bias mitigation, transparency"],
        entries,
        tables,
    }
}

pub fn caveats(material: &Material) -> Section {
    let mut entries = stated(material, "caveats");
    for (source, report) in &material.reports {
        for (i, finding) in report.audit.findings.iter().enumerate() {
            if finding.severity > Severity::Note {
                entries.push(material.evidence.told(
                    &format!("{}: {}", severity(finding.severity), finding.check.words()),
                    finding.what.clone(),
                    *source,
                    &format!("/audit/findings/{i}"),
                ));
            }
        }
        entries.extend(report.audit.not_made.iter().map(|check| {
            Entry::not_evaluated(
                check.words(),
                "the evaluation had not what the check needs (--events, --altered)",
            )
        }));
    }
    if material.reports.is_empty() {
        entries.push(Entry::not_evaluated("Leakage and shortcuts", "no evaluation was given (--report)"));
    }
    entries.push(Entry::not_evaluated(
        "Effect on patients' outcomes",
        "no trial or impact study is among what this program knows; the site's file may name one",
    ));
    Section {
        id: "caveats",
        title: "Caveats and recommendations",
        chai: vec![
            "Warnings: known risks and limitations",
            "Key metrics: safety and reliability",
            "Resources",
        ],
        entries,
        tables: Vec::new(),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Serious => "Serious",
        Severity::Warning => "Warning",
        Severity::Note => "Note",
    }
}

fn privacy(
    evidence: &Evidence,
    source: SourceId,
    report: &PrivacyReport,
    entries: &mut Vec<Entry>,
    tables: &mut Vec<Table>,
) {
    let answer = report.answer.iter().enumerate();
    entries.extend(
        answer.map(|(i, told)| evidence.told("Privacy", told.clone(), source, &format!("/answer/{i}"))),
    );
    for (i, finding) in report.findings.iter().enumerate() {
        entries.push(evidence.told(
            &format!("{}: {}", severity(finding.severity), finding.attack.words()),
            finding.what.clone(),
            source,
            &format!("/findings/{i}"),
        ));
    }
    let not_made = report.attacks.not_made.iter();
    entries.extend(not_made.map(|(attack, why)| Entry::not_evaluated(attack.words(), why.clone())));
    let confidence = report.bootstrap.confidence;
    let of = |place: &str, n: Option<u64>| evidence.estimate(source, place, n, confidence);
    let mut rows: Vec<Row> = Vec::new();
    for (i, attack) in report.attacks.membership.iter().enumerate() {
        let n = Some((attack.members + attack.outsiders) as u64);
        rows.push(Row {
            name: format!("Who was trained on, by the {}: AUC", attack.attack),
            code: None,
            n,
            events: Some(attack.members as u64),
            figures: vec![of(&format!("/attacks/membership/{i}/auc"), n)],
        });
    }
    for (i, group) in report.attacks.canaries.iter().enumerate() {
        let n = Some(group.canaries as u64);
        rows.push(Row {
            name: format!("Exposure of sequences planted {} times, in bits (1.44 is chance)", group.repeats),
            code: None,
            n,
            events: None,
            figures: vec![of(&format!("/attacks/canaries/{i}/mean"), n)],
        });
    }
    if let Some(near) = &report.attacks.neighbours {
        let n = Some(near.simulated as u64);
        rows.push(Row {
            name: "Simulated patients nearer to a training record than to a held-out one: share".to_owned(),
            code: None,
            n,
            events: None,
            figures: vec![of("/attacks/neighbours/nearest_in_training", n)],
        });
    }
    for (i, code) in report.attacks.attributes.iter().enumerate() {
        let n = Some((code.training.0 + code.training.1 + code.held_out.0 + code.held_out.1) as u64);
        rows.push(Row {
            name: format!("{} told from the rest of a record: AUC in training less held out", code.name),
            code: Some(code.code.clone()),
            n,
            events: Some((code.training.0 + code.held_out.0) as u64),
            figures: vec![of(&format!("/attacks/attributes/{i}/difference"), n)],
        });
    }
    if !rows.is_empty() {
        tables.push(Table {
            title: "What attacks on the model found".to_owned(),
            about: "The second number is how many were trained on, or have the code. That an attack finds nothing proves nothing.".to_owned(),
            source: evidence.id(source),
            n_of: "people, sequences or simulated patients",
            columns: vec!["Found"],
            rows,
        });
    }
}
