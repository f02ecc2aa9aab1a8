use super::*;
use crate::Key;

fn rewritten(treatment: Treatment, text: &str, marked: &[(&str, Identifier)]) -> String {
    rewrite(treatment, text, marked, 0).text
}

fn rewrite(treatment: Treatment, text: &str, marked: &[(&str, Identifier)], note: usize) -> Rewritten {
    let derivation = Key::from_bytes([7; 32]).derivation();
    let rewriter = Rewriter::new(
        treatment,
        DateTreatment::Shift { days: 3, earliest: i32::MIN },
        &derivation,
        "subject",
    );
    let mut spans: Vec<Span> = marked
        .iter()
        .flat_map(|&(found, identifier)| {
            text.match_indices(found).map(move |(at, _)| Span::new(at..at + found.len(), identifier))
        })
        .collect();
    crate::text::settle(&mut spans);
    rewriter.rewrite(text, &spans, None, note)
}

const TEXT: &str =
    "Dr. REY, Ana (MRN 00-77A) came 2/3/2020 from 12 Elm Street; call 555-867-5309. MRN 00-77A.";
const MARKED: &[(&str, Identifier)] = &[
    ("REY, Ana", Identifier::Name),
    ("00-77A", Identifier::MedicalRecordNumber),
    ("2/3/2020", Identifier::Date),
    ("12 Elm Street", Identifier::Location),
    ("555-867-5309", Identifier::Phone),
];

#[test]
fn tags_and_removal_leave_the_rest() {
    assert_eq!(
        rewritten(Treatment::Tags, TEXT, MARKED),
        "Dr. [NAME] (MRN [MEDICAL_RECORD_NUMBER]) came [DATE] from [LOCATION]; call [PHONE]. MRN [MEDICAL_RECORD_NUMBER]."
    );
    assert_eq!(rewritten(Treatment::Removal, TEXT, MARKED), "Dr.  (MRN ) came  from ; call . MRN .");
}

#[test]
fn surrogates_have_the_shape_of_what_they_stand_for() {
    let first = rewrite(Treatment::Surrogates, TEXT, MARKED, 0);
    let found: Vec<&str> = first.places.iter().map(|place| &first.text[place.clone()]).collect();
    let [name, number, date, street, phone, again] = found[..] else { panic!("{found:?}") };
    assert_eq!(date, "2/6/2020");
    assert_eq!(number, again, "one number is one number");
    assert!(number.len() == 6 && number.as_bytes()[2] == b'-' && number != "00-77A");
    assert!(phone.ends_with("-555-01") || phone[4..].starts_with("555-01"), "{phone}");
    assert!(street.ends_with(" Street") && !street.contains("Elm"));
    let (family, given) = name.split_once(", ").unwrap();
    assert!(family == family.to_uppercase() && given.starts_with(|c: char| c.is_uppercase()));
    assert!(!family.contains("REY"));
    // Names differ from note to note, numbers don't.
    let names: std::collections::BTreeSet<String> = (0..8)
        .map(|note| {
            let other = rewrite(Treatment::Surrogates, TEXT, MARKED, note);
            assert_eq!(&other.text[other.places[1].clone()], number);
            other.text[other.places[0].clone()].to_owned()
        })
        .collect();
    assert!(names.len() > 4);
}

#[test]
fn nothing_of_what_was_found_is_left_in_a_surrogate() {
    for (found, identifier) in [
        ("Núñez-Rey, María José", Identifier::Name),
        ("ana.rey@clinic.example", Identifier::Email),
        ("10.2.3.4", Identifier::IpAddress),
        ("fe80::1ff:fe23:4567:890a", Identifier::IpAddress),
        ("https://clinic.example/ana", Identifier::Url),
        ("123-45-6789", Identifier::SocialSecurityNumber),
        ("teacher at Elm High", Identifier::Profession),
        ("93", Identifier::Age),
        ("Christmas Eve", Identifier::Date),
    ] {
        let out = rewritten(Treatment::Surrogates, found, &[(found, identifier)]);
        let part = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric())
                .filter(|w| w.len() > 2)
                .map(str::to_lowercase)
                .collect()
        };
        let kept = ["org", "https", "example"];
        assert!(part(found).iter().all(|w| kept.contains(&w.as_str()) || !part(&out).contains(w)), "{out}");
    }
}
