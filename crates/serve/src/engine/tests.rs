use super::*;
use crate::{
    CodeRisk, ModelDescription, Patient, PatientError, PatientRisk, RecordCounts, RiskQuestion, SentRecord,
    Stage, TrainingData,
};
use events::{Deidentified, Sex, Subject};
use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

/// Answers when told to.
struct Gate {
    open: Mutex<mpsc::Receiver<()>>,
    asked: mpsc::Sender<usize>,
    answers: usize,
}

impl Predictor for Gate {
    fn describe(&self) -> ModelDescription {
        description()
    }
    fn read(&self, _: SentRecord<'_>, _: Option<&Patient>) -> Result<Patient, PatientError> {
        Err(PatientError::NoPatient)
    }
    fn risk(&self, questions: &[RiskQuestion]) -> Vec<Result<PatientRisk, PredictError>> {
        self.asked.send(questions.len()).unwrap();
        self.open.lock().unwrap().recv().unwrap();
        (0..self.answers.min(questions.len())).map(|_| Ok(risk(0, vec![0.1, 0.2]))).collect()
    }
}

fn description() -> ModelDescription {
    ModelDescription {
        name: "gate".into(),
        version: "1".into(),
        digest: "blake3:00".into(),
        stage: Stage::Draft,
        trained_on: TrainingData { name: "nothing".into(), synthetic: true, subjects: None },
        codes: Vec::new(),
        horizons_days: vec![1.0, 2.0],
        context_events: 1,
    }
}

fn risk(code: usize, cumulative_incidence: Vec<f64>) -> PatientRisk {
    let codes = vec![CodeRisk { code, cumulative_incidence, reference: None, already_recorded: false }];
    let sex = Sex::Unknown;
    PatientRisk {
        age_years: None,
        sex,
        events_used: 0,
        unknown_codes: 0,
        broader_codes: 0,
        values_unread: 0,
        codes,
    }
}

fn question() -> RiskQuestion {
    #[allow(clippy::disallowed_methods, reason = "an empty record is nobody's")]
    let subject = Deidentified::vouch(Subject::new(1, Vec::new()));
    let patient = Patient { subject, counts: RecordCounts::default(), person: None, dead: false };
    RiskQuestion::new(Arc::new(patient), [0].into())
}

struct Rig {
    engine: Arc<Engine>,
    open: mpsc::Sender<()>,
    asked: mpsc::Receiver<usize>,
}

fn rig(settings: ServeSettings, answers: usize) -> Rig {
    let (open, opened) = mpsc::channel();
    let (asks, asked) = mpsc::channel();
    let gate = Arc::new(Gate { open: Mutex::new(opened), asked: asks, answers });
    let metrics = Arc::new(Metrics::new());
    let engine =
        Engine::start(gate, AnswerShape { horizons: 2, embedding_width: Some(2) }, &settings, metrics)
            .unwrap();
    Rig { engine: Arc::new(engine), open, asked }
}

const SOON: Duration = Duration::from_secs(5);

impl Rig {
    fn ask(&self, patients: usize, within: Duration) -> tokio::task::JoinHandle<Result<usize, EngineError>> {
        self.ask_as("test", patients, within)
    }

