//! The sections, each from the report's numbers alone.

use super::plots;
use super::words::{column, count, escape, percent, shown};
use crate::risk::{Adversary, RiskReport};
use std::fmt::Write;

pub(super) fn byline(report: &RiskReport) -> String {
    let about = &report.about;
    let or_unknown = |text: &str| if text.is_empty() { "not stated".to_owned() } else { escape(text) };
    let rows = [
        ("Subjects", count(report.subjects)),
        ("Events", count(report.events)),
        ("Policy", or_unknown(&about.policy)),
        ("Data set made", or_unknown(&about.made)),
        ("Digest", format!("<code>{}</code>", or_unknown(about.digest.get(..16).unwrap_or(&about.digest)))),
        ("Computed by", or_unknown(&about.tool)),
    ];
    let items = rows.iter().map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>"));
    format!(r#"<dl class="byline">{}</dl>"#, items.collect::<String>())
}

pub(super) fn answer(report: &RiskReport) -> String {
    let paragraphs = report.answer.iter().enumerate().map(|(i, sentence)| {
        let class = match i {
            0 => r#" class="lead""#,
            _ if i + 1 == report.answer.len() => r#" class="no-verdict""#,
            _ => "",
        };
        format!("<p{class}>{}</p>", escape(sentence))
    });
    format!(r#"<section id="answer"><h2>What was found</h2>{}</section>"#, paragraphs.collect::<String>())
}

/// A table with a caption and right-aligned numbers after the first column.
fn table(caption: &str, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut html = format!(r#"<div class="scroll"><table><caption>{caption}</caption><thead><tr>"#);
    for (i, name) in head.iter().enumerate() {
        let class = if i > 0 { r#" class="n""# } else { "" };
        let _ = write!(html, r#"<th scope="col"{class}>{name}</th>"#);
    }
    html += "</tr></thead><tbody>";
    for row in rows {
        html += "<tr>";
        for (i, cell) in row.iter().enumerate() {
            let _ = match i {
                0 => write!(html, r#"<th scope="row">{cell}</th>"#),
                _ => write!(html, r#"<td class="n">{cell}</td>"#),
            };
        }
        html += "</tr>";
    }
    html + "</tbody></table></div>"
}

pub(super) fn adversaries(report: &RiskReport) -> String {
    if report.uniqueness.is_empty() {
        return String::new();
    }
    let mut head = vec!["Who knows"];
    let names: Vec<String> = (1..=report.uniqueness[0].known.len()).map(|m| format!("{m} known")).collect();
    head.extend(names.iter().map(String::as_str));
    let rows = report.uniqueness.iter().map(|one| {
        let mut row = vec![format!("{}<small>{}</small>", one.adversary, one.knows)];
        row.extend(one.known.iter().map(|k| {
            format!("{}<small>{} to {}</small>", percent(k.share), percent(k.low), percent(k.high))
        }));
        row
    });
    let first = &report.uniqueness[0];
    let fewer =
        report.uniqueness.iter().flat_map(|u| &u.known).map(|k| k.targets_with_fewer).max().unwrap_or(0);
    let caption = format!(
        "Share of subjects who are unique, with 95 % intervals, from {} subjects at random and {} draws of known events \
         each (seed {}). At most {} of them have fewer events than are taken as known; then all of theirs are.",
        count(first.targets),
        first.draws,
        report.seed,
        count(fewer),
    );
    let absolute = |a: Adversary| matches!(a, Adversary::Years | Adversary::Months | Adversary::Days);
    let note = if report.uniqueness.iter().any(|u| absolute(u.adversary)) {
        "<p class=\"note\">Calendar times are compared as the data set shows them. Under a policy that shifts dates they \
         are not the true ones, and knowing true dates does not help as this figure says.</p>"
    } else {
        "<p class=\"note\">Calendar dates are not among what is known here: the policy moves each subject’s dates by an \
         offset of their own, so a true date fits nobody better than others. What it keeps are the intervals, and these \
         are tried. Somebody who knows a true date can still rule out subjects whose events lie farther from it than the \
         greatest offset; that is not in these figures.</p>"
    };
    format!(
        r#"<section><h2>Somebody who knows a few events of a person</h2><p>A neighbour, a colleague or another data set may tell that a person had certain diagnoses, tests or treatments. A subject is counted as unique when nobody else in the data set fits all that is known; whoever knows it then has the whole record. Values of tests are not taken as known.</p>{}{}{note}</section>"#,
        plots::uniqueness(&report.uniqueness),
        table(&caption, &head, rows),
    )
}

pub(super) fn classes(report: &RiskReport) -> String {
    let found = &report.classes;
    let columns = table(
        "The columns that somebody is assumed to know of everybody.",
        &["Column", "Different values", "Not recorded"],
        report
            .quasi_identifiers
            .iter()
            .map(|c| vec![escape(&column(&c.name)), count(c.values), percent(c.missing)]),
    );
    let absent = if report.absent.is_empty() {
        String::new()
    } else {
        let names: Vec<String> = report.absent.iter().map(|name| column(name)).collect();
        format!("<p class=\"note\">No subject has: {}.</p>", escape(&names.join(", ")))
    };
    let sizes = table(
        "Subjects by the size of their group.",
        &["Size of the group", "Groups", "Subjects", "Share"],
        found.distribution.iter().map(|b| {
            let share = b.subjects as f64 / report.subjects as f64;
            vec![plots::sizes(b), count(b.classes), count(b.subjects), percent(share)]
        }),
    );
    let below = table(
        "Subjects in groups smaller than k.",
        &["k", "Subjects", "Share"],
        found.below.iter().map(|b| vec![b.k.to_string(), count(b.subjects), percent(b.share)]),
    );
    let without = table(
        "What leaving one column out, or making it coarser, could bring at most: shares of subjects in groups smaller than k. The most helpful first.",
        &["Without", "Smallest group", "k = 2", "k = 5", "k = 11", "k = 20"],
        found.without.iter().map(|w| {
            let mut row = vec![escape(&column(&w.column)), w.smallest.to_string()];
            row.extend(w.below.iter().map(|b| percent(b.share)));
            row
        }),
    );
    format!(
        r#"<section><h2>Who looks like whom</h2><p>Subjects who show the same in every column below cannot be told apart by it. There are {} such groups; the smallest has {} (the data set is {}-anonymous for these columns).</p>{}{sizes}{below}<h3>Which columns make groups small</h3>{columns}{absent}{without}{}</section>"#,
        count(found.classes),
        found.smallest,
        found.smallest,
        plots::class_sizes(&found.distribution, report.subjects),
        profile(report),
    )
}

fn profile(report: &RiskReport) -> String {
    let Some(profile) = &report.classes.profile else {
        return format!(
            "<h3>Who is in small groups</h3><p>Fewer than {} subjects are in groups below {}; they are not described, since a description would point at them.</p>",
            report.threshold, report.threshold
        );
    };
    let caption = format!(
        "The {} subjects in groups smaller than {}, by value. Counts below {} are not shown, nor the next smallest where it would give them away.",
        count(profile.subjects),
        profile.below,
        report.threshold
    );
    let rows = profile.cells.iter().map(|cell| {
        let value = format!("{}: {}", escape(&column(&cell.column)), escape(&cell.value));
        vec![value, cell.subjects.map_or_else(|| "not shown".to_owned(), count)]
    });
    format!("<h3>Who is in small groups</h3>{}", table(&caption, &["Value", "Subjects"], rows))
}

pub(super) fn linkage(report: &RiskReport) -> String {
    let risk = &report.linkage;
    let known = table(
        "Somebody looks for a person whom they know to be in the data set (prosecutor), or links all of it to a register of the same people (marketer).",
        &["Risk", "Value"],
        [
            ("Prosecutor, highest (1 / smallest group)", risk.prosecutor_maximum),
            ("Prosecutor, average (groups / subjects)", risk.prosecutor_average),
            ("Marketer (share expected to be linked rightly)", risk.marketer),
        ]
        .map(|(name, value)| vec![name.to_owned(), percent(value)])
        .into_iter()
        .chain(risk.prosecutor_above.iter().map(|(limit, share)| {
            vec![format!("Subjects with a prosecutor risk above {}", percent(*limit)), percent(*share)]
        })),
    );
    let journalist = table(
        "Somebody looks for any member of a population that the data set is a random part of (journalist), by the share of the population assumed to be in it. Osler does not know that share.",
        &["Assumed share", "Highest", "Average"],
        risk.journalist.iter().map(|j| {
            let name = if j.asked { "stated: " } else { "" };
            vec![format!("{name}{}", percent(j.sampling_fraction)), percent(j.maximum), percent(j.average)]
        }),
    );
    format!(
        "<section><h2>Linking by these columns</h2><p>The chance that a link made by the columns above is right.</p>{known}{journalist}</section>"
    )
}

pub(super) fn sensitive(report: &RiskReport) -> String {
    let rows = report.sensitive.iter().map(|a| {
        let far = a.subjects_beyond.iter().find(|(limit, _)| *limit == 0.2).map_or(0.0, |(_, share)| *share);
        vec![
            format!("{}<small>{}</small>", escape(&a.name), a.values),
            a.subjects.map_or_else(|| "not shown".to_owned(), count),
            a.subjects_given_away.map_or_else(|| "not shown".to_owned(), count),
            a.diversity.distinct.to_string(),
            format!("{:.2}", a.diversity.entropy),
            format!("{:.2}<small>{}</small>", a.t, a.distance),
            percent(far),
        ]
    });
    let table = table(
        "Over all groups who look alike. l is the least in any group (1: a group where all are the same); t the greatest distance from everybody’s distribution. Counts below the threshold are not shown, nor those that would tell them by subtraction.",
        &[
            "Sensitive codes",
            "Subjects with any",
            "Given away by their group",
            "l, distinct",
            "l, entropy",
            "t",
            "Subjects in groups beyond t = 0.2",
        ],
        rows,
    );
    format!(
        r#"<section><h2>What finding the group tells</h2><p>Even without knowing which record is whose, finding a person’s group tells something when everybody in it has the same. A subject alone in a group is always such a case, so l is 1 wherever the smallest group is.</p>{table}</section>"#
    )
}

pub(super) fn cells(report: &RiskReport) -> String {
    let found = &report.cells;
    let rows = found.columns.iter().map(|c| {
        let share = c.small as f64 / c.cells.max(1) as f64;
        vec![escape(&column(&c.name)), count(c.cells), count(c.small), percent(share)]
    });
    let caption =
        format!("Counts of code × column that are not zero, and how many are below {}.", found.threshold);
    let table = table(&caption, &["Column", "Counts", "Small", "Share"], rows);
    let left_out = if found.left_out.is_empty() {
        String::new()
    } else {
        let names: Vec<String> = found.left_out.iter().map(|name| column(name)).collect();
        format!(
            "<p class=\"note\">Not crossed with codes, having too many values: {}.</p>",
            escape(&names.join(", "))
        )
    };
    format!(
        r#"<section><h2>Small counts</h2><p>Of {} codes, {} are in the records of fewer than {} subjects; {} subjects have at least one of these. A table of counts made from this data set would have small cells as below. The cells themselves are not printed.</p>{table}{left_out}</section>"#,
        count(found.codes),
        count(found.rare_codes),
        found.threshold,
        shown(found.subjects_with_rare_code, found.threshold),
    )
}

pub(super) fn text(report: &RiskReport) -> String {
    let body = match (&report.about.review, report.text.events) {
        (_, 0) => "<p>No event holds free text.</p>".to_owned(),
        (None, events) => format!(
            "<p>{} events of {} subjects hold free text. How many of them still name somebody can only be told by reading some: <code>osler deid review sample</code> draws them and makes a page for it, <code>osler deid report --verdicts</code> puts the result here.</p>",
            count(events),
            count(report.text.subjects)
        ),
        (Some(review), events) => {
            let mut rows = vec![
                vec!["Texts in the data set".to_owned(), count(review.population)],
                vec![
                    "Texts read, of those drawn".to_owned(),
                    format!("{} of {}", count(review.reviewed), count(review.sampled)),
                ],
                vec!["Texts with an identifier left".to_owned(), count(review.leaks)],
                vec!["Texts the reader was unsure of".to_owned(), count(review.unsure)],
            ];
            for (name, rate) in
                [("Leak rate", &review.rate), ("Leak rate if unsure is a leak", &review.rate_if_unsure_leak)]
            {
                rows.push(vec![
                    name.to_owned(),
                    format!(
                        "{}<small>{} to {}</small>",
                        percent(rate.share),
                        percent(rate.low),
                        percent(rate.high)
                    ),
                ]);
            }
            if let Some(bound) = review.rule_of_three {
                rows.push(vec!["Below this with 95 % confidence (rule of three)".to_owned(), percent(bound)]);
            }
            rows.extend(
                review
                    .kinds
                    .iter()
                    .map(|(kind, n)| vec![format!("Texts with a {}", escape(kind)), count(*n)]),
            );
            format!(
                "<p>{} events of {} subjects hold free text.</p>{}",
                count(events),
                count(report.text.subjects),
                table(
                    "What a reader found in texts drawn at random; exact 95 % intervals.",
                    &["", "Value"],
                    rows
                )
            )
        }
    };
    format!("<section><h2>Free text</h2>{body}</section>")
}

pub(super) fn limits(_report: &RiskReport) -> String {
    "<section><h2>What these figures leave out</h2><ul>\
     <li>Values of tests, doses and the order of events within a day are not taken as known; somebody who knows them finds more.</li>\
     <li>Columns and times are taken as the data set shows them. Where the policy changed them (shifted or coarsened dates, top-coded ages), somebody who knows the true ones finds fewer than stated. The figures are cautious there.</li>\
     <li>Known events are drawn at random from a record. What neighbours know is rather the rare and visible, which singles out more.</li>\
     <li>Who receives the data, what they agreed to and what else they hold is not in the figures.</li>\
     <li>Relatives, genetic data and images are not considered.</li></ul></section>"
        .to_owned()
}

pub(super) fn methods(report: &RiskReport) -> String {
    let rows = [
        ("Groups", "Equivalence classes over the columns; a missing value is a value. k-anonymity: L. Sweeney, Int J Uncertain Fuzz 2002;10:557.".to_owned()),
        ("Known events", format!("Distinct (code, day) pairs of a record, without birth, end of follow-up, columns above and what has no time. Unique: no other record holds all (Y.-A. de Montjoye et al., Sci Rep 2013;3:1376). Gaps count from the first event known, in days or in months of 30 days. Intervals: Wilson’s, at the effective number of independent draws. Seed {}.", report.seed)),
        ("Linkage", "With f the size of a group here, F in the population, n subjects: prosecutor max 1/f and Σ(f·1/f)/n; marketer Σ(f/F)/n; journalist the same with E(1/F | f), F given f negative binomial for the assumed share (Benedetti and Franconi 1998). K. El Emam, Guide to the De-Identification of Personal Health Information, 2013, ch. 16; F. Dankar, K. El Emam, PAIS 2010.".to_owned()),
        ("l-diversity", "Distinct, and the exponential of the entropy of values in a group: A. Machanavajjhala et al., ACM TKDD 2007;1:3.".to_owned()),
        ("t-closeness", "Earth mover’s distance between a group’s and everybody’s values, equal distances or ordered: N. Li, T. Li, S. Venkatasubramanian, ICDE 2007.".to_owned()),
        ("Small counts", format!("Of named values, counts from 1 to {} are not printed, with complementary suppression.", report.threshold - 1)),
        ("Review of text", "A simple random sample of texts. Intervals: Clopper and Pearson, Biometrika 1934;26:404. None found: below 3/n with 95 % confidence (Hanley and Lippman-Hand, JAMA 1983;249:1743).".to_owned()),
    ];
    let items =
        rows.iter().map(|(name, words)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(words)));
    format!(
        r#"<section><h2>How it was computed</h2><dl class="methods">{}</dl></section>"#,
        items.collect::<String>()
    )
}
