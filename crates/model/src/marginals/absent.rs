//! Risks that the training data says nothing of.
//!
//! A site that codes by category never writes the narrower codes that another site's model has risks for. Trained on there, every
//! one of these hundreds of risks says "less", and says it through the state that all risks share, which lowers the others too.

use crate::data::TrainingData;
use crate::model::Model;

/// What a loss counts for that is to count for nothing: its gradient vanishes, and logarithms of it are still numbers.
const NEXT_TO_NOTHING: f32 = 1e-30;

/// Risks that were put to rest, and what they counted for before.
#[derive(Debug)]
pub struct Rested {
    /// How many.
    pub codes: usize,
    weights: Vec<f32>,
}

impl Model {
    /// Takes the risks of codes that nobody in `data` has, nor any narrower one, out of what is trained, until [`Model::wake`].
    /// For going on with a model on other people's records.
    pub fn rest_absent_risks(&mut self, data: &dyn TrainingData) -> Rested {
        let config = &self.config;
        let mut there = vec![false; config.risk.codes.len()];
        for index in 0..data.len() {
            let sequence = data.sequence(index);
            let death = config.death_code.filter(|_| sequence.died);
            for code in sequence.code.iter().copied().chain(death) {
                if (code as usize) < config.vocabulary_size {
                    config.risk_indices(code).for_each(|index| there[index] = true);
                }
            }
        }
        let counts =
            |(index, there): (usize, &bool)| if *there { config.risk.weight(index) } else { NEXT_TO_NOTHING };
        let weights = there.iter().enumerate().map(counts).collect();
        Rested {
            codes: there.iter().filter(|there| !**there).count(),
            weights: std::mem::replace(&mut self.config.risk.weights, weights),
        }
    }

    /// Lets all risks count as they did before [`Model::rest_absent_risks`].
    pub fn wake(&mut self, rested: Rested) {
        self.config.risk.weights = rested.weights;
    }
}
