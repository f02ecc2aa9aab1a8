//! What is known of codes besides their identity: broader codes, and the words of their descriptions.

use anyhow::Result;
use events::meds::CodeMetadata;
use model::{EmbeddingFeatures, FurtherCode, Model};
use std::collections::{BTreeMap, BTreeSet};
use timeline::{Entry, EntryKind, Hierarchy, Tokenizer, Vocabulary};

/// The features of a vocabulary's codes: first the words that several descriptions share, then the codes themselves
/// as somebody's broader code.
pub struct CodeFeatures<'a> {
    vocabulary: &'a Vocabulary,
    words: BTreeMap<String, u32>,
}

impl<'a> CodeFeatures<'a> {
    /// The features that a vocabulary defines: the same for the same vocabulary.
    pub fn new(vocabulary: &'a Vocabulary) -> Self {
        let mut uses: BTreeMap<String, u32> = BTreeMap::new();
        for entry in vocabulary.entries() {
            for word in words(entry.description.as_deref()) {
                *uses.entry(word).or_default() += 1;
            }
        }
        let shared = uses.into_iter().filter(|(_, n)| *n > 1).zip(0..);
        CodeFeatures { vocabulary, words: shared.map(|((word, _), i)| (word, i)).collect() }
    }

    /// For the model's configuration.
    pub fn embedding(&self) -> EmbeddingFeatures {
        let codes = 0..self.vocabulary.len() as u32;
        let parents: BTreeSet<u32> = codes.clone().filter_map(|code| self.parent(code)).collect();
        let by_code = codes
            .map(|code| {
                // A broader code is the nearest of its own: what its narrower codes teach, it knows too, although it may
                // never have stood in a record itself.
                let itself = parents.contains(&code).then_some(code);
                let broader = itself.into_iter().chain(self.vocabulary.ancestors(code));
                self.of(self.vocabulary.entry(code).and_then(|e| e.description.as_deref()), broader)
            })
            .collect();
        EmbeddingFeatures { count: self.words.len() + self.vocabulary.len(), by_code }
    }

    fn parent(&self, code: u32) -> Option<u32> {
        self.vocabulary.entry(code).and_then(|entry| entry.parent)
    }

    fn of(&self, description: Option<&str>, broader: impl Iterator<Item = u32>) -> Vec<u32> {
        let words_here = words(description).into_iter().filter_map(|word| self.words.get(&word).copied());
        words_here.chain(broader.map(|code| self.words.len() as u32 + code)).collect()
    }

    /// A code that the vocabulary does not have, as a further entry and its features; nothing where neither a broader code nor
    /// a word of its description is known.
    fn further(&self, code: &CodeMetadata, hierarchy: &Hierarchy) -> Option<(Entry, Vec<u32>)> {
        if self.vocabulary.read_as(&code.code).is_some() || code.code.is_empty() {
            return None;
        }
        let ancestors = hierarchy.ancestors(&code.code);
        let parent =
            ancestors.iter().find_map(|a| self.vocabulary.index_of(a).filter(|i| *i > Vocabulary::DEATH));
        let broader = parent.into_iter().chain(parent.into_iter().flat_map(|p| self.vocabulary.ancestors(p)));
        let features = self.of(code.description.as_deref(), broader);
        let entry = Entry {
            code: events::Code::new(&code.code),
            description: code.description.clone(),
            parent,
            kind: EntryKind::Event,
            subjects: 0,
            events: 0,
            values: Vec::new(),
            is_procedure: code.is_procedure,
        };
        (!features.is_empty()).then_some((entry, features))
    }
}

