use super::*;
use crate::text::Scratch;
use proptest::prelude::*;
use std::sync::LazyLock;

static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::shipped);

fn chart(identities: &[(IdentityKind, &str)]) -> Chart {
    let identities: Vec<SourceIdentity> =
        identities.iter().map(|&(kind, text)| SourceIdentity { kind, text: text.into() }).collect();
    Chart::new(&identities)
}

fn all(chart: &Chart, text: &str) -> Vec<Span> {
    let (mut scratch, mut spans) = (Scratch::default(), Vec::new());
    chart.find(&Page::read(text, &LEXICON, &mut scratch), &LEXICON, &mut spans);
    spans
}

fn found<'t>(chart: &Chart, text: &'t str) -> Vec<&'t str> {
    let mut spans = all(chart, text);
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
        ("Ms. Nunex agreed", "Nunex"),
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
fn particles_go_with_their_name() {
    let chart = chart(&[
        (IdentityKind::Name, "van den Heuvel, Joris H."),
        (IdentityKind::OtherName, "Art St. James"),
        (IdentityKind::OtherName, "O'Hara, Colm"),
        (IdentityKind::OtherName, "Beatriz de los Santos"),
    ]);
    for (text, want) in [
        ("Quiet night. van den Heuvel refused the mask.", "van den Heuvel"),
        ("PT VAN DEN HEUVEL  JORIS, 44", "VAN DEN HEUVEL  JORIS"),
        ("Wound clean. B. de los Santos walked.", "B. de los Santos"),
        ("jar of \"de los Santos  Beatriz\" here", "de los Santos  Beatriz"),
        ("beatriz dc los santos 28f", "dc los santos"),
        ("Room 7: Art St. James, 19M", "Art"),
        ("see Dr 0'Hara", "0'Hara"),
        ("the van stopped; James came", "James"),
        ("den of thieves", ""),
    ] {
        let spans = found(&chart, text);
        match want {
            "" => assert!(spans.is_empty(), "{text}: {spans:?}"),
            want => assert!(spans.contains(&want), "{text}: {spans:?}"),
        }
    }
}

#[test]
fn initials_that_mean_something_else_count_where_a_person_stands() {
    let chart = chart(&[
        (IdentityKind::Name, "Sands, Hector"),
        (IdentityKind::OtherName, "Dunn, Oscar"),
        (IdentityKind::OtherName, "Torvald, Šimon"),
        (IdentityKind::OtherName, "Sloan, Mia"),
    ]);
    for (text, want) in [
        ("Slept till dawn.\nH.S. ate badly.", "H.S."),
        ("Voicemail left w/ O.D.. Waiting.", "O.D."),
        ("VISIT June 2 - H.S.\nH.S. says so", "H.S."),
        ("Lines flushed. Š.T. (stepmother) came.", "Š.T."),
        ("Pt MS spat out the syrup.", "MS"),
        ("one tablet h.s. as needed", ""),
        ("O.D. 20/40 without glasses", ""),
        ("MS since 1990", ""),
    ] {
        let spans = found(&chart, text);
        match want {
            "" => assert!(spans.is_empty(), "{text}: {spans:?}"),
            want => assert!(spans.contains(&want), "{text}: {spans:?}"),
        }
    }
}

#[test]
fn a_town_and_an_organization_are_found_by_the_part_that_is_said() {
    let chart = chart(&[
        (IdentityKind::AddressLine, "58 Larkspur Crest Suite 4"),
        (IdentityKind::City, "Hull Town"),
        (IdentityKind::Organization, "Cove General Hospital - Main Campus"),
        (IdentityKind::Organization, "Mental Health Clinic of Larkspur"),
    ]);
    assert!(found(&chart, "mental health was asked about").is_empty());
    assert_eq!(
        found(&chart, "lives 58 larkspur crest, apt. 4 hull. knee warm"),
        ["58 larkspur crest, apt. 4 hull"]
    );
    assert_eq!(found(&chart, "LIVES ALONE IN HULL. WELL."), ["HULL"]);
    assert_eq!(found(&chart, "treated at COVE GENERAL HOSPITAL since"), ["COVE GENERAL HOSPITAL"]);
    assert!(found(&chart, "the hull of a seed; general hospital care").is_empty());
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
        let spans = all(&chart, &text);
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

/// What a scanner makes of a line when it takes every `nth` letter or digit, from the `from`th on, for another.
fn misread(text: &str, nth: usize, from: usize) -> String {
    const TAKEN_FOR: &[(char, &str)] = &[
        ('0', "O"),
        ('1', "l"),
        ('5', "S"),
        ('8', "B"),
        ('2', "Z"),
        ('6', "G"),
        ('9', "g"),
        ('o', "0"),
        ('O', "0"),
        ('l', "1"),
        ('I', "l"),
        ('i', "l"),
        ('s', "5"),
        ('S', "5"),
        ('B', "8"),
        ('e', "c"),
        ('c', "e"),
        ('m', "rn"),
        ('w', "vv"),
        ('d', "cl"),
        ('h', "b"),
        ('u', "v"),
        ('g', "9"),
        ('z', "2"),
        ('n', "ri"),
        ('a', "o"),
        ('t', "f"),
        ('7', "T"),
        ('4', "A"),
        ('3', "E"),
    ];
    let mut met = 0;
    let mut out = String::new();
    for letter in text.chars() {
        let other = TAKEN_FOR.iter().find(|(of, _)| *of == letter);
        met += usize::from(other.is_some());
        match other {
            Some((_, other)) if met > from && (met - from).is_multiple_of(nth) => out.push_str(other),
            _ => out.push(letter),
        }
    }
    out
}

#[test]
fn a_street_is_found_however_a_scanner_reads_it() {
    let streets = [
        "1038 Skiles Trailer Unit 3",
        "430 Kub Tunnel",
        "927 Hettinger Brook Apt 54",
        "5 Old Mill Way",
        "80 West Ida Ramp Suite 12",
        "612 O'Keefe Mews",
    ];
    let (mut whole, mut all) = (0, 0);
    for street in streets {
        let chart = chart(&[(IdentityKind::AddressLine, street)]);
        for nth in 2..6 {
            for from in 0..6 {
                let read = misread(street, nth, from);
                let text = format!("Lives at {read} with his wife.");
                all += 1;
                whole += usize::from(found(&chart, &text).contains(&read.as_str()));
            }
        }
    }
    assert!(whole * 100 >= all * 90, "{whole} of {all}");
}

#[test]
fn what_is_no_ones_alone_stays() {
    let chart = chart(&[
        (IdentityKind::City, "Kansas City"),
        (IdentityKind::City, "Essex County"),
        (IdentityKind::Organization, "Mental Health Services"),
        (IdentityKind::Organization, "Physical Therapy Group"),
        (IdentityKind::Organization, "Stone Harbour Clinic"),
    ]);
    for (text, want) in [
        ("moved from Kansas City", "Kansas City"),
        ("lives in Essex", "Essex"),
        ("seen at Stone Harbour", "Stone Harbour"),
        ("by mental health services", "mental health services"),
        ("moved from Kansas last year", ""),
        ("good mental health, started physical therapy", ""),
    ] {
        let spans = found(&chart, text);
        match want {
            "" => assert!(spans.is_empty(), "{text}: {spans:?}"),
            want => assert!(spans.contains(&want), "{text}: {spans:?}"),
        }
    }
}
