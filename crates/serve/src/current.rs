//! The models that answer now, and how others take over while requests are under way; the certificate that is
//! shown; and the identity providers that are believed.

use crate::{AppState, Error, Models, Offered, SignedIn, Tls, app};
use axum::Router;
use govern::access::Tokens;
use std::sync::{Arc, PoisonError, RwLock};

/// A server whose models can be exchanged. Each request is answered to its end by the model that was there when its head
/// had come; none is dropped, and none sees two. A model's threads and memory go with the last request that it answers. Until
/// then those before and after are in memory. Cheap to clone.
#[derive(Clone)]
pub struct Current {
    serving: Arc<RwLock<Serving>>,
    tls: Arc<RwLock<Option<Tls>>>,
}

#[derive(Clone)]
struct Serving {
    models: Models,
    app: Router,
}

impl<M: Into<Models>> From<M> for Current {
    fn from(models: M) -> Self {
        let models = models.into();
        let app = app(models.clone());
        Current { serving: Arc::new(RwLock::new(Serving { models, app })), tls: Arc::default() }
    }
}

impl Current {
    /// Lets other models answer from now on, all at once, in the same roles. Where the stage of one before was looked up, that of
    /// each must be.
    ///
    /// # Errors
    /// When one can't be served, or a role is nobody's; those before go on then.
    pub fn exchange(&self, offered: Vec<Offered>) -> Result<(), Error> {
        let models = self.models().exchanged(offered)?;
        let app = app(models.clone());
        // What was there is dropped after the lock: ending its threads may take time.
        let _before = {
            let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *serving, Serving { models, app })
        };
        Ok(())
    }

    /// From now on tokens of these identity providers are taken, and of no others; without any, none. What is known of the keys of one that
    /// stays is kept. Keys of ours, and requests that were let in, go on.
    ///
    /// # Errors
    /// Where everybody is let in, whom nobody has to know.
    pub fn believe(&self, identities: Option<SignedIn>) -> Result<(), Error> {
        self.models().default().common().believe(|believed| {
            believed.identities = identities.map(|next| match believed.identities.as_ref() {
                Some(before) => next.carrying(before),
                None => next,
            });
        })
    }

    /// The same of the issuers whose tokens the doors of CDS Hooks take.
    ///
    /// # Errors
    /// As [`Current::believe`].
    pub fn believe_hooks(&self, tokens: Option<Tokens>) -> Result<(), Error> {
        self.models().default().common().believe(|believed| believed.tokens = tokens.map(Arc::new))
    }

    /// From now on new connections speak TLS alone, and are shown this certificate. Those that are open go on as they are.
    pub fn show(&self, tls: Tls) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn models(&self) -> Models {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).models.clone()
    }

    /// The one that is asked where a request names none.
    pub(crate) fn state(&self) -> AppState {
        self.models().default().clone()
    }

    pub(crate) fn app(&self) -> Router {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).app.clone()
    }
}
