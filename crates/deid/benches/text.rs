//! Megabytes of notes a second on one core: `cargo bench -p deid --bench text`.

use deid::text::{Chart, Finder, Known, Scratch, settle};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use events::{IdentityKind, SourceIdentity};

fn main() {
    divan::main();
}

/// Notes as wards write them, with identifiers and accents; about two kilobytes each.
fn notes() -> Vec<String> {
    const PEOPLE: [&str; 8] = [
        "Anna Nováková",
        "José García",
        "Søren Østergård",
        "Mary Johnson",
        "Nguyễn Văn An",
        "Zoë Müller",
        "John O’Brien",
        "Łukasz Wójcik",
    ];
    const PLACES: [&str; 4] = ["St. Mary's Hospital", "Cleveland Clinic", "Hôpital Necker", "Kenosha"];
    (0..500)
        .map(|n: usize| {
            let (person, doctor, place) = (PEOPLE[n % 8], PEOPLE[(n * 5 + 3) % 8], PLACES[n % 4]);
            let (month, day) = (n % 12 + 1, n % 28 + 1);
            format!(
                "PATIENT: {person}   MRN: {}{:05}   DOB: {month:02}/{day:02}/19{:02}\n\
                 Chief Complaint: Shortness of breath.\n\
                 History of Present Illness: {person} is a {}-year-old with a history of Parkinson's disease, type 2 diabetes \
                 mellitus and chronic kidney disease stage 3b who presented to {place} on {month}/{day}/2023 with three days of \
                 progressive dyspnea and orthopnea. Denies chest pain, fever, or cough. Took furosemide 40 mg twice daily \
                 without relief. Seen two weeks ago by Dr. {doctor}, who increased carvedilol to 12.5 mg BID. Temperature 37.2 °C, \
                 BP 148/92 mmHg, HR 96, SpO₂ 93 % on room air. No allergies.\n\
                 Physical Examination: Elderly patient in mild distress. Jugular venous pressure elevated to 12 cm. Bibasilar \
                 crackles to the mid-lung fields. S3 gallop, 2/6 systolic murmur at the apex. 2+ pitting edema to the knees. \
                 Strength 4/5 in the left lower extremity, L4-5 tenderness. Foley catheter in place.\n\
                 Laboratory: Na 134 mmol/L, K 4.9, creatinine 1.8 mg/dL (baseline 1.5), BNP 1240 pg/mL, troponin T < 0.01, \
                 HbA1c 7.9 %, WBC 8.4, hemoglobin 11.2, platelets 212. Chest X-ray: pulmonary oedema, small bilateral effusions. \
                 Echocardiogram: LVEF 35–40 %, moderate mitral regurgitation, naïve comparison with {} unchanged.\n\
                 Assessment and Plan: Acute decompensated heart failure. Start intravenous furosemide 80 mg, strict intake and \
                 output, daily weights, low sodium diet. Hold metformin while creatinine is above baseline. Continue \
                 levodopa/carbidopa. Cardiology follow-up within 7 days of discharge; call (555) 123-{:04} with questions. \
                 Discussed with the patient's daughter, who agrees with the plan.\n\
                 Electronically signed by {doctor}, MD\n",
                10 + n % 90,
                n * 37 % 100_000,
                30 + n % 60,
                40 + n % 45,
                2000 + n % 22,
                n % 10_000,
            )
        })
        .collect()
}

#[divan::bench]
fn find_and_settle(bencher: Bencher) {
    let (finder, notes) = (Finder::shipped(), notes());
    let bytes: usize = notes.iter().map(String::len).sum();
    let (mut scratch, mut spans) = (Scratch::default(), Vec::new());
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        let mut found = 0;
        for note in &notes {
            spans.clear();
            finder.find(black_box(note), &mut scratch, &mut spans);
            settle(&mut spans);
            found += spans.len();
        }
        found
    });
}

/// A record as full as a hospital's: the patient, six relatives, eight clinicians, addresses, numbers.
fn chart() -> Chart {
    let people = [
        "Nováková, Anna",
        "García Ruiz, José",
        "Østergård, Søren",
        "Johnson, Mary",
        "Nguyễn, Văn An",
        "Müller, Zoë",
        "O’Brien, John",
        "Dr. Łukasz Wójcik, MD",
        "Dr. Priya Raman",
        "Long, Will",
        "Young, Rose",
        "Castellanos, Efraín",
        "Dr. Ingrid Halvorsen",
        "Whitfield, Thaddeus",
        "Dr. Marguerite Foley",
    ];
    let of = |kind, text: &str| SourceIdentity { kind, text: text.into() };
    let others = [
        of(IdentityKind::AddressLine, "1038 Hettinger Brook Apt 4"),
        of(IdentityKind::AddressLine, "12 North Elm Street"),
        of(IdentityKind::City, "New Bedford"),
        of(IdentityKind::City, "Salem"),
        of(IdentityKind::PostalCode, "01970-1234"),
        of(IdentityKind::Phone, "+1 (207) 555-0188"),
        of(IdentityKind::Phone, "207-555-0123"),
        of(IdentityKind::Email, "anna.novakova@example.org"),
        of(IdentityKind::RecordNumber, "MRN-00774193"),
        of(IdentityKind::RecordNumber, "8f3a1c20-5b7e-4c1d-9a55-0d1f6b2e7c88"),
        of(IdentityKind::PlanNumber, "XZH-4410-2231"),
        of(IdentityKind::DeviceNumber, "RNB482913S"),
        of(IdentityKind::BirthDate, "1951-03-14"),
        of(IdentityKind::Organization, "Saint Ælfric General Hospital"),
        of(IdentityKind::Organization, "Harbour Point Primary Care LLC"),
    ];
    let identities: Vec<_> =
        people.iter().map(|name| of(IdentityKind::OtherName, name)).chain(others).collect();
    Chart::new(&identities)
}

/// Layers a to d in the one pass.
#[divan::bench]
fn find_with_chart_and_settle(bencher: Bencher) {
    let (finder, chart, notes) = (Finder::shipped(), chart(), notes());
    let known = Known { chart: Some(&chart), date: None };
    let bytes: usize = notes.iter().map(String::len).sum();
    let (mut scratch, mut spans) = (Scratch::default(), Vec::new());
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        let mut found = 0;
        for note in &notes {
            spans.clear();
            finder.find_with(black_box(note), &known, &mut scratch, &mut spans);
            settle(&mut spans);
            found += spans.len();
        }
        found
    });
}

/// What a chart costs once for each patient.
#[divan::bench]
fn chart_start_up() -> Chart {
    chart()
}

#[divan::bench]
fn start_up() -> Finder {
    Finder::shipped()
}
