//! What the doors share, and the router that holds them.

use crate::{
    Error, Governance, Predictor, ServeSettings, access, doors,
    doors::Rule,
    engine::{AnswerShape, Arrival, Engine},
    error::ApiError,
    frame,
    metrics::Metrics,
    model::ServedModel,
    pages::Pages,
    record,
};
use axum::{Router, middleware};
use govern::lifecycle::Stage;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A server's state: the model, what holds it, the engine in front of it, limits, measures. Cheap to clone; the predictor's
/// threads end when the last clone is dropped.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    predictor: Arc<dyn Predictor>,
    model: ServedModel,
    engine: Engine,
    metrics: Arc<Metrics>,
    governance: Governance,
    rules: HashMap<&'static str, Rule>,
    settings: ServeSettings,
    pages: Pages,
    admitted: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    buffered_kib: Arc<Semaphore>,
    draining: AtomicBool,
}

/// A request's leave to use the model.
pub(crate) struct Admission {
    pub(crate) deadline: Instant,
    pub(crate) arrival: Arrival,
    pub(crate) permit: OwnedSemaphorePermit,
}

impl AppState {
    /// Asks the predictor what it is and starts its threads.
    ///
    /// # Errors
    /// When the settings allow no request, the description is unusable, or no thread can be started.
    pub fn new(
        predictor: Arc<dyn Predictor>,
        governance: Governance,
        settings: ServeSettings,
    ) -> Result<Self, Error> {
        settings.check()?;
        let model = ServedModel::new(predictor.describe(), predictor.embedding_width())?;
        let metrics = Arc::new(Metrics::new(&model.description));
        let shape = AnswerShape {
            horizons: model.description.horizons_days.len(),
            embedding_width: predictor.embedding_width(),
        };
        let engine = Engine::start(predictor.clone(), shape, &settings, metrics.clone())?;
        Ok(AppState(Arc::new(Shared {
            predictor,
            model,
            engine,
            metrics,
            governance,
            rules: doors::rules(),
            pages: Pages::new(),
            admitted: Arc::new(Semaphore::new(settings.max_in_flight)),
            readers: Arc::new(Semaphore::new(settings.reader_threads)),
            buffered_kib: Arc::new(Semaphore::new(settings.max_buffered_bytes.div_ceil(1024))),
            settings,
            draining: AtomicBool::new(false),
        })))
    }

    pub(crate) fn predictor(&self) -> &Arc<dyn Predictor> {
        &self.0.predictor
    }

    pub(crate) fn model(&self) -> &ServedModel {
        &self.0.model
    }

    /// Where the model stands at this moment.
    pub(crate) fn stage(&self) -> Stage {
        self.0.governance.stage.as_ref().map_or(self.0.model.description.stage, |stage| stage())
    }

    pub(crate) fn governance(&self) -> &Governance {
        &self.0.governance
    }

    /// What the door at this path asks; `None` where there is none.
    pub(crate) fn rule(&self, path: &str) -> Option<Rule> {
        self.0.rules.get(path).copied()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    pub(crate) fn settings(&self) -> &ServeSettings {
        &self.0.settings
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.0.pages
    }

    pub(crate) fn readers(&self) -> &Arc<Semaphore> {
        &self.0.readers
    }

    pub(crate) fn buffered_kib(&self) -> &Arc<Semaphore> {
        &self.0.buffered_kib
    }

    /// Lets a request in, or says that there are as many as there may be.
    pub(crate) fn admit(&self) -> Result<Admission, ApiError> {
        let permit = self.0.admitted.clone().try_acquire_owned().map_err(|_| ApiError::Overloaded)?;
        let deadline = Instant::now() + self.settings().request_timeout;
        Ok(Admission { deadline, arrival: self.engine().expect_arrival(), permit })
    }

    /// From now on the server says that it isn't ready, and answers what it still gets.
    pub(crate) fn start_draining(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }
}

/// Every door, behind the ledger and access control, and framed: request ids, measures, log, security headers, errors.
pub fn app(state: AppState) -> Router {
    doors::router()
        .layer(middleware::from_fn_with_state(state.clone(), record::record))
        .layer(middleware::from_fn_with_state(state.clone(), access::admit))
        .layer(middleware::from_fn_with_state(state.clone(), frame::frame))
        .with_state(state)
}
