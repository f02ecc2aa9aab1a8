//! A stand-in for a model: plausible curves from textbook-like hazards, and faults on demand.
//!
//! Events with codes of the system `TEST` make it misbehave: `TEST//PANIC`, `TEST//READ_PANIC`, `TEST//READ_SLOW`, `TEST//SLOW`,
//! `TEST//NAN`, `TEST//FAIL`, `TEST//OUT_OF_SCOPE`.

use events::{Code, Deidentified, Event, Identified, SourceTime, Subject, Time};
use serde_json::{Value, json};
use serve::*;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

pub const HORIZONS: [f64; 9] = [1.0, 7.0, 30.0, 90.0, 180.0, 365.0, 730.0, 1825.0, 3650.0];

/// Code, description, yearly hazard at 60, growth per year of age, and the codes that raise it.
type Condition = (&'static str, &'static str, f64, f64, &'static [(&'static str, f64)]);

const CONDITIONS: [Condition; 16] = [
    ("ICD10CM//I10", "Essential hypertension", 0.045, 0.03, &[("ICD10CM//E11.9", 1.6)]),
    ("ICD10CM//E11.9", "Type 2 diabetes mellitus", 0.011, 0.03, &[("LOINC//4548-4", 5.5)]),
    ("ICD10CM//E78.5", "Hyperlipidaemia", 0.03, 0.02, &[("ICD10CM//E11.9", 1.8)]),
    ("ICD10CM//I50.9", "Heart failure", 0.007, 0.09, &[("ICD10CM//I10", 1.7), ("LOINC//33762-6", 6.0)]),
    (
        "ICD10CM//N18.3",
        "Chronic kidney disease, stage 3",
        0.009,
        0.07,
        &[("ICD10CM//E11.9", 2.1), ("LOINC//2160-0", 2.6)],
    ),
    (
        "ICD10CM//I48.91",
        "Atrial fibrillation",
        0.008,
        0.085,
        &[("ICD10CM//I10", 1.4), ("LOINC//33762-6", 2.4)],
    ),
    (
        "ICD10CM//I21.9",
        "Acute myocardial infarction",
        0.005,
        0.06,
        &[("ICD10CM//E11.9", 1.8), ("ICD10CM//I10", 1.5)],
    ),
    (
        "ICD10CM//I63.9",
        "Cerebral infarction",
        0.0045,
        0.075,
        &[("ICD10CM//I48.91", 3.8), ("ICD10CM//I10", 1.7)],
    ),
    ("ICD10CM//J44.9", "Chronic obstructive pulmonary disease", 0.007, 0.045, &[("SNOMED//77176002", 6.5)]),
    (
        "ICD10CM//C34.90",
        "Malignant neoplasm of bronchus and lung",
        0.0012,
        0.06,
        &[("SNOMED//77176002", 9.0)],
    ),
    ("ICD10CM//F32.9", "Major depressive episode", 0.016, -0.01, &[]),
    ("ICD10CM//M17.9", "Osteoarthritis of knee", 0.014, 0.03, &[]),
    ("ICD10CM//J18.9", "Pneumonia", 0.011, 0.06, &[("ICD10CM//J44.9", 3.0), ("SNOMED//77176002", 1.4)]),
    (
        "ICD10CM//A41.9",
        "Sepsis, unspecified organism",
        0.003,
        0.06,
        &[("ICD10CM//N18.3", 2.4), ("ICD10CM//E11.9", 1.6)],
    ),
    ("ICD10CM//K76.0", "Fatty liver, not elsewhere classified", 0.009, 0.0, &[("ICD10CM//E11.9", 2.8)]),
    (
        "MEDS_DEATH",
        "Death from any cause",
        0.011,
        0.095,
        &[("LOINC//33762-6", 3.1), ("SNOMED//77176002", 2.0)],
    ),
];

/// The stand-in, with what it was asked.
#[derive(Default)]
pub struct FakePredictor {
    pub stage: Option<Stage>,
    pub digest: Option<&'static str>,
    pub real: bool,
    pub slow: Duration,
    /// The system whose codes it doesn't know; `LOCAL`, where nothing is said.
    pub unknown: Option<&'static str>,
    pub batches: Mutex<Vec<usize>>,
    pub asked: AtomicUsize,
}

