use super::*;
use proptest::prelude::*;

const ORDINARY: &[&str] =
    &["will", "long", "rose", "brown", "patient", "lung", "young", "the", "reports", "marks", "may"];

fn chart(identities: &[(IdentityKind, &str)]) -> Chart {
    let identities: Vec<SourceIdentity> =
        identities.iter().map(|&(kind, text)| SourceIdentity { kind, text: text.into() }).collect();
    Chart::new(&identities)
}

fn found<'t>(chart: &Chart, text: &'t str) -> Vec<&'t str> {
    let mut spans = Vec::new();
    chart.find(text, &|word| ORDINARY.contains(&word), &mut spans);
    super::super::settle(&mut spans);
    spans.iter().map(|span| &text[span.range()]).collect()
}

#[test]
fn a_name_is_found_however_it_is_written() {
    let chart =
        chart(&[(IdentityKind::Name, "Núñez Rey, Roberta M."), (IdentityKind::OtherName, "Dr. Hal Öst, MD")]);
    for (text, want) in [
        ("Roberta Núñez was seen", "Roberta Núñez"),
        ("NUNEZ REY, ROBERTA M.", "NUNEZ REY, ROBERTA M."),
        ("spoke with bobbie today", "bobbie"),
        ("R. Nuñez agreed", "R. Nuñez"),
        ("Ms. Nunes agreed", "Nunes"),
        ("seen by Dr Oest and Dr. Ost", "Ost"),
        ("R0berta slept", "R0berta"),
        ("Rohcrta slept", "Rohcrta"),
        ("t. nunez slept", "t. nunez"),
        ("Roberta\nNúñez slept", "Roberta\nNúñez"),
        ("Roberta's pain", "Roberta"),
        ("Robertas pain", "Robertas"),
        ("R.M.N. came", "R.M.N."),
        ("r.m.n. came", "r.m.n."),
        ("take p.o. b.i.d.", ""),
        ("patient RMN came", "RMN"),
        ("mail rnunez", ""),
        ("log-in rrey", "rrey"),
    ] {
        let spans = found(&chart, text);
        match want {
            "" => assert!(spans.is_empty(), "{text}: {spans:?}"),
            want => assert!(spans.contains(&want), "{text}: {spans:?}"),
        }
    }
}

#[test]
fn a_name_that_is_a_word_counts_where_it_stands_as_a_name() {
    let chart = chart(&[(IdentityKind::Name, "Long, Will"), (IdentityKind::OtherName, "Foley, Rose")]);
    for (text, want) in [
        ("Will follow up. The long bone.", &[][..]),
        ("WILL FOLLOW UP IN A LONG TIME", &[]),
        ("Mr. Long will follow up", &["Long"]),
        ("today Will reports", &["Will"]),
        ("LONG, WILL", &["LONG, WILL"]),
        ("a Foley catheter was placed", &[]),
        ("PID|1||77||LONG^WILL^Q||", &["LONG^WILL^Q"]),
        ("Will says that\nRose came", &["Will", "Rose"]),
        ("Long's wife\nLong", &["Long", "Long"]),
        ("Nurse Foley came; Foley's catheter", &["Foley"]),
        ("no rose spots", &[]),
    ] {
        assert_eq!(found(&chart, text), want, "{text}");
    }
}

#[test]
fn addresses_are_found_whole_and_in_part() {
    let chart = chart(&[
        (IdentityKind::AddressLine, "12 North Elm Street Apt 4"),
        (IdentityKind::City, "Orange"),
        (IdentityKind::PostalCode, "01970-1234"),
        (IdentityKind::Organization, "Saint Ælfric General Hospital Inc"),
    ]);
    for (text, want) in [
        ("lives at 12 N. Elm St., Apt 4 with", &["12 N. Elm St., Apt 4"][..]),
        ("on north elm st since", &["north elm st"]),
        ("12 north elm", &["12 north elm"]),
        ("moved to Orange, 01970", &["Orange", "01970"]),
        ("ZIP 01970-1234", &["01970-1234"]),
        ("at St. Aelfric today", &["St. Aelfric"]),
        ("12 tablets, apt to fall", &[]),
        ("12 N0rth E1m\nStreet", &["12 N0rth E1m\nStreet"]),
        ("at St. Aelfric General -\nHospital", &["St. Aelfric General -\nHospital"]),
    ] {
        assert_eq!(found(&chart, text), want, "{text}");
    }
}

#[test]
fn distances_of_one() {
    for (a, b, near) in [
        ("anna", "anna", true),
        ("anna", "ana", true),
        ("anna", "anan", true),
        ("anna", "anne", true),
        ("anna", "annas", true),
        ("anna", "nana", true),
        ("anna", "enne", false),
        ("anna", "an", false),
    ] {
        assert_eq!(within_one(a, b), near, "{a} {b}");
        assert_eq!(within_one(b, a), near, "{b} {a}");
    }
}

proptest! {
    #[test]
    fn any_chart_and_any_text_give_spans_on_characters(
        names in proptest::collection::vec("\\PC{0,20}", 0..8),
        text in "\\PC{0,200}",
        mixed in proptest::collection::vec(0usize..8, 0..8),
    ) {
        let kinds = [
            IdentityKind::Name, IdentityKind::Organization, IdentityKind::AddressLine, IdentityKind::City,
            IdentityKind::Phone, IdentityKind::BirthDate, IdentityKind::RecordNumber, IdentityKind::PostalCode,
        ];
        let identities: Vec<_> = names.iter().enumerate().map(|(i, name)| (kinds[i % 8], name.as_str())).collect();
        let chart = chart(&identities);
        // Parts of the chart within the text, so that something is found.
        let text = mixed.iter().fold(text, |text, &at| format!("{text} {}", names.get(at).map_or("", |n| n)));
        let mut spans = Vec::new();
        chart.find(&text, &|_| false, &mut spans);
        for span in &spans {
            prop_assert!(text.get(span.range()).is_some_and(|found| !found.is_empty()));
        }
    }

    #[test]
    fn a_whole_name_is_never_missed(given in "[A-Z][a-z]{2,9}", family in "[A-Z][a-z]{2,9}", shout: bool, swap: bool) {
        let chart = chart(&[(IdentityKind::Name, &format!("{family}, {given}"))]);
        let name = if swap { format!("{family}, {given}") } else { format!("{given} {family}") };
        let name = if shout { name.to_uppercase() } else { name };
        let text = format!("Seen today: {name} in clinic.");
        prop_assert!(found(&chart, &text).contains(&name.as_str()));
    }
}