    fn ask_as(
        &self,
        asker: &'static str,
        patients: usize,
        within: Duration,
    ) -> tokio::task::JoinHandle<Result<usize, EngineError>> {
        let (engine, arrival) = (self.engine.clone(), self.engine.expect_arrival());
        tokio::spawn(async move {
            let questions = (0..patients).map(|_| question()).collect();
            let answers = engine.ask(questions, &asker.into(), Instant::now() + within, arrival).await;
            answers.map(|risks| risks.len()).map_err(|(_, error)| error)
        })
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_comes_while_a_batch_runs_makes_the_next_one() {
    let rig = rig(ServeSettings { max_batch: 3, ..Default::default() }, usize::MAX);
    let first = rig.ask(1, SOON);
    rig.settle().await;
    assert_eq!(rig.asked.recv_timeout(SOON), Ok(1), "a lone patient waits for nobody");
    let later: Vec<_> = (0..4).map(|_| rig.ask(1, SOON)).collect();
    rig.settle().await;
    for _ in 0..3 {
        rig.open.send(()).unwrap();
    }
    assert_eq!(first.await.unwrap(), Ok(1));
    for call in later {
        assert_eq!(call.await.unwrap(), Ok(1));
    }
    assert_eq!(rig.asked.try_iter().collect::<Vec<_>>(), [3, 1]);
}

#[tokio::test]
async fn who_asks_about_one_does_not_wait_for_who_asks_about_many() {
    let rig = rig(ServeSettings { max_batch: 2, ..Default::default() }, usize::MAX);
    let running = rig.ask_as("many", 1, SOON);
    rig.settle().await;
    let many = rig.ask_as("many", 6, SOON);
    rig.settle().await;
    let one = rig.ask_as("one", 1, SOON);
    rig.settle().await;
    for _ in 0..2 {
        rig.open.send(()).unwrap();
    }
    assert_eq!(running.await.unwrap(), Ok(1));
    let one = tokio::time::timeout(SOON, one).await.expect("it waited for all that came before");
    assert_eq!(one.unwrap(), Ok(1));
    assert!(!many.is_finished());
    for _ in 0..3 {
        rig.open.send(()).unwrap();
    }
    assert_eq!(many.await.unwrap(), Ok(6));
    assert_eq!(rig.asked.try_iter().collect::<Vec<_>>(), [1, 2, 2, 2, 1]);
}

#[tokio::test]
async fn all_of_a_request_is_queued_or_none_and_the_late_are_told() {
    let rig = rig(ServeSettings { queue_capacity: 3, max_batch: 1, ..Default::default() }, usize::MAX);
    let running = rig.ask(1, SOON);
    rig.settle().await;
    let late = rig.ask(2, Duration::ZERO);
    rig.settle().await;
    assert_eq!(rig.ask(2, SOON).await.unwrap(), Err(EngineError::Full));
    let fits = rig.ask(1, SOON);
    rig.settle().await;
    rig.open.send(()).unwrap();
    rig.open.send(()).unwrap();
    assert_eq!(running.await.unwrap(), Ok(1));
    assert_eq!(late.await.unwrap(), Err(EngineError::Late));
    assert_eq!(fits.await.unwrap(), Ok(1));
}

#[tokio::test]
async fn places_of_callers_who_left_are_given_to_others() {
    let rig = rig(ServeSettings { queue_capacity: 2, max_batch: 1, ..Default::default() }, usize::MAX);
    let running = rig.ask(1, SOON);
    rig.settle().await;
    let left = rig.ask(2, SOON);
    rig.settle().await;
    left.abort();
    rig.settle().await;
    let stays = rig.ask(2, SOON);
    rig.settle().await;
    for _ in 0..3 {
        rig.open.send(()).unwrap();
    }
    assert_eq!(running.await.unwrap(), Ok(1));
    assert_eq!(stays.await.unwrap(), Ok(2));
}

#[tokio::test]
async fn too_few_answers_are_no_answer() {
    let rig = rig(ServeSettings::default(), 0);
    rig.open.send(()).unwrap();
    let broken = Err(EngineError::Broken(PredictorFailure::InvalidAnswer));
    assert_eq!(rig.ask(1, SOON).await.unwrap(), broken);
}

#[test]
fn answers_that_can_t_be_right_are_withheld() {
    let sound = |risk: PatientRisk| {
        answer::is_sound(&risk, &question(), AnswerShape { horizons: 2, embedding_width: Some(2) })
    };
    assert!(sound(risk(0, vec![0.0, 1.0])));
    assert!(!sound(risk(1, vec![0.0, 1.0])), "another code than asked for");
    assert!(!sound(risk(0, vec![0.5])), "a horizon is missing");
    assert!(!sound(risk(0, vec![0.5, 0.4])), "a risk that falls with time");
    for impossible in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        assert!(!sound(risk(0, vec![0.0, impossible])));
    }
    let mut reference = risk(0, vec![0.1, 0.2]);
    reference.codes[0].reference = Some(vec![0.3, f64::NAN]);
    assert!(!sound(reference));
}
