//! What the doors share, and the router that holds them.

use crate::{
    Access, Error, FhirServers, Governance, Models, Offered, Predictor, ServeSettings, access, doors,
    doors::Rule,
    engine::{AnswerShape, Engine},
    error::ApiError,
    frame,
    governance::{Believed, StageOf},
    kept::KeptPatients,
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
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A server's state: the model, what holds it, the engine in front of it, limits, measures. Cheap to clone; the predictor's
/// threads end when the last clone is dropped.
#[derive(Clone)]
pub struct AppState {
    shared: Arc<Shared>,
    /// Where the model stood when a call came that this is the state of; it states nothing else.
    stage: Option<Stage>,
}

/// What belongs to one model. A request keeps the one that was there when it came.
struct Shared {
    predictor: Arc<dyn Predictor>,
    model: ServedModel,
    engine: Engine,
    stage: Option<StageOf>,
    common: Arc<Common>,
}

/// What models share that one server answers with, and what stays when another takes over.
pub(crate) struct Common {
    pub(crate) metrics: Arc<Metrics>,
    governance: Governance,
    /// Whose tokens are believed now.
    believed: RwLock<Believed>,
    rules: HashMap<&'static str, Rule>,
    settings: ServeSettings,
    pages: Pages,
    admitted: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    simulations: Arc<Semaphore>,
    reasonings: Arc<Semaphore>,
    buffered_kib: Arc<Semaphore>,
    /// Places for silent questions, and the turn of the one that is asked.
    pub(crate) mirror_places: Arc<Semaphore>,
    pub(crate) mirror_turn: Arc<Semaphore>,
    /// Places for calls that are being answered and recorded, of which a server that ends waits for all.
    pub(crate) settling: Arc<Semaphore>,
    kept: KeptPatients,
    draining: AtomicBool,
}

/// More calls than any server has under way.
const MOST_SETTLING: u32 = 1 << 20;

/// A request's leave to use the model.
pub(crate) struct Admission {
    pub(crate) deadline: Instant,
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Common {
    pub(crate) fn new(mut governance: Governance, settings: ServeSettings) -> Result<Arc<Self>, Error> {
        settings.check()?;
        let metrics = Arc::new(Metrics::new());
        Ok(Arc::new(Common {
            kept: KeptPatients::new(&settings, metrics.clone()),
            metrics,
            believed: RwLock::new(governance.access.take_believed()),
            governance,
            rules: doors::rules(),
            pages: Pages::new(),
            admitted: Arc::new(Semaphore::new(settings.max_in_flight)),
            readers: Arc::new(Semaphore::new(settings.reader_threads)),
            simulations: Arc::new(Semaphore::new(settings.max_simulations)),
            reasonings: Arc::new(Semaphore::new(settings.max_reasonings)),
            buffered_kib: Arc::new(Semaphore::new(settings.max_buffered_bytes.div_ceil(1024))),
            mirror_places: Arc::new(Semaphore::new(settings.max_mirrored)),
            mirror_turn: Arc::new(Semaphore::new(1)),
            settling: Arc::new(Semaphore::new(MOST_SETTLING as usize)),
            settings,
            draining: AtomicBool::new(false),
        }))
    }

    /// Changes whose tokens are believed from now on.
    pub(crate) fn believe(&self, change: impl FnOnce(&mut Believed)) -> Result<(), Error> {
        if matches!(self.governance.access, Access::Open) {
            return Err(Error::Setting {
                name: "identities",
                reason: "are of no use where everybody is let in",
            });
        }
        change(&mut self.believed.write().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

impl AppState {
    /// A server with this model alone: asks the predictor what it is and starts its threads.
    ///
    /// # Errors
    /// When the settings allow no request, the description is unusable, or no thread can be started.
    pub fn new(
        predictor: Arc<dyn Predictor>,
        mut governance: Governance,
        settings: ServeSettings,
    ) -> Result<Self, Error> {
        let stage = governance.stage.take();
        AppState::of(Offered { predictor, name: None, stage }, Common::new(governance, settings)?)
    }

    /// One of the models of a server.
    pub(crate) fn of(offered: Offered, common: Arc<Common>) -> Result<Self, Error> {
        let Offered { predictor, name, stage } = offered;
        let mut description = predictor.describe();
        if let Some(name) = name {
            description.name = name;
        }
        let model = ServedModel::new(description, predictor.embedding_width())?;
        let shape = AnswerShape {
            horizons: model.description.horizons_days.len(),
            embedding_width: predictor.embedding_width(),
        };
        let engine = Engine::start(predictor.clone(), shape, &common.settings, common.metrics.clone())?;
        let shared = Shared { predictor, model, engine, stage, common };
        Ok(AppState { shared: Arc::new(shared), stage: None })
    }

    pub(crate) fn common(&self) -> &Arc<Common> {
        &self.shared.common
    }

    /// Is it this very model, loaded this very time?
    pub(crate) fn is(&self, other: &AppState) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Is its stage looked up?
    pub(crate) fn has_stage_of_its_own(&self) -> bool {
        self.shared.stage.is_some()
    }

    /// Is this its name, or its digest?
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let description = &self.shared.model.description;
        name == description.name || name == description.digest
    }

    /// Refuses a request that names another model.
    pub(crate) fn answers_as(&self, name: Option<&str>) -> Result<(), ApiError> {
        if name.is_none_or(|name| self.is_called(name)) { Ok(()) } else { Err(ApiError::NoSuchModel) }
    }

    pub(crate) fn predictor(&self) -> &Arc<dyn Predictor> {
        &self.shared.predictor
    }

    pub(crate) fn model(&self) -> &ServedModel {
        &self.shared.model
    }

    /// The same for one call, whose answer states this stage throughout.
    pub(crate) fn at(&self, stage: Stage) -> Self {
        AppState { stage: Some(stage), ..self.clone() }
    }

    /// Where the model stood when the call came, or stands at this moment, for what is told of it; one of which that isn't known
    /// answers nobody.
    pub(crate) fn stage(&self) -> Stage {
        self.stage.or_else(|| self.known_stage()).unwrap_or(Stage::Retired)
    }

    /// Where the model stands at this moment, if that can be told.
    pub(crate) fn known_stage(&self) -> Option<Stage> {
        self.shared.stage.as_ref().map_or(Some(self.shared.model.description.stage), |stage| stage())
    }

    pub(crate) fn governance(&self) -> &Governance {
        &self.shared.common.governance
    }

    /// Whose tokens are believed at this moment.
    pub(crate) fn believed(&self) -> Believed {
        self.shared.common.believed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The FHIR servers that may be asked, if there are any.
    pub(crate) fn fhir_servers(&self) -> Option<&FhirServers> {
        self.governance().fhir_servers.as_ref()
    }

    /// What the door at this path asks; `None` where there is none.
    pub(crate) fn rule(&self, path: &str) -> Option<Rule> {
        self.shared.common.rules.get(path).copied()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.common.metrics
    }

    pub(crate) fn settings(&self) -> &ServeSettings {
        &self.shared.common.settings
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.shared.common.pages
    }

    pub(crate) fn readers(&self) -> &Arc<Semaphore> {
        &self.shared.common.readers
    }

    /// Turns at drawing futures.
    pub(crate) fn simulations(&self) -> &Arc<Semaphore> {
        &self.shared.common.simulations
    }

    /// Turns at reasoning.
    pub(crate) fn reasonings(&self) -> &Arc<Semaphore> {
        &self.shared.common.reasonings
    }

    pub(crate) fn buffered_kib(&self) -> &Arc<Semaphore> {
        &self.shared.common.buffered_kib
    }

    /// The patients that callers left here.
    pub(crate) fn kept(&self) -> &KeptPatients {
        &self.shared.common.kept
    }

    /// Lets a request in, or says that there are as many as there may be.
    pub(crate) fn admit(&self) -> Result<Admission, ApiError> {
        let permit =
            self.shared.common.admitted.clone().try_acquire_owned().map_err(|_| ApiError::Overloaded)?;
        let deadline = Instant::now() + self.settings().request_timeout;
        Ok(Admission { deadline, permit })
    }

    /// From now on the server says that it isn't ready, and answers what it still gets.
    pub(crate) fn start_draining(&self) {
        self.shared.common.draining.store(true, Ordering::Relaxed);
    }

    /// Waits until every call is on record whose caller left while it was answered.
    pub(crate) async fn settled(&self) {
        // The semaphore is never closed.
        let _ = self.common().settling.acquire_many(MOST_SETTLING).await;
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.common.draining.load(Ordering::Relaxed)
    }
}

/// Every door, behind the ledger and access control, and framed: request ids, measures, log, security headers, errors. `models` are
/// [`Models`], or an [`AppState`] alone.
pub fn app(models: impl Into<Models>) -> Router {
    let models = models.into();
    doors::router()
        .layer(middleware::from_fn_with_state(models.clone(), record::record))
        .layer(middleware::from_fn_with_state(models.clone(), access::admit))
        .layer(middleware::from_fn_with_state(models.clone(), frame::frame))
        .with_state(models)
}
