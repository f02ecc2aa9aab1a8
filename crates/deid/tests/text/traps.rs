//! One line a trap: the text, with what must be found between ‹ and ›, and its kind.

use crate::{FINDER, score};
use deid::text::{Finder, Known, Scratch, Settings, settle};

/// What is found, written into the text as in the tables below.
fn marked(finder: &Finder, text: &str) -> (String, Vec<&'static str>) {
    let mut spans = Vec::new();
    finder.find(text, &mut Scratch::default(), &mut spans);
    settle(&mut spans);
    let (mut out, mut at) = (String::new(), 0);
    for span in &spans {
        out.push_str(&text[at..span.start]);
        out.push('‹');
        out.push_str(&text[span.range()]);
        out.push('›');
        at = span.end;
    }
    out.push_str(&text[at..]);
    (out, spans.iter().map(|span| span.identifier.name()).collect())
}

#[track_caller]
fn check(rows: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (expected, kinds) in rows {
        let text: String = expected.chars().filter(|c| !matches!(c, '‹' | '›')).collect();
        let (found, of) = marked(&FINDER, &text);
        if found != *expected || of != *kinds {
            wrong.push(format!("expected {expected} {kinds:?}\n   found {found} {of:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dates_in_every_usual_form() {
    check(&[
        ("Seen ‹04/12/2023› and ‹4-12-23›; then ‹2023-04-12›, ‹12.04.2023›, ‹2023/4/12›.", &["DATE"; 5]),
        (
            "Seen ‹March 5th›, ‹March 5, 2021›, ‹5 March 2021›, ‹the 5th of March› or ‹Mar. 5›."
                .replace("‹the 5th", "the ‹5th")
                .leak(),
            &["DATE"; 5],
        ),
        (
            "‹12-Apr-23›, ‹12APR2023›, ‹Apr-12-2023›, ‹20230412›, ‹April 2023›, ‹04/2023›, ‹Q2 2023›",
            &["DATE"; 7],
        ),
        (
            "‹March 3-5, 2021›; ‹March 3 to 5›; ‹Monday, March 3›; ‹summer of 2021›; ‹2023-04-12T11:32:05Z›",
            &["DATE"; 5],
        ),
        (
            "DOB ‹03/04/1950› at ‹2000-04-16 11:34:35› since ‹3/14› in ‹June›, ‹Aug 10, '23›, on ‹Christmas Eve›",
            &["DATE"; 6],
        ),
    ]);
}

#[test]
fn what_is_relative_or_no_date_stays() {
    check(&[
        ("Two weeks ago, last Friday, on Monday, in 2021, at 10:30, yesterday, q2h, last summer.", &[]),
        (
            "BP 120/80, pain 5/10, 1-2 tablets, T4 1.2, L4-5, strength 3/5, C5/C6, A1c 7.5%, 3/6 murmur, 2-0 suture.",
            &[],
        ),
        ("She may 5 times march on; 1/2 tablet, 10-20-30 mg, ratio 3.5/4.1, FiO2 0.4, 24/7.", &[]),
    ]);
}

#[test]
fn ages_over_89() {
    check(&[
        (
            "A ‹93›-year-old man, a ‹ninety-three›-year-old woman, aged ‹101›, ‹92› yo, a 45-year-old, 89 y/o.",
            &["AGE"; 4],
        ),
        ("Age: ‹94›. HR 95, SpO2 97%, 120 mg, 90 days, 95 years of data.", &["AGE"]),
    ]);
}

#[test]
fn ages_over_89_that_a_sentence_gives_to_someone() {
    check(&[
        (
            "She is ‹94› and frail. Mother died at ‹93› of CVA. Father d. ‹91› MI. MGM lived to ‹97›. mother (‹91›) with dementia.",
            &["AGE"; 5],
        ),
        (
            "Age/Sex: ‹94›/F. celebrated her ‹95›th birthday; in her early ‹90s›; in his ‹nineties›. A ‹nonagenarian›. F/‹94›.",
            &["AGE"; 6],
        ),
        (
            "‹94› M with COPD. ‹94›F presents. He's ‹93›. a lady of ‹94›. A retired teacher, ‹94›, who lives alone. breast ca @‹92›.",
            &["AGE"; 6],
        ),
        (
            "HR 95, BP 110/95, weight is 94, sats in the 90s, temp 98 F, T 97 F. Glucose was 94. She is on 100 mg. walked 100 feet. PT 94.",
            &[],
        ),
        (
            "Mother is 85. He took 95. Cr is 1. platelets 91. Lives at ‹94 Elm Street›. a hundred reasons",
            &["LOCATION"],
        ),
    ]);
}

#[test]
fn days_without_a_year() {
    check(&[
        (
            "Extubated ‹11/02›. CT ‹3/14› showed. seen ‹3/4›. f/u ‹4/12›. ‹3/14-3/16›. from ‹3/4› to ‹3/8›. ED visit ‹3/4›. LMP ‹3/4›.",
            &["DATE"; 9],
        ),
        ("Seen ‹14.03.› today. on ‹14.03.› he came. ‹14. 3. 2021›. since ‹14.03.› no fever.", &["DATE"; 4]),
        (
            "the ‹fourteenth of March›, ‹March twenty-first, 2019›, ‹March 14›: slept. on ‹14 march›",
            &["DATE"; 4],
        ),
        (
            "strength 4/5. pain 3/10. 3/14 nodes. 2/6 SEM. MMSE 24/30. GCS 11/15. PHQ-9 12/27. BiPAP 12/5. vision 6/9. 3/4 bottles.",
            &[],
        ),
        ("Visit ‹14.03.› Next ‹02.11.›\n‹14.03.› Sleeps well. Follow-up: ‹14.03.›", &["DATE"; 4]),
        ("Hgb 12.10. K: 10.02. Lactate 11.10. FiO2 rose to 12.04. Version 10.02. WBC 9.80, 14.03.", &[]),
        ("WBC 14.03. INR was 1.10. pH 7.12. creatinine 1.02. 1/2 NS. 2/3 of meals. 5/5 in RUE.", &[]),
    ]);
    // The text's other dates tell, and so does the day on which it was written.
    check(&[("Came ‹3/12/2021›. Worse, ‹3/9›, than before; pain 3/10.", &["DATE"; 2])]);
    let known = Known { date: Some((2021, 3, 12)), ..Known::default() };
    let mut spans = Vec::new();
    FINDER.find_with("Worse, 3/9, than before; pain 3/10.", &known, &mut Scratch::default(), &mut spans);
    let found: Vec<_> = spans.iter().map(|span| (span.start, span.end)).collect();
    assert_eq!(found, [(7, 10)]);
}

#[test]
fn plates_devices_and_biometrics() {
    check(&[
        (
            "License plate ‹ABC 1234›; plate: ‹7ABC123›; tag ‹402 KLM›; MA plate ‹4KT 729›; parked car (‹FJR 8812›).",
            &["VEHICLE"; 5],
        ),
        ("the tag says 40 mg. ambulance 12. HR 104 RR 18. MVA at 40 MPH. CBC 1234. unit 4 ICU.", &[]),
        (
            "Pacemaker ‹RNB482913S›, CPAP serial ‹23191234567›, UDI ‹(01)00643169007222(17)141120(21)10987654d321›, lot ‹L20491›.",
            &["DEVICE"; 4],
        ),
        (
            "pump at 120 ml. valve area 1.2 cm2. catheter 14Fr. Monitor BP 120/80. graft 6mm. CPAP 10 cmH2O.",
            &[],
        ),
        (
            "Fingerprint ID ‹FP-29381-A›. iris scan code ‹4F9A-22C1›. voiceprint ‹VP88213›.",
            &["UNIQUE_IDENTIFIER"; 3],
        ),
        ("voice hoarse since 2019. face symmetric. retinal scan 2019. palm erythema.", &[]),
    ]);
}

#[test]
fn lines_that_were_wrapped_are_one() {
    let text = "The patient came to the clinic with her sister and was seen by Dr. Nowak on March\n\
                ‹14, 2021›";
    let text = text.replace("Dr. Nowak on March\n‹14, 2021›", "‹Dr. Nowak› on ‹March\n14, 2021›");
    let text = format!("{text} for a check of her blood pressure, which had been high for some weeks.\n");
    check(&[(text.leak(), &["NAME", "DATE"])]);
}

#[test]
fn names_in_context() {
    check(&[
        ("‹Dr. Anna Nowak› and ‹Mr. W.› saw ‹John D.› and ‹Sarah O'Brien-Smith, MD›.", &["NAME"; 4]),
        ("Patient: ‹Smith, John A.› Mother: ‹Grace Hope›.", &["NAME"; 2]),
        ("‹Žofie Nováková›'s wife; ‹José García de la Cruz›; ‹JUAN VAN DER BERG JR.›", &["NAME"; 3]),
        ("follow up with ‹patricia desrosiers› in spring", &["NAME"]),
        ("PATIENT NAME: ‹MARIA GONZALEZ› WAS SEEN IN CLINIC TODAY", &["NAME"]),
        ("‹Mrs. White› was seen. ‹White› denies pain; white cells 5.", &["NAME"; 2]),
    ]);
}

#[test]
fn clinical_false_friends_stay() {
    check(&[
        (
            "Parkinson's disease, Foley catheter, Graves' disease, Crohn's, Hodgkin lymphoma, Apgar 9, Glasgow Coma Scale 15.",
            &[],
        ),
        (
            "Wolff-Parkinson-White, Ferriman-Gallwey score, Chaddock reflex, Framingham Risk Score, Stevens-Johnson syndrome.",
            &[],
        ),
        (
            "He will rest; Will may help. Rose bengal, brown sputum, Bell's palsy, Down syndrome, von Willebrand disease.",
            &[],
        ),
        (
            "Foley draining clear urine, Morse 45, Miller Fisher, Ramsay Hunt, Hickman site clean, Tri-Cyclen 28 Day Pack.",
            &[],
        ),
        (
            "Humira vs. Enbrel, Lasix 40 mg, Zofran, Keppra, Ziextenzo 6 mg. Salter-Harris Type II fracture.",
            &[],
        ),
        (
            "Chief Complaint: Chest Pain. Past Medical History: Heart Failure. Assessment and Plan: Continue Aspirin.",
            &[],
        ),
        ("ICD-10 E11.9, LOINC 4548-4, CPT 99213, SNOMED 44054006, RxNorm 860975.", &[]),
        ("Na 140 K 4.2 Cl 102 HCO3 24 BUN 15 Cr 0.9 Glu 110 WBC 12000 platelets 250000", &[]),
    ]);
}

#[test]
fn numbers_with_labels_and_shapes() {
    check(&[
        (
            "MRN: ‹#SF-998877›, SSN ‹123-45-6789›, last four of SSN ‹1234›, ‹xxx-xx-6789›",
            &[
                "MEDICAL_RECORD_NUMBER",
                "SOCIAL_SECURITY_NUMBER",
                "SOCIAL_SECURITY_NUMBER",
                "SOCIAL_SECURITY_NUMBER",
            ],
        ),
        (
            "Call ‹(555) 123-4567 ext. 12› or ‹+41 (0)96 471 07 95›, fax ‹555.123.4567›",
            &["PHONE", "FAX", "FAX"],
        ),
        (
            "Member ID ‹XZ-445566›, policy no. ‹987654321›, account number: ‹4452 1188 90›",
            &["HEALTH_PLAN_NUMBER", "HEALTH_PLAN_NUMBER", "ACCOUNT_NUMBER"],
        ),
        (
            "Card ‹4111 1111 1111 1111›, IBAN ‹GB82WEST12345698765432›, VIN ‹1M8GDM9AXKP042788›",
            &["ACCOUNT_NUMBER", "ACCOUNT_NUMBER", "VEHICLE"],
        ),
        (
            "DEA ‹AB1234563›, NPI ‹1234567893›, serial number ‹SN12345X›, license no. ‹D1234567›",
            &["LICENSE_NUMBER", "LICENSE_NUMBER", "DEVICE", "LICENSE_NUMBER"],
        ),
        (
            "‹anna.nowak@example.org›, ‹https://example.org/a?b=1›, ‹www.example.org›, ‹example.org›",
            &["EMAIL", "URL", "URL", "URL"],
        ),
        (
            "‹192.168.10.20›, ‹2001:db8::ff00:42:8329›, ‹00:1A:2B:3C:4D:5E›, ‹1.2.840.113619.2.55.3.604688119›",
            &["IP_ADDRESS", "IP_ADDRESS", "DEVICE", "UNIQUE_IDENTIFIER"],
        ),
        (
            "IP ‹fe80::1›, ‹fe80::1ff:fe23:4567:890a%eth0›, from ‹fe80::/64›, ip=‹fe80::a1b2›; ‹fd12:3456:789a::1›. Ed: fed at 12:30.",
            &["IP_ADDRESS"; 5],
        ),
        (
            "SSN ‹123-45-6789›, ‹123 45 6789›. Hers: ‹219 09 9999›. BP 123 80 1300, 123 45 6789 mg",
            &["SOCIAL_SECURITY_NUMBER"; 3],
        ),
        ("‹550e8400-e29b-41d4-a716-446655440000›", &["UNIQUE_IDENTIFIER"]),
    ]);
}

#[test]
fn places() {
    check(&[
        ("Lives at ‹123 Maple Street, Chicago, IL 60601-1234›.", &["LOCATION"]),
        (
            "Mail to ‹P.O. Box 12, Springfield, MO 65801›; home ‹12 W. 45th St, Apt. 4B, New York, NY›.",
            &["LOCATION"; 2],
        ),
        (
            "Seen at ‹St. Joseph's Health in Detroit, MI›, ‹Baylor Med. Center›, ‹UCSF›, our ‹New York clinic›, ‹St. Mary's›.",
            &["LOCATION"; 5],
        ),
        (
            "‹Waldo County›; ‹WALDO COUNTY› jail; ‹county of Waldo›; ‹Lincoln and Knox Counties›; ‹Orleans Parish›.",
            &["LOCATION"; 5],
        ),
        (
            "From ‹Kenosha›; ‹Villacher Strasse 89›; ‹Rua do Arenque 1634›; works at ‹Balefire Global Inc.›",
            &["LOCATION", "LOCATION", "LOCATION", "ORGANIZATION"],
        ),
        (
            "Works as a ‹beekeeper›. Cancer Center referral, Emergency Department, Heart Failure clinic.",
            &["PROFESSION"],
        ),
    ]);
}

#[test]
fn a_whitelist_keeps_plain_words_and_short_numbers() {
    let finder = Finder::shipped().with(Settings { whitelist: true, ..Settings::default() });
    let (found, _) = marked(&finder, "Xqzt took aspirin 81 mg daily, code 99213, pain 5/10.");
    assert_eq!(found, "‹Xqzt› took aspirin 81 mg daily, code ‹99213›, pain 5/10.");
}

#[test]
fn countries_stay_where_a_site_says_so() {
    let finder = Finder::shipped().with(Settings { countries: false, ..Settings::default() });
    assert_eq!(marked(&finder, "born in Iceland, seen in Kenosha").0, "born in Iceland, seen in ‹Kenosha›");
    assert_eq!(score::spans(&FINDER, &mut Scratch::default(), "born in Iceland").len(), 1);
}

#[test]
fn ages_and_days_by_what_stands_around() {
    check(&[
        ("Grand-uncle passed away at ‹105› in ‹Leeds›. Father died at 45 in hospital.", &["AGE", "LOCATION"]),
        ("fyi my grnadma is ‹95› and still on it; my pulse is 95 and regular", &["AGE"]),
        (
            "‹03 apr 17› 0830 wound dry; rtc ‹01 dec 19›; reviewed ‹17 may›. labs fine, 2 may be enough",
            &["DATE"; 3],
        ),
        (
            "Seen with Foley out ‹3/6›. Hickman pulled ‹1/3›. Gleason 3/4, strength 4/5, drain out 3/4 of the time.",
            &["DATE"; 2],
        ),
        ("Menses began ‹08.11.›. Sprain ‹22.10.›; swelling. Potassium 4.5. WBC 12.10; stable.", &["DATE"; 2]),
        ("VISIT WAS ‹2014-02-28›, RATHER THAN ‹2/27›. TAKE 1 RATHER THAN 1/2 TABLET.", &["DATE"; 2]),
        ("Check differs against ‹2014-02-28›: sodium 119.", &["DATE"]),
    ]);
}

#[test]
fn codes_and_streets_where_letters_mean_something_else() {
    check(&[
        ("TRIP LOG ‹#US-3380192›; job ‹#44-PT-85385›; give 50-100 mg, ICD10-E11, CT 64-slice.", &["MEDICAL_RECORD_NUMBER"; 2]),
        (
            "of‹1.2.840.113619.2.141.40718823.5526› and ‹1.2.840.113619.\n2.55.30418826.5512›; version 1.2.3, T 36.5"
                .replace("of‹", "of ‹")
                .leak(),
            &["UNIQUE_IDENTIFIER"; 2],
        ),
        ("the number is now ‹4UN7PA2RD60›", &["HEALTH_PLAN_NUMBER"]),
        ("resides ‹311 larkspur court›. stays 3 nights, home 5 days", &["LOCATION"]),
        ("SENT OUT TO ‹7719 POPLAR TERR›.\nTAKE 1 TABLET BY WAY OF MOUTH", &["LOCATION"]),
    ]);
}
