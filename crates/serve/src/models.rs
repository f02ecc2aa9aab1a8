//! The models that a server answers with, side by side, and which of them is asked where a request names none.

use crate::{
    AppState, Error, Governance, Predictor, ServeSettings, app::Common, governance::StageOf, mirror::Mirror,
};
use std::sync::Arc;

/// A model that a server is to answer with.
pub struct Offered {
    /// The model.
    pub predictor: Arc<dyn Predictor>,
    /// What callers name it by, where that isn't its own name.
    pub name: Option<String>,
    /// Where it stands at this moment; what its description says, where nothing is looked up.
    pub stage: Option<StageOf>,
}

impl Offered {
    /// A model under its own name, that stands where its description says.
    pub fn new(predictor: Arc<dyn Predictor>) -> Self {
        Offered { predictor, name: None, stage: None }
    }

    /// The same, under this name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Offered { name: Some(name.into()), ..self }
    }

    /// The same, with its stage asked for at every call.
    pub fn with_stage(self, stage: StageOf) -> Self {
        Offered { stage: Some(stage), ..self }
    }
}

/// What models do beside answering to their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roles {
    /// Answers CDS Hooks; else the first does.
    pub cds: Option<String>,
    /// Is asked, after the answer, what the first was asked.
    pub mirror: Option<Mirroring>,
}

/// A model that is asked silently: its answers go to the ledger and to nobody.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirroring {
    /// The model's name.
    pub model: String,
    /// The share of requests, 0 to 1, of which it is asked too.
    pub share: f64,
}

/// A server's models: each has a name of its own, and the first is asked where a request names none. Cheap to clone.
#[derive(Clone)]
pub struct Models(Arc<Set>);

struct Set {
    all: Vec<AppState>,
    cds: usize,
    mirror: Option<Mirror>,
    roles: Roles,
}

impl Models {
    /// Asks each predictor what it is and starts its threads. `governance` holds all of them; where each stands is its own
    /// ([`Offered::stage`]).
    ///
    /// # Errors
    /// When there is none, two have one name, a role is given to one that isn't there, or one can't be served.
    pub fn new(
        offered: Vec<Offered>,
        roles: Roles,
        governance: Governance,
        settings: ServeSettings,
    ) -> Result<Self, Error> {
        let common = Common::new(governance, settings)?;
        Models::of(offered, roles, common)
    }

    fn of(offered: Vec<Offered>, roles: Roles, common: Arc<Common>) -> Result<Self, Error> {
        let all = offered
            .into_iter()
            .map(|offered| AppState::of(offered, common.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() {
            return Err(Error::Model { reason: "there is none" });
        }
        let name = |state: &AppState| state.model().description.name.clone();
        for (place, one) in all.iter().enumerate() {
            if all[..place].iter().any(|other| other.is_called(&name(one))) {
                return Err(Error::Model { reason: "two of them have one name; give each its own" });
            }
        }
        let place = |wanted: &str| all.iter().position(|state| name(state) == wanted);
        let cds = match &roles.cds {
            None => 0,
            Some(wanted) => place(wanted)
                .ok_or(Error::Model { reason: "the one that is to answer CDS Hooks is not here" })?,
        };
        let mirror = match &roles.mirror {
            None => None,
            Some(mirroring) => {
                let place = place(&mirroring.model)
                    .ok_or(Error::Model { reason: "the one that is to be mirrored to is not here" })?;
                if place == 0 {
                    return Err(Error::Model { reason: "the first can't be mirrored to itself" });
                }
                Some(Mirror::new(all[0].clone(), all[place].clone(), mirroring.share)?)
            }
        };
        common.metrics.models_serve(all.iter().map(|state| &state.model().description));
        Ok(Models(Arc::new(Set { all, cds, mirror, roles })))
    }

    /// The same server with other models, in the same roles: keys, ledger, limits and measures go on.
    ///
    /// # Errors
    /// As [`Models::new`], and when nothing says where a model stands though something did of those before.
    pub(crate) fn exchanged(&self, offered: Vec<Offered>) -> Result<Self, Error> {
        let looked_up = self.all().iter().any(AppState::has_stage_of_its_own);
        if looked_up && offered.iter().any(|offered| offered.stage.is_none()) {
            return Err(Error::Model { reason: "nothing says where it stands" });
        }
        Models::of(offered, self.0.roles.clone(), self.common().clone())
    }

    /// All of them, the one first that is asked where a request names none.
    pub(crate) fn all(&self) -> &[AppState] {
        &self.0.all
    }

    /// The one that is asked where a request names none.
    pub(crate) fn default(&self) -> &AppState {
        &self.0.all[0]
    }

    /// The one that answers CDS Hooks.
    pub(crate) fn cds(&self) -> &AppState {
        &self.0.all[self.0.cds]
    }

    /// The one of this name, or digest.
    pub(crate) fn called(&self, name: &str) -> Option<&AppState> {
        self.all().iter().find(|state| state.is_called(name))
    }

    /// Who is asked after the answer what `state` was asked, where that is to be.
    pub(crate) fn mirror_of(&self, state: &AppState) -> Option<&Mirror> {
        self.0.mirror.as_ref().filter(|mirror| mirror.mirrors(state))
    }

    pub(crate) fn common(&self) -> &Arc<Common> {
        self.default().common()
    }
}

impl From<AppState> for Models {
    fn from(state: AppState) -> Self {
        state.common().metrics.models_serve([&state.model().description]);
        Models(Arc::new(Set { all: vec![state], cds: 0, mirror: None, roles: Roles::default() }))
    }
}
