//! What the card says, section by section. The sections are those of Mitchell et al. 2019; each names the parts of CHAI's Applied
//! Model Card that it answers.

use super::evidence::Material;
use super::words::horizon;
use super::{Entry, Missing, Section, performance, trust};
use crate::progress::grouped;
use ::evaluate::audit::Severity;
use serde_json::Value;

/// All sections, in Mitchell's order; where the model stands is told with its details.
pub fn all(material: &Material) -> Vec<Section> {
    vec![
        details(material),
        intended_use(material),
        factors(material),
        metrics(material),
        evaluation_data(material),
        training_data(material),
        performance::section(material),
        trust::ethics(material),
        trust::caveats(material),
    ]
}

/// What a reader must know first.
pub fn answer(material: &Material, not_known: &[Missing]) -> Vec<String> {
    let mut said = Vec::new();
    said.push(match &material.governance {
        Some(standing) => {
            format!("{} stands as {} in its site's governance.", material.title(), standing.stage)
        }
        None => format!(
            "Where {} stands in its site's governance isn't told: no governance directory was given.",
            material.title()
        ),
    });
    match material.reports.first() {
        Some((_, report)) => said.extend(report.answer.iter().take(2).cloned()),
        None => said.push("It has not been evaluated, as far as this card was told.".to_owned()),
    }
    let of_reports = material.reports.iter().flat_map(|(_, report)| &report.audit.findings);
    said.extend(of_reports.filter(|f| f.severity == Severity::Serious).map(|f| f.what.clone()).take(3));
    let of_audits = material.audits.iter().flat_map(|(_, report)| &report.findings);
    said.extend(of_audits.filter(|f| f.severity == Severity::Serious).map(|f| f.what.clone()).take(3));
    said.push(format!(
        "{} things that a card should say are not known; they are listed at the end.",
        not_known.len()
    ));
    said
}

/// What the site says of a section; what it didn't say is said to be so.
pub(super) fn stated(material: &Material, section: &str) -> Vec<Entry> {
    let source = material.about_source.map(|source| material.evidence.id(source)).unwrap_or_default();
    let each = material.about.of(section);
    each.map(|(key, name, told)| match told {
        Some(told) => Entry::Stated { name: name.to_owned(), told: told.to_owned(), source: source.clone() },
        None => Entry::not_stated(name, format!("`{key}` in the site's file (--about) would say it")),
    })
    .collect()
}

fn details(material: &Material) -> Section {
    let (evidence, manifest, config) = (&material.evidence, material.manifest_source, material.config);
    let number = |name: &str, source, place: &str| match evidence.at(source, place).and_then(Value::as_u64) {
        Some(n) => evidence.told(name, grouped(n), source, place),
        None => evidence.fact(name, source, place),
    };
    let mut entries = stated(material, "details");
    entries.extend([
        evidence.fact("Digest of weights, vocabulary and settings", manifest, "/output_digest"),
        evidence.fact("Program that trained it", manifest, "/osler"),
        evidence.fact("Training ended", manifest, "/finished"),
        evidence.told(
            "Model type",
            "a causal transformer over timelines of codes, times and values, with heads for the next event, its waiting time and value, and \
             for the first occurrence of each code by nine horizons",
            config,
            "",
        ),
        number("Parameters", manifest, "/counts/parameters"),
        number("Codes in the vocabulary", config, "/vocabulary_size"),
        number("Decoder blocks", config, "/layers"),
        number("Width", config, "/width"),
        number("Tokens seen at once", config, "/context"),
    ]);
    let codes = evidence.at(config, "/risk/codes").and_then(Value::as_array).map_or(0, Vec::len);
    let until = *model::HORIZON_DAYS.last().unwrap_or(&0.0);
    entries.push(evidence.told(
        "Outcomes and outputs",
        format!(
            "the probability that each of {} codes is first recorded by each of {} horizons, the longest{}, death competing; futures drawn \
             event by event; a vector of the patient",
            grouped(codes as u64),
            model::HORIZONS,
            horizon(until)
        ),
        config,
        "/risk/codes",
    ));
    if material.manifest.settings["calibrated_from"].is_string() {
        entries.push(evidence.fact("Calibrated from the model", manifest, "/settings/calibrated_from"));
    }
    if material.manifest.settings["adopted_from"].is_string() {
        entries.push(evidence.fact(
            "Reads another site's codes as those of the model",
            manifest,
            "/settings/adopted_from",
        ));
    }
    if evidence.at(manifest, "/settings/from").is_some() {
        entries.push(evidence.fact("Trained on from the model", manifest, "/settings/from"));
    }
    entries.extend(match &material.governance {
        Some(standing) => standing.entries(evidence),
        None => vec![Entry::not_stated(
            "Release stage",
            "no governance directory was given (--governance), so neither stage nor approvals are told",
        )],
    });
    Section {
        id: "details",
        title: "Model details",
        chai: vec!["Basic info", "Release info", "Model summary", "Trust ingredients: AI system facts"],
        entries,
        tables: Vec::new(),
    }
}

