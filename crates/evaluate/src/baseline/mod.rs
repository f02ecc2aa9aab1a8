//! What age and sex alone would say, and rows of counts for those who want more than that. Every model is shown beside
//! age and sex: a model that can't beat them has learned demography.

mod counts;
mod incidence;
mod logistic;

pub use counts::{CountColumns, CountColumnsBuilder};
pub use incidence::{AgeSexIncidence, CodeIncidence, IncidenceBuilder, IncidenceSettings};
pub use logistic::{AgeSexLogistic, AgeSexRow};