impl Predictor for FakePredictor {
    fn describe(&self) -> ModelDescription {
        let condition = |(code, description, ..): Condition| CodeDescription {
            code: code.into(),
            description: Some(description.into()),
            kind: CodeKind::of(code),
            category: false,
        };
        let mut codes: Vec<_> = CONDITIONS.into_iter().map(condition).collect();
        codes.push(CodeDescription {
            code: "LOINC//4548-4".into(),
            description: Some("Haemoglobin A1c".into()),
            kind: CodeKind::Measurement,
            category: false,
        });
        codes.push(CodeDescription {
            code: "ICD10CM//N18".into(),
            description: Some("Chronic kidney disease".into()),
            kind: CodeKind::Condition,
            category: true,
        });
        ModelDescription {
            name: "osler-tiny".into(),
            version: "2026.1".into(),
            digest: self
                .digest
                .unwrap_or("blake3:7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8")
                .into(),
            stage: self.stage.unwrap_or(Stage::Validated),
            trained_on: TrainingData {
                name: "Osler synthetic population".into(),
                synthetic: !self.real,
                subjects: Some(20_000),
            },
            codes,
            horizons_days: HORIZONS.to_vec(),
            context_events: 512,
        }
    }

    fn read(&self, record: SentRecord<'_>, known: Option<&Patient>) -> Result<Patient, PatientError> {
        match record {
            SentRecord::Fhir(bundle) => read_fhir(bundle, known),
            SentRecord::Meds(events) => read_meds(events, known),
            SentRecord::Omop(rows) => read_omop(rows, known),
        }
    }

    fn risk(&self, questions: &[RiskQuestion]) -> Vec<Result<PatientRisk, PredictError>> {
        self.batches.lock().unwrap().push(questions.len());
        self.asked.fetch_add(questions.len(), Ordering::Relaxed);
        std::thread::sleep(self.slow);
        let unknown = self.unknown.unwrap_or("LOCAL");
        questions.iter().map(|question| one_risk(question, unknown)).collect()
    }

    fn embedding_width(&self) -> Option<usize> {
        Some(4)
    }

    fn embed(&self, patients: &[Arc<Patient>]) -> Vec<Result<Vec<f32>, PredictError>> {
        self.batches.lock().unwrap().push(patients.len());
        std::thread::sleep(self.slow);
        let embed = |patient: &Arc<Patient>| {
            let has = |code: &str| patient.subject.events().iter().any(|event| event.code.as_str() == code);
            assert!(!has("TEST//PANIC"), "a fault on demand");
            if has("TEST//FAIL") {
                return Err(PredictError::Failed { detail: "a fault on demand".into() });
            }
            let first = if has("TEST//NAN") { f32::NAN } else { 0.5 };
            Ok(vec![first, -1.25, patient.counts.read as f32, 1e-7])
        };
        patients.iter().map(embed).collect()
    }

    fn reasons(&self) -> Vec<ReasonSection> {
        vec![ReasonSection::Risks, ReasonSection::Differential, ReasonSection::Tests]
    }

    fn reason(&self, question: &ReasonQuestion, go_on: &dyn Fn() -> bool) -> Result<Value, PredictError> {
        let has =
            |code: &str| question.patient.subject.events().iter().any(|event| event.code.as_str() == code);
        assert!(!has("TEST//PANIC"), "a fault on demand");
        while has("TEST//SLOW") && go_on() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !go_on() {
            return Err(PredictError::Failed { detail: "nobody waits".into() });
        }
        self.batches.lock().unwrap().push(1);
        if has("TEST//NAN") {
            return Ok(json!("no object"));
        }
        Ok(json!({
            "asked": question.show, "horizon": question.horizon, "most": question.most,
            "events": question.patient.counts.read,
        }))
    }

    fn simulates(&self) -> bool {
        true
    }