/// A model and a tokenizer that read the codes which training never saw by what `codes` says of them, and how many
/// those are. What the model says of records without them stays as it is.
pub fn described(
    model: &Model,
    tokenizer: Tokenizer,
    codes: &[CodeMetadata],
) -> Result<Option<(Model, Tokenizer, usize)>> {
    let (entries, further): (Vec<Entry>, Vec<FurtherCode>) = {
        let known = CodeFeatures::new(tokenizer.vocabulary());
        if model.config().features.count != known.words.len() + tokenizer.vocabulary().len() {
            return Ok(None);
        }
        let mut seen = BTreeSet::new();
        let new = codes.iter().filter(|code| seen.insert(code.code.as_str()));
        let further =
            new.filter_map(|code| known.further(code, tokenizer.hierarchy())).map(|(entry, features)| {
                let vocabulary = tokenizer.vocabulary();
                let parent = entry.parent.filter(|parent| !vocabulary.is_system(*parent));
                let broader =
                    parent.into_iter().chain(entry.parent.into_iter().flat_map(|p| vocabulary.broader(p)));
                let broader = broader.filter(|code| model.config().risk_index(*code).is_some()).collect();
                (entry, FurtherCode { features, broader })
            });
        further.unzip()
    };
    if entries.is_empty() {
        return Ok(None);
    }
    let n = entries.len();
    let vocabulary = tokenizer.vocabulary().with_further(entries)?;
    Ok(Some((model.with_further_codes(further)?, tokenizer.with_vocabulary(vocabulary), n)))
}

/// The distinct words of a description.
fn words(description: Option<&str>) -> BTreeSet<String> {
    let description = description.unwrap_or_default();
    let words = description.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Deidentified, Event, Subject, Time};
    use model::{Config, Size};
    use timeline::{VocabularyBuilder, VocabularyOptions};

    fn code(code: &str, description: &str) -> CodeMetadata {
        CodeMetadata {
            code: code.into(),
            description: Some(description.into()),
            parents: vec![],
            is_procedure: false,
        }
    }

    fn vocabulary(codes: &[CodeMetadata]) -> Vocabulary {
        let options = VocabularyOptions { minimum_subjects: 1, ..VocabularyOptions::default() };
        let mut builder = VocabularyBuilder::new(options, codes).unwrap();
        for id in 0..3 {
            let at =
                |code: &CodeMetadata| Event::new(Some(Time::from_micros(id)), events::Code::new(&code.code));
            let subject = Subject::new(id, codes.iter().map(at).collect());
            #[expect(clippy::disallowed_methods, reason = "made up here")]
            builder.push(&Deidentified::vouch(subject));
        }
        builder.finish().unwrap()
    }

    #[test]
    fn broader_codes_share_what_narrower_ones_teach_and_unseen_ones_are_described() {
        let codes = [
            code("ICD10CM//E11.9", "type 2 diabetes mellitus"),
            code("ICD10CM//E11.65", "type 2 diabetes with hyperglycemia"),
            code("ICD10CM//I10", "essential hypertension"),
        ];
        let vocabulary = vocabulary(&codes);
        let known = CodeFeatures::new(&vocabulary);
        let features = known.embedding();
        let of = |code: &str| &features.by_code[vocabulary.index_of(code).unwrap() as usize];
        let group = known.words.len() as u32 + vocabulary.index_of("ICD10CM//E11").unwrap();
        assert!(of("ICD10CM//E11.9").contains(&group) && of("ICD10CM//E11").contains(&group));
        assert!(!of("ICD10CM//I10").contains(&group));
        let hierarchy = Hierarchy::default();
        let unseen = code("ICD10CM//E11.22", "Type 2 diabetes with kidney disease");
        let (entry, features) = known.further(&unseen, &hierarchy).unwrap();
        assert_eq!(entry.parent, vocabulary.index_of("ICD10CM//E11"));
        assert!(features.contains(&group) && features.contains(&known.words["diabetes"]));
        assert!(known.further(&codes[0], &hierarchy).is_none(), "a code that has a token");
        assert!(known.further(&code("OTHER", "nothing alike"), &hierarchy).is_none());

        let mut config = Config::of_size(Size::Tiny, vocabulary.len(), 0, Some(3), &[]);
        config.features = known.embedding();
        let model = Model::new(config, 1).unwrap();
        let given = [unseen.clone(), unseen, codes[0].clone()];
        let (more, tokenizer, n) =
            described(&model, Tokenizer::new(vocabulary.clone()), &given).unwrap().unwrap();
        assert_eq!((n, more.config().vocabulary_size), (1, vocabulary.len() + 1));
        assert_eq!(tokenizer.vocabulary().index_of("ICD10CM//E11.22"), Some(vocabulary.len() as u32));
        assert!(described(&model, Tokenizer::new(vocabulary), &codes).unwrap().is_none(), "nothing unseen");
    }
}
