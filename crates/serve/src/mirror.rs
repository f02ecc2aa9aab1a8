//! Silent traffic: what the first model was asked is asked of another too, after the answer. Nobody waits for it and nobody sees
//! it: it goes to the ledger alone. It gives way to callers, and what there is no room for is left out and counted.

use crate::{
    AppState, Error, PredictError, RiskQuestion, Stage,
    engine::EngineError,
    record::append,
    wire::{PatientAnswer, RankBy},
};
use govern::{
    ledger::{Call, ModelState},
    stamp,
};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::OwnedSemaphorePermit, time::sleep};

/// How often it is looked whether the model that callers wait for is idle.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A model that is asked silently.
pub(crate) struct Mirror {
    /// Whose questions it is asked.
    first: AppState,
    model: AppState,
    share: f64,
}

/// What became of a silent question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mirrored {
    /// The answer, or that there is none for this patient, is in the ledger.
    Recorded,
    /// There was no room, or callers left it no time.
    Dropped,
    /// It could not be recorded.
    Unrecorded,
}

impl Mirrored {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Mirrored::Recorded => "recorded",
            Mirrored::Dropped => "dropped",
            Mirrored::Unrecorded => "unrecorded",
        }
    }
}

impl Mirror {
    pub(crate) fn new(first: AppState, model: AppState, share: f64) -> Result<Self, Error> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::Setting {
                name: "share",
                reason: "of mirrored requests must be above 0 and up to 1",
            });
        }
        Ok(Mirror { first, model, share })
    }

    pub(crate) fn mirrors(&self, state: &AppState) -> bool {
        self.first.is(state)
    }

    /// Is this request among those of which the other is asked too?
    pub(crate) fn takes(&self) -> bool {
        let mut drawn = [0; 4];
        self.share >= 1.0
            || getrandom::fill(&mut drawn).is_ok()
                && f64::from(u32::from_le_bytes(drawn)) < self.share * f64::from(u32::MAX)
    }

    /// Asks, some time later, what was asked in `call`, which is answered.
    pub(crate) fn ask(&self, questions: Vec<RiskQuestion>, call: Call) {
        let Ok(place) = self.model.common().mirror_places.clone().try_acquire_owned() else {
            self.model.metrics().mirrored(Mirrored::Dropped);
            return;
        };
        let silent = Silent {
            first: self.first.clone(),
            model: self.model.clone(),
            questions,
            call: Call { door: format!("{} (mirrored)", call.door), withheld: true, ..call },
            until: Instant::now() + self.model.settings().mirror_patience,
            _place: place,
        };
        tokio::spawn(async move {
            let model = silent.model.clone();
            model.metrics().mirrored(silent.run().await);
        });
    }
}

/// A silent question on its way.
struct Silent {
    first: AppState,
    model: AppState,
    questions: Vec<RiskQuestion>,
    call: Call,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Silent {
    async fn run(mut self) -> Mirrored {
        // One at a time, so that callers never wait for more than one.
        let Ok(_turn) = self.model.common().mirror_turn.clone().acquire_owned().await else {
            return Mirrored::Dropped;
        };
        while !self.first.engine().is_idle() {
            if Instant::now() >= self.until {
                return Mirrored::Dropped;
            }
            sleep(LOOK_EVERY).await;
        }
        let stage = self.model.stage();
        if stage == Stage::Retired || Instant::now() >= self.until {
            return Mirrored::Dropped;
        }
        let (asked, all) = self.translated();
        if asked.iter().any(|question| question.codes.is_empty()) {
            return Mirrored::Dropped;
        }
        let begun = Instant::now();
        let asker: Arc<str> = self.call.caller.as_str().into();
        let arrival = self.model.engine().expect_arrival();
        let answers = self.model.engine().ask(asked.clone(), &asker, self.until, arrival).await;
        let description = &self.model.model().description;
        let (status, output) = match answers {
            Ok(risks) => {
                let horizons: Vec<usize> = (0..description.horizons_days.len()).collect();
                let top = if all { self.model.settings().default_top } else { usize::MAX };
                let told = asked.iter().zip(risks).map(|(question, risk)| {
                    let counts = question.patient.counts;
                    PatientAnswer::of(self.model.model(), &horizons, counts, risk, RankBy::Risk, top)
                });
                let patients: Vec<PatientAnswer<'_>> = told.collect();
                (200, json!({ "horizons_days": description.horizons_days, "patients": patients }))
            }
            Err((_, EngineError::Predict(PredictError::OutOfScope { .. }))) => (422, error("out_of_scope")),
            Err((_, EngineError::Full | EngineError::Late | EngineError::Closed)) => {
                return Mirrored::Dropped;
            }
            Err(_) => (500, error("predictor_failed")),
        };
        let bytes = output.to_string();
        self.call.model =
            ModelState { name: description.name.clone(), digest: description.digest.clone(), stage };
        self.call.time = stamp((self.model.governance().clock)());
        self.call.status = status;
        self.call.latency_ms = (begun.elapsed().as_secs_f64() * 1e5).round() / 100.0;
        self.call.output_digest = blake3::hash(bytes.as_bytes()).to_hex().to_string();
        self.call.output = (bytes.len() <= self.model.settings().max_ledger_output_bytes).then_some(output);
        match append(&self.model, self.call).await {
            Ok(_) => Mirrored::Recorded,
            Err(_) => Mirrored::Unrecorded,
        }
    }

    /// The questions in the other model's codes, and whether they are about all that it is asked of by itself. Codes that it doesn't
    /// know are left out.
    fn translated(&self) -> (Vec<RiskQuestion>, bool) {
        let (from, to) = (self.first.model(), self.model.model());
        let is_all = |question: &RiskQuestion| question.codes == from.default_codes();
        let all = self.questions.iter().all(is_all);
        let translate = |question: &RiskQuestion| {
            let known =
                question.codes.iter().filter_map(|code| to.index_of(&from.description.codes[*code].code));
            let codes = if is_all(question) { to.default_codes() } else { known.collect() };
            RiskQuestion::new(question.patient.clone(), codes)
        };
        (self.questions.iter().map(translate).collect(), all)
    }
}

fn error(code: &str) -> Value {
    json!({ "error": code })
}
