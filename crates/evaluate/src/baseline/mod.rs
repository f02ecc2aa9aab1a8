//! What age and sex alone would say. Every model is shown beside it: a model that can't beat it has learned
//! demography.

mod incidence;
mod logistic;

pub use incidence::{AgeSexIncidence, IncidenceBuilder, IncidenceSettings};
pub use logistic::{AgeSexLogistic, AgeSexRow};