    fn simulate(
        &self,
        question: &SimulateQuestion,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<SimulatedPatient, PredictError> {
        let has =
            |code: &str| question.patient.subject.events().iter().any(|event| event.code.as_str() == code);
        assert!(!has("TEST//PANIC"), "a fault on demand");
        if has("TEST//OUT_OF_SCOPE") {
            return Err(PredictError::OutOfScope { detail: "a fault on demand".into() });
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut drawn = 0;
        while drawn < question.trajectories {
            std::thread::sleep(self.slow);
            drawn = (drawn + 64).min(question.trajectories);
            if !go_on(drawn) {
                break;
            }
        }
        self.batches.lock().unwrap().push(drawn);
        let probability = if has("TEST//NAN") { f64::NAN } else { 0.25 };
        let estimate = SimulatedEstimate { probability, standard_error: (drawn > 1).then_some(0.03) };
        let code = |code: &usize| SimulatedCode {
            code: *code,
            estimates: question.horizons_days.iter().map(|_| estimate).collect(),
        };
        let event = FutureEvent { days: 40.5, code: "ICD10CM//I10".into(), value_rank: None };
        let future = DrawnFuture { events: vec![event], end: FutureEnd::Horizon };
        Ok(SimulatedPatient {
            drawn,
            truncated: 0,
            deaths: 0,
            risks: question.codes.iter().map(code).collect(),
            futures: vec![future; question.futures],
        })
    }

    fn examples(&self) -> Vec<Example> {
        vec![
            Example {
                title: "Rising glucose, short of breath".into(),
                description: "Woman, 67: hypertension, HbA1c drifting up, NT-proBNP high last month.".into(),
                patient: example_bundle(),
            },
            Example {
                title: "Smoker with a cough".into(),
                description: "Man, 58: a few visits, given as MEDS events.".into(),
                patient: json!({"events": [
                    {"code": "GENDER//M"},
                    {"time": "1965-02-11", "code": "MEDS_BIRTH"},
                    {"time": "2011-06-01", "code": "SNOMED//77176002"},
                    {"time": "2022-11-20T10:15:00", "code": "SNOMED//49727002"},
                    {"time": "2023-03-02T08:00:00", "code": "LOINC//20150-9", "numeric_value": 2.1, "unit": "L"},
                    {"time": "2023-03-02", "code": "ICD10CM//I10"}
                ]}),
            },
        ]
    }
}

fn read_fhir(bundle: Identified<&[u8]>, known: Option<&Patient>) -> Result<Patient, PatientError> {
    let unreadable = |detail: &str| PatientError::Unreadable { detail: detail.into() };
    let bundle: Value = serde_json::from_slice(bundle.expose()).map_err(|_| unreadable("not JSON"))?;
    let entries = bundle["entry"].as_array().ok_or_else(|| unreadable("Bundle.entry is no list"))?;
    let resources: Vec<&Value> = entries.iter().map(|entry| &entry["resource"]).collect();
    let patients: Vec<_> =
        resources.iter().filter(|resource| resource["resourceType"] == "Patient").collect();
    let patient = match patients[..] {
        [] if known.is_none() => return Err(PatientError::NoPatient),
        [] => &Value::Null,
        [patient] => patient,
        _ => return Err(PatientError::SeveralPatients { patients: patients.len() }),
    };
    let mut events = Vec::new();
    let birth = patient["birthDate"].as_str().and_then(day);
    events.extend(birth.map(|birth| Event::new(Some(birth), Code::birth())));
    let death = patient["deceasedDateTime"].as_str().and_then(day);
    let dead = patient["deceasedBoolean"] == true || !patient["deceasedDateTime"].is_null();
    events.extend(death.map(|death| Event::new(Some(death), Code::new(Code::DEATH))));
    match patient["gender"].as_str() {
        Some("female") => events.push(Event::new(None, Code::of("GENDER", "F"))),
        Some("male") => events.push(Event::new(None, Code::of("GENDER", "M"))),
        _ => {}
    }
    let mut rejected = 0;
    for resource in resources.iter().filter(|resource| resource["resourceType"] != "Patient") {
        let time =
            ["onsetDateTime", "effectiveDateTime", "authoredOn"].iter().find_map(|f| resource[f].as_str());
        let coding = ["code", "medicationCodeableConcept"].iter().find_map(|f| resource[f]["coding"].get(0));
        match (time.and_then(day), coding.and_then(fhir_code)) {
            (Some(time), Some(code)) => {
                let mut event = Event::new(Some(time), code);
                event.numeric_value = resource["valueQuantity"]["value"].as_f64().map(|value| value as f32);
                events.push(event);
            }
            _ => rejected += 1,
        }
    }
    let person = patient["id"].as_str().map(|id| id.bytes().map(i64::from).sum());
    let patient = patient_of(events, rejected, person, known)?;
    Ok(Patient { dead: dead || patient.dead, ..patient })
}

fn read_meds(events: Identified<Vec<MedsEvent>>, known: Option<&Patient>) -> Result<Patient, PatientError> {
    let events = events.into_exposed().into_iter().map(|event| {
        assert_ne!(event.code, "TEST//READ_PANIC", "a fault on demand");
        if event.code == "TEST//READ_SLOW" {
            std::thread::sleep(Duration::from_millis(300));
        }
        let time = match event.time {
            SourceTime::Static => None,
            SourceTime::Date(time) | SourceTime::DateTime(time) => Some(time),
        };
        let numeric_value = event.numeric_value.map(|value| value as f32);
        Event { numeric_value, ..Event::new(time, Code::new(event.code)) }
    });
    patient_of(events.collect(), 0, None, known)
}

fn example_bundle() -> Value {
    let observation = |date: &str, code: &str, value: f64, unit: &str| {
        json!({"resource": {"resourceType": "Observation", "status": "final", "effectiveDateTime": date,
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "unit": unit, "code": unit}}})
    };
    json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "example", "gender": "female", "birthDate": "1957-04-12"}},
        {"resource": {"resourceType": "Condition", "onsetDateTime": "2014-09-03",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}}},
        observation("2019-02-11", "4548-4", 5.9, "%"),
        observation("2021-03-15", "4548-4", 6.3, "%"),
        observation("2023-09-20", "4548-4", 6.9, "%"),
        observation("2024-06-02", "33762-6", 940.0, "pg/mL"),
        {"resource": {"resourceType": "MedicationRequest", "status": "active", "authoredOn": "2014-09-10",
            "medicationCodeableConcept": {"coding": [
                {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "314076"}]}}},
        {"resource": {"resourceType": "Observation", "status": "final", "effectiveDateTime": "2024-06-02"}}
    ]})
}

