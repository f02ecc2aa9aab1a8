//! Codes that training never saw, by what is known of them.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::weights::Layout;

/// The bias of a code that training never saw: it is read, and never expected.
const NEVER: f32 = -1e4;

/// A code that training never saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FurtherCode {
    /// What is known of it ([`crate::EmbeddingFeatures`]).
    pub features: Vec<u32>,
    /// The risk codes that are broader ([`crate::RiskConfig::broader`]).
    pub broader: Vec<u32>,
}

impl Model {
    /// The same model with further codes behind its own, each known by its features alone (parents, words): its
    /// vector is their sum, without a vector of its own. They can stand in a record that is read; they are never predicted.
    /// All answers about records without them stay as they are, bit for bit.
    ///
    /// # Errors
    /// [`Error::Configuration`] if a code has no feature, or one that the model does not know.
    pub fn with_further_codes(&self, further: Vec<FurtherCode>) -> Result<Self> {
        if further.iter().any(|code| code.features.is_empty()) {
            return Err(Error::Configuration("a further code needs at least one feature".into()));
        }
        let mut config: Config = self.config.clone();
        config.vocabulary_size += further.len();
        config.features.by_code.resize(self.config.vocabulary_size, Vec::new());
        for (index, code) in (self.config.vocabulary_size as u32..).zip(further) {
            config.features.by_code.push(code.features);
            if !code.broader.is_empty() {
                config.risk.broader.insert(index, code.broader);
            }
        }
        config.validate()?;
        let layout = Layout::new(&config);
        let mut weights = vec![0.0; layout.len()];
        for (to, from) in layout.tensors.iter().zip(&self.layout.tensors) {
            let from = from.slot.of(&self.weights);
            to.slot.of_mut(&mut weights)[..from.len()].copy_from_slice(from);
        }
        let own = self.config.vocabulary_size;
        layout.head_bias.of_mut(&mut weights)[own..].fill(NEVER);
        // The number for all codes stands behind those of each.
        let repeat = layout.head_repeat.of_mut(&mut weights);
        let of_all = std::mem::replace(&mut repeat[own], 0.0);
        repeat[config.vocabulary_size] = of_all;
        Ok(Self::assemble(config, layout, weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EmbeddingFeatures, Size};
    use timeline::Sequence;

    fn life<'a>(code: &'a [u32], age_days: &'a [f64], value: &'a [f32]) -> Sequence<'a> {
        Sequence {
            subject_id: 1,
            code,
            age_days,
            value,
            static_len: 1,
            followup_end_age_days: 20_000.0,
            died: false,
            birth_known: true,
        }
    }

    #[test]
    fn known_records_are_answered_as_before_and_described_codes_by_their_description() {
        let mut config = Config::of_size(Size::Tiny, 8, 0, Some(3), &[4, 5, 6]);
        (config.width, config.layers, config.feed_forward) = (16, 2, 32);
        (config.heads, config.key_value_heads) = (2, 2);
        let by_code = (0..8).map(|code| if code > 3 { vec![code % 3] } else { vec![] }).collect();
        config.features = EmbeddingFeatures { count: 3, by_code };
        let mut model = Model::new(config, 5).unwrap();
        let layout = model.layout.clone();
        // Untrained heads say the same of everything.
        for (i, w) in layout.risk_state.of_mut(&mut model.weights).iter_mut().enumerate() {
            *w = (i as f32 * 0.7).sin();
        }
        for (i, w) in layout.head_repeat.of_mut(&mut model.weights).iter_mut().enumerate() {
            *w = i as f32 * 0.1;
        }
        // A code that is nothing but its features.
        let d = model.config.width;
        layout.code.of_mut(&mut model.weights)[7 * d..8 * d].fill(0.0);
        model.refresh();
        let known_by = |features: &[u32]| FurtherCode { features: features.to_vec(), broader: vec![] };
        let more = model.with_further_codes(vec![known_by(&[1]), known_by(&[0, 2])]).unwrap();
        let (age, value) = ([9e3, 9e3, 9.1e3, 9.1e3, 9.1e3], [f32::NAN, f32::NAN, 100.0, f32::NAN, f32::NAN]);
        let (known, further, twin) = ([2, 4, 0, 5, 6], [2, 4, 0, 5, 8], [2, 4, 0, 5, 7]);
        let known = life(&known, &age, &value);
        assert_eq!(model.risk(&[known], None).unwrap(), more.risk(&[known], None).unwrap());
        let (a, b) = (model.log_likelihood(&known).unwrap(), more.log_likelihood(&known).unwrap());
        assert!((a.total() - b.total()).abs() < 1e-4, "{a:?} {b:?}");
        let (further, twin) = (life(&further, &age, &value), life(&twin, &age, &value));
        assert!(model.risk(&[further], None).is_err(), "the model itself does not know the code");
        assert_eq!(more.risk(&[further], None).unwrap(), model.risk(&[twin], None).unwrap());
        assert_ne!(more.risk(&[further], None).unwrap(), more.risk(&[known], None).unwrap());
        assert!(model.with_further_codes(vec![known_by(&[])]).is_err());
        assert!(model.with_further_codes(vec![known_by(&[3])]).is_err());
        // Whoever has a further code has those that are broader.
        let beneath = FurtherCode { broader: vec![6], ..known_by(&[1]) };
        let more = model.with_further_codes(vec![beneath.clone()]).unwrap();
        assert_eq!(more.config.risk_indices(8).collect::<Vec<_>>(), [more.config.risk_index(6).unwrap()]);
        assert!(
            model.with_further_codes(vec![FurtherCode { broader: vec![7], ..beneath }]).is_err(),
            "it has no risk"
        );
    }
}
