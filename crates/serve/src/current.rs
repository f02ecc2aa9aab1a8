//! The model that answers now, and how another takes over while requests are under way.

use crate::{AppState, Error, Predictor, app, governance::StageOf};
use axum::Router;
use std::sync::{Arc, PoisonError, RwLock};

/// A server whose model can be exchanged. Each request is answered to its end by the model that was there when its head
/// had come; none is dropped, and none sees two. A model's threads and memory go with the last request that it answers. Until
/// then both models are in memory. Cheap to clone.
#[derive(Clone)]
pub struct Current(Arc<RwLock<Serving>>);

#[derive(Clone)]
struct Serving {
    state: AppState,
    app: Router,
}

impl From<AppState> for Current {
    fn from(state: AppState) -> Self {
        let app = app(state.clone());
        Current(Arc::new(RwLock::new(Serving { state, app })))
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
            let mut serving = self.0.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *serving, Serving { state, app })
        };
        Ok(())
    }

    pub(crate) fn state(&self) -> AppState {
        self.0.read().unwrap_or_else(PoisonError::into_inner).state.clone()
    }

    pub(crate) fn app(&self) -> Router {
        self.0.read().unwrap_or_else(PoisonError::into_inner).app.clone()
    }
}
