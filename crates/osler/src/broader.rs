//! What is broader than a code, for labels and references: as a model's vocabulary has it, or as classifications alone do.

use ::evaluate::tasks::Broader;
use smol_str::SmolStr;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use timeline::{Hierarchy, Resolution, Tokenizer};

/// Looks a code up once.
pub struct BroaderCodes<F> {
    look_up: F,
    known: RefCell<HashMap<SmolStr, Arc<[SmolStr]>>>,
}

/// By a vocabulary: the broader codes that have a token, as a model's risks take them.
pub fn by_vocabulary(tokenizer: &Tokenizer) -> BroaderCodes<impl Fn(&str) -> Vec<SmolStr> + '_> {
    let vocabulary = tokenizer.vocabulary();
    let name = |index: u32| vocabulary.entry(index).map(|entry| SmolStr::new(entry.code.as_str()));
    BroaderCodes::new(move |code| match vocabulary.resolve(code, tokenizer.hierarchy()) {
        // Another site's code is the one that it is read as.
        Resolution::Exact(index) => {
            let itself = std::iter::once(index).filter(|index| name(*index).is_some_and(|name| name != code));
            itself.chain(vocabulary.broader(index)).filter_map(name).collect()
        }
        Resolution::BackedOff(index) => {
            let nearest = std::iter::once(index).filter(|index| !vocabulary.is_system(*index));
            nearest.chain(vocabulary.broader(index)).filter_map(name).collect()
        }
        Resolution::Unknown => Vec::new(),
    })
}

/// By classifications, where no vocabulary is at hand: the nearest broader code, its own, and so on, as a vocabulary has them too.
pub fn by_classification(hierarchy: &Hierarchy) -> BroaderCodes<impl Fn(&str) -> Vec<SmolStr> + '_> {
    BroaderCodes::new(|code| hierarchy.line(code))
}

impl<F: Fn(&str) -> Vec<SmolStr>> BroaderCodes<F> {
    fn new(look_up: F) -> Self {
        BroaderCodes { look_up, known: RefCell::default() }
    }
}

impl<F: Fn(&str) -> Vec<SmolStr>> Broader for BroaderCodes<F> {
    fn broader(&self, code: &str) -> Arc<[SmolStr]> {
        if let Some(known) = self.known.borrow().get(code) {
            return known.clone();
        }
        let found: Arc<[SmolStr]> = (self.look_up)(code).into();
        self.known.borrow_mut().insert(SmolStr::new(code), found.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Code, Deidentified, Event, Subject, Time};
    use timeline::{LocalCode, VocabularyBuilder, VocabularyOptions};

    #[test]
    fn a_vocabulary_and_classifications_agree_and_systems_are_no_outcome() {
        let options = VocabularyOptions { minimum_subjects: 2, ..VocabularyOptions::default() };
        let mut builder = VocabularyBuilder::new(options, &[]).unwrap();
        for id in 0..4 {
            let code = if id < 3 { "ICD10CM//E11.65" } else { "ICD10CM//E11.22" };
            let event = Event::new(Some(Time::from_micros(id)), Code::new(code));
            #[expect(clippy::disallowed_methods, reason = "made up here")]
            builder.push(&Deidentified::vouch(Subject::new(id, vec![event])));
        }
        let tokenizer = Tokenizer::new(builder.finish().unwrap());
        let hierarchy = Hierarchy::default();
        let (vocabulary, classes) = (by_vocabulary(&tokenizer), by_classification(&hierarchy));
        let told = |of: &dyn Broader, code: &str| of.broader(code).join(" ");
        let broader = "ICD10CM//E11.6 ICD10CM//E11 ICD10CM//E08-E13 ICD10CM//E00-E89";
        assert_eq!(told(&vocabulary, "ICD10CM//E11.65"), broader);
        assert_eq!(told(&classes, "ICD10CM//E11.65"), broader);
        // One person alone has it: it stands for the category, which has a token.
        assert_eq!(told(&vocabulary, "ICD10CM//E11.22"), "ICD10CM//E11 ICD10CM//E08-E13 ICD10CM//E00-E89");
        assert_eq!(told(&vocabulary, "ICD10CM//Z99.9"), "", "nothing but the system is known");
        assert_eq!(told(&vocabulary, "OTHER"), "");
        assert_eq!(told(&vocabulary, "ICD10CM//E11"), "ICD10CM//E08-E13 ICD10CM//E00-E89");
        let token = tokenizer.vocabulary().index_of("ICD10CM//E11").unwrap();
        let local = vec![LocalCode { code: Code::new("DX//250"), token, values: vec![] }];
        let adopted =
            tokenizer.clone().with_vocabulary(tokenizer.vocabulary().with_local_codes(local).unwrap());
        let narrower = "ICD10CM//E11 ICD10CM//E08-E13 ICD10CM//E00-E89";
        assert_eq!(told(&by_vocabulary(&adopted), "DX//250"), narrower, "as what it is read");
    }
}