fn intended_use(material: &Material) -> Section {
    Section {
        id: "use",
        title: "Intended use",
        chai: vec!["Uses and directions"],
        entries: stated(material, "use"),
        tables: Vec::new(),
    }
}

/// Properties by which people should be told apart, as `osler evaluate --events` knows them.
const FACTORS: [&str; 7] = ["sex", "age", "race", "ethnicity", "language", "payer", "site"];

fn factors(material: &Material) -> Section {
    let mut entries = stated(material, "factors");
    for factor in FACTORS {
        let found = material.reports.iter().find_map(|(source, report)| {
            report.tasks.iter().enumerate().find_map(|(i, task)| {
                let dimensions = &task.fairness.as_ref()?.dimensions;
                let place = dimensions.iter().position(|dimension| dimension.by == factor)?;
                let groups: Vec<&str> =
                    dimensions[place].groups.iter().map(|group| group.group.as_str()).collect();
                Some((*source, format!("/tasks/{i}/fairness/dimensions/{place}"), groups.join(", ")))
            })
        });
        entries.push(match found {
            Some((source, place, groups)) => {
                material.evidence.told(&format!("People told apart by {factor}"), groups, source, &place)
            }
            None => Entry::not_evaluated(
                format!("Performance by {factor}"),
                match material.reports.is_empty() {
                    true => "no evaluation was given (--report)",
                    false => "no evaluation tells people apart by it (osler evaluate --events)",
                },
            ),
        });
    }
    Section {
        id: "factors",
        title: "Factors",
        chai: vec!["Key metrics: fairness and equity"],
        entries,
        tables: Vec::new(),
    }
}

fn metrics(material: &Material) -> Section {
    let mut entries = stated(material, "metrics");
    for (source, report) in &material.reports {
        entries.push(material.evidence.told(
            "Intervals",
            format!(
                "{} % percentile intervals over {} draws of subjects, seed {}",
                report.bootstrap.confidence * 100.0,
                grouped(report.bootstrap.draws as u64),
                report.bootstrap.seed
            ),
            *source,
            "/bootstrap",
        ));
        entries.push(material.evidence.told(
            "What is measured",
            format!(
                "ranking (AUROC, average precision), calibration (observed over expected, slope), Brier score weighted for censoring, what acting \
                 at thresholds would mean; outcomes that fewer than {} people had, or hadn't, are named, not measured; groups with fewer than {} \
                 such people are not told",
                report.min_events, report.small_cell
            ),
            *source,
            "/min_events",
        ));
    }
    if material.reports.is_empty() {
        entries.push(Entry::not_evaluated("Measures of performance", "no evaluation was given (--report)"));
    }
    Section {
        id: "metrics",
        title: "Metrics",
        chai: vec!["Key metrics: test type"],
        entries,
        tables: Vec::new(),
    }
}