fn day(text: &str) -> Option<Time> {
    let mut parts = text.get(..10)?.split('-').map(str::parse::<u32>);
    // As the readers of records have it: nobody is of another time.
    let year = parts.next()?.ok().filter(|year| (1831..=2200).contains(year))?;
    Time::from_ymd(year as i32, parts.next()?.ok()?, parts.next()?.ok()?)
}

fn fhir_code(coding: &Value) -> Option<Code> {
    let system = match coding["system"].as_str()? {
        "http://loinc.org" => "LOINC",
        "http://hl7.org/fhir/sid/icd-10-cm" => "ICD10CM",
        "http://snomed.info/sct" => "SNOMED",
        "http://www.nlm.nih.gov/research/umls/rxnorm" => "RXNORM",
        _ => return None,
    };
    Some(Code::of(system, coding["code"].as_str()?))
}

fn patient_of(
    mut events: Vec<Event>,
    rejected: usize,
    person: Option<i64>,
    known: Option<&Patient>,
) -> Result<Patient, PatientError> {
    if known.is_some_and(|known| known.person.zip(person).is_some_and(|(known, person)| known != person)) {
        return Err(PatientError::AnotherPatient);
    }
    let before = known.map_or(&[][..], |known| known.subject.events());
    events.retain(|event| !before.contains(event));
    let unknown_codes = events.iter().filter(|event| event.code.system() == "LOCAL").count();
    let counts = RecordCounts { read: events.len(), rejected, unknown_codes };
    events.extend_from_slice(before);
    let subject = Subject::new(1, events);
    if subject.birth().is_none() {
        return Err(PatientError::NoBirth);
    }
    let person = known.and_then(|known| known.person).or(person);
    #[allow(clippy::disallowed_methods, reason = "made-up records are nobody's")]
    Ok(Patient {
        subject: Deidentified::vouch(subject),
        counts,
        person,
        dead: known.is_some_and(|known| known.dead),
    })
}

