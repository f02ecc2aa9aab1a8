//! The model that answers now, and how another takes over while requests are under way; and the certificate that is shown.

use crate::{AppState, Error, Predictor, Tls, app, governance::StageOf};
use axum::Router;
use std::sync::{Arc, PoisonError, RwLock};

/// A server whose model can be exchanged. Each request is answered to its end by the model that was there when its head
/// had come; none is dropped, and none sees two. A model's threads and memory go with the last request that it answers. Until
/// then both models are in memory. Cheap to clone.
#[derive(Clone)]
pub struct Current {
    serving: Arc<RwLock<Serving>>,
    tls: Arc<RwLock<Option<Tls>>>,
}

#[derive(Clone)]
struct Serving {
    state: AppState,
    app: Router,
}

impl From<AppState> for Current {
    fn from(state: AppState) -> Self {
        let app = app(state.clone());
        Current { serving: Arc::new(RwLock::new(Serving { state, app })), tls: Arc::default() }
    }
}

impl Current {
    /// Lets another model answer from now on. `stage` says where it stands; where the first model's stage was looked up, it must be.
    ///
    /// # Errors
    /// When the model can't be served; the one before goes on then.
    pub fn exchange(&self, predictor: Arc<dyn Predictor>, stage: Option<StageOf>) -> Result<(), Error> {
        let state = self.state().with_model(predictor, stage)?;
        let app = app(state.clone());
        // What was there is dropped after the lock: ending its threads may take time.
        let _before = {
            let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *serving, Serving { state, app })
        };
        Ok(())
    }

    /// From now on new connections speak TLS alone, and are shown this certificate. Those that are open go on as they are.
    pub fn show(&self, tls: Tls) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn state(&self) -> AppState {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).state.clone()
    }

    pub(crate) fn app(&self) -> Router {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).app.clone()
    }
}