fn evaluation_data(material: &Material) -> Section {
    let mut entries = Vec::new();
    for (source, report) in &material.reports {
        for (name, place) in [
            ("Data set", "/about/dataset"),
            ("People", "/about/split"),
            ("When they were asked about", "/about/prediction_times"),
            ("Outcomes", "/about/outcomes"),
            ("Beside what", "/about/baseline"),
        ] {
            entries.push(match material.evidence.at(*source, place).and_then(Value::as_str) {
                Some(text) if !text.is_empty() => material.evidence.fact(name, *source, place),
                _ => Entry::not_stated(name, "the evaluation doesn't say"),
            });
        }
        let most = |of: fn(&::evaluate::TaskReport) -> usize| {
            report.tasks.iter().enumerate().max_by_key(|(_, task)| of(task)).map(|(i, task)| (i, of(task)))
        };
        if let Some((i, subjects)) = most(|task| task.subjects) {
            entries.push(material.evidence.told(
                "Most people asked about one outcome",
                grouped(subjects as u64),
                *source,
                &format!("/tasks/{i}/subjects"),
            ));
        }
    }
    if material.reports.is_empty() {
        entries.push(Entry::not_evaluated(
            "Performance on people held out",
            "no evaluation was given (--report)",
        ));
    } else if material.reports.iter().all(|(_, report)| report.about.dataset == material.manifest.dataset) {
        entries.push(Entry::not_evaluated(
            "Performance at another place",
            "every evaluation given is on the data set that the model was trained on",
        ));
    }
    if !material.reports.iter().any(|(_, report)| report.silent.is_some()) {
        entries.push(Entry::not_evaluated(
            "Performance on people to come (silent running)",
            "no evaluation of a log was given (osler evaluate --silent)",
        ));
    }
    Section {
        id: "evaluation-data",
        title: "Evaluation data",
        chai: vec!["Key metrics: testing data description"],
        entries,
        tables: Vec::new(),
    }
}

fn training_data(material: &Material) -> Section {
    let (evidence, manifest) = (&material.evidence, material.manifest_source);
    let mut entries = stated(material, "training");
    entries.extend([
        evidence.fact("Data set", manifest, "/dataset"),
        evidence.told(
            "Kind of records",
            if material.manifest.synthetic { "synthetic: nobody's" } else { "people's, de-identified" },
            manifest,
            "/synthetic",
        ),
    ]);
    entries.push(match evidence.at(manifest, "/counts/training_subjects").and_then(Value::as_u64) {
        Some(n) => evidence.told("People trained on", grouped(n), manifest, "/counts/training_subjects"),
        None => Entry::not_evaluated("People trained on", "the model's manifest doesn't count them"),
    });
    for (name, place) in [("Steps", "/counts/steps"), ("Step whose weights were kept", "/counts/best_step")] {
        if let Some(n) = evidence.at(manifest, place).and_then(Value::as_u64) {
            entries.push(evidence.told(name, grouped(n), manifest, place));
        }
    }
    match material.training_log {
        Some(log) => entries.push(evidence.told(
            "Course of the training",
            "every step and every look at the tuning people, in the log",
            log,
            "",
        )),
        None => {
            entries.push(Entry::not_evaluated("Course of the training", "the model's directory holds no log"))
        }
    }
    for (source, events) in &material.events {
        match &events.deidentification {
            Some(_) => {
                entries.push(evidence.fact(
                    "De-identified by the policy",
                    *source,
                    "/deidentification/policy",
                ));
                let digest = "/deidentification/policy_blake3";
                entries.push(evidence.fact("Digest of that policy", *source, digest));
            }
            None if events.synthetic => entries.push(evidence.told(
                "De-identification",
                "none was needed: the records are nobody's",
                *source,
                "/synthetic",
            )),
            None => entries.push(Entry::not_evaluated(
                "De-identification",
                "the events' manifest tells of none by this program",
            )),
        }
    }
    if material.events.is_empty() {
        entries.push(Entry::not_evaluated(
            "De-identification of the training data",
            "the events were not given (--events)",
        ));
    }
    Section {
        id: "training-data",
        title: "Training data",
        chai: vec!["Trust ingredients: development data characterization"],
        entries,
        tables: Vec::new(),
    }
}