fn one_risk(question: &RiskQuestion, unknown: &str) -> Result<PatientRisk, PredictError> {
    let subject = &*question.patient.subject;
    let has = |code: &str| subject.events().iter().any(|event| event.code.as_str() == code);
    assert!(!has("TEST//PANIC"), "a fault on demand");
    if has("TEST//SLOW") {
        std::thread::sleep(Duration::from_millis(300));
    }
    if has("TEST//FAIL") {
        return Err(PredictError::Failed { detail: "a fault on demand".into() });
    }
    if has("TEST//OUT_OF_SCOPE") {
        return Err(PredictError::OutOfScope { detail: "a fault on demand".into() });
    }
    let last = subject.events().iter().filter_map(|event| event.time).max();
    let age_days = subject.birth().zip(last).map_or(0.0, |(birth, last)| last.days_since(birth));
    let age = age_days / 365.25;
    let curve = |index: usize, factor: f64| -> Vec<f64> {
        let (_, _, hazard, growth, _) = *CONDITIONS.get(index).unwrap_or(&("", "", 0.2, 0.0, &[]));
        let yearly = hazard * (growth * (age - 60.0)).exp() * factor;
        // Death competes: nobody's risk of anything else reaches one.
        let dying = 0.011 * (0.095 * (age - 60.0)).exp();
        HORIZONS
            .iter()
            .map(|days| yearly / (yearly + dying) * (1.0 - (-(yearly + dying) * days / 365.25).exp()))
            .collect()
    };
    let code_risk = |index: &usize| {
        let causes = CONDITIONS.get(*index).map_or(&[][..], |condition| condition.4);
        let factor: f64 = causes.iter().filter(|(code, _)| has(code)).map(|(_, factor)| factor).product();
        let mut cumulative_incidence = curve(*index, factor);
        if has("TEST//NAN") {
            cumulative_incidence[0] = f64::NAN;
        }
        CodeRisk {
            code: *index,
            cumulative_incidence,
            reference: (*index < CONDITIONS.len()).then(|| curve(*index, 1.0)),
            already_recorded: CONDITIONS.get(*index).is_some_and(|condition| has(condition.0)),
        }
    };
    let unknown_codes = subject.events().iter().filter(|event| event.code.system() == unknown).count();
    Ok(PatientRisk {
        age_years: Some(age as f32),
        sex: subject.sex(),
        events_used: subject.events().len() - unknown_codes,
        unknown_codes,
        broader_codes: 0,
        values_unread: 0,
        codes: question.codes.iter().map(code_risk).collect(),
    })
}

/// A record of a man of 60, with these codes.
#[allow(dead_code, reason = "the example program needs none")]
pub fn record(codes: &[&str]) -> Value {
    let mut events = vec![json!({"code": "GENDER//M"}), json!({"time": "1960-01-01", "code": "MEDS_BIRTH"})];
    events.extend(codes.iter().map(|code| json!({"time": "2020-01-01T08:00:00", "code": code})));
    json!({ "events": events })
}

/// Of OMOP's rows only what the tests of the doors need: birth and sex of the person, and codes that `concept` gives.
fn read_omop(rows: Identified<&[u8]>, known: Option<&Patient>) -> Result<Patient, PatientError> {
    let unreadable = || PatientError::Unreadable { detail: "no tables".into() };
    let tables: Value = serde_json::from_slice(rows.expose()).map_err(|_| unreadable())?;
    let table = |name: &str| tables[name].as_array().cloned().unwrap_or_default();
    let persons = table("person");
    let [person] = &persons[..] else {
        return Err(match persons.len() {
            0 => PatientError::NoPatient,
            patients => PatientError::SeveralPatients { patients },
        });
    };
    let event = |time, code: &str| MedsEvent {
        time,
        code: code.to_owned(),
        numeric_value: None,
        text_value: None,
        unit: None,
    };
    let year = person["year_of_birth"].as_i64().ok_or(PatientError::NoBirth)?;
    let birth =
        Time::from_ymd(i32::try_from(year).map_err(|_| unreadable())?, 7, 1).ok_or_else(unreadable)?;
    let mut events = vec![event(SourceTime::Date(birth), Code::BIRTH)];
    for row in table("condition_occurrence") {
        let concepts = table("concept");
        let concept = concepts.iter().find(|c| c["concept_id"] == row["condition_concept_id"]);
        let time = Time::from_ymd(2019, 3, 4).ok_or_else(unreadable)?;
        if let Some(concept) = concept {
            let [system, code] =
                ["vocabulary_id", "concept_code"].map(|name| concept[name].as_str().unwrap_or_default());
            events.push(event(SourceTime::Date(time), &format!("{system}//{code}")));
        }
    }
    read_meds(Identified::new(events), known)
}
