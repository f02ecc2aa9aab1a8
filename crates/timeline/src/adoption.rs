//! A model of one site at another: which tokens the other's own codes should be read as.
//!
//! Proposals are made from words alone and are for people to judge. What is accepted becomes [`LocalCode`]s of the
//! vocabulary, so that everything that reads records by it reads the other site's.

use crate::{Entry, EntryKind, Hierarchy, LocalCode, Resolution, ValueDistribution, Vocabulary};
use events::Code;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Tokens are looked up by this many of a description's rarest words.
const RAREST_WORDS: usize = 4;
/// A word that more descriptions have than this finds nothing by itself.
const MOST_DESCRIPTIONS: usize = 5_000;
/// How much of a site's description, by weight of words, must be found in the token's for a pair to be worth a look.
const MANY_WORDS: f64 = 0.35;
/// And for it to be sure.
const ALL_WORDS: f64 = 0.99;
/// The next likely token must be at most this share as likely for a pair to be sure.
const NEXT_BEST: f64 = 0.92;
/// Medians in one unit may differ by at most this factor for a pair to be sure.
const MEDIANS_APART: f32 = 3.0;
/// Medians without a unit may differ by at most this factor to be taken for one unit: people differ by less from place to place,
/// units by more (2.2 for pounds and kilograms).
const UNITLESS_MEDIANS_APART: f32 = 1.5;

/// A site's code and the token that it may be read as.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// As the site writes it.
    pub code: Code,
    /// The token; none where no token's description has a third of the words of the code's.
    pub token: Option<u32>,
    /// How alike their descriptions are, in [0, 1]: the Dice coefficient of their words, each weighted by how rare it is.
    pub likeness: f64,
    /// Whether all words of the site's description are in the token's, no other token is nearly as alike, and values in a unit
    /// that both have are of one magnitude. The same code is always sure.
    pub sure: bool,
}

/// The likeliest token for each code of a site that the vocabulary doesn't read and knows no kindred code of, and
/// the codes that it reads, where it doesn't know the site's units or what they measure without one. `site` is the vocabulary of the site's own records, and tells
/// its codes' descriptions and values. In the order of `site`: the commonest codes first.
///
/// Tests are compared with tests, facts without a value with such facts, and static facts with static ones. Two codes of one system
/// are never one thing, however alike their words: `Appendectomy` isn't `History of appendectomy`.
pub fn propose(vocabulary: &Vocabulary, site: &Vocabulary, hierarchy: &Hierarchy) -> Vec<Pair> {
    let descriptions = Descriptions::new(vocabulary, site);
    site.entries()
        .iter()
        .filter(|entry| happens(entry))
        .filter_map(|entry| match vocabulary.resolve(entry.code.as_str(), hierarchy) {
            Resolution::Exact(token) => {
                let pair = Pair { code: entry.code.clone(), token: Some(token), likeness: 1.0, sure: true };
                let new = new_values(vocabulary.entry(token)?, entry);
                let read = |values| reads_values(vocabulary, entry.code.as_str(), token, values);
                new.iter().any(|values| !read(values)).then_some(pair)
            }
            // Kindred codes say more than like words.
            Resolution::BackedOff(token) if !vocabulary.is_system(token) => None,
            _ => Some(descriptions.likeliest(entry).unwrap_or_else(|| Pair {
                code: entry.code.clone(),
                token: None,
                likeness: 0.0,
                sure: false,
            })),
        })
        .collect()
}

/// What a vocabulary needs to read these codes of a site as these tokens. Codes that `site` doesn't know, and tokens that
/// the vocabulary doesn't have, are read all the same or refused by [`Vocabulary::with_local_codes`].
pub fn adopted(vocabulary: &Vocabulary, site: &Vocabulary, pairs: &[(Code, u32)]) -> Vec<LocalCode> {
    let local = |(code, token): &(Code, u32)| {
        let values =
            site.index_of(code.as_str()).and_then(|index| site.entry(index)).zip(vocabulary.entry(*token));
        let values = values.map(|(entry, token)| new_values(token, entry)).unwrap_or_default();
        LocalCode { code: code.clone(), token: *token, values }
    };
    pairs.iter().map(local).collect()
}

/// Are these values of a site's code, read as this token, given ranks that mean something? Two sites that state no unit need not measure
/// in one: there medians must agree.
pub fn reads_values(vocabulary: &Vocabulary, code: &str, token: u32, values: &ValueDistribution) -> bool {
    let unit = values.unit.as_deref();
    vocabulary.distribution_of(code, token, unit).is_some_and(|known| are_in_one_unit(known, values))
}

/// Of two distributions that state the same unit, or none.
fn are_in_one_unit(there: &ValueDistribution, here: &ValueDistribution) -> bool {
    here.unit.is_some() || medians_agree(there, here, UNITLESS_MEDIANS_APART)
}

fn medians_agree(there: &ValueDistribution, here: &ValueDistribution, apart: f32) -> bool {
    let (here, there) = (here.value(0.5), there.value(0.5));
    here == there || (here * there > 0.0 && (here / there).max(there / here) <= apart)
}

/// The site's values in units that training never saw for the token, or without a unit where training's without one are others.
fn new_values(token: &Entry, site: &Entry) -> Vec<ValueDistribution> {
    if token.values.is_empty() {
        return Vec::new();
    }
    site.values
        .iter()
        .filter(|values| {
            !token.distribution(values.unit.as_deref()).is_some_and(|known| are_in_one_unit(known, values))
        })
        .cloned()
        .collect()
}

fn happens(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Event | EntryKind::Static) && entry.events > 0
}

/// Descriptions' words, and who has them.
struct Descriptions<'a> {
    vocabulary: &'a Vocabulary,
    /// A word's weight: the rarer over both vocabularies, the more it tells.
    weights: FxHashMap<String, f64>,
    /// Tokens by word.
    tokens: FxHashMap<String, Vec<u32>>,
}

impl<'a> Descriptions<'a> {
    fn new(vocabulary: &'a Vocabulary, site: &Vocabulary) -> Self {
        let mut tokens: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        for (index, entry) in (0u32..).zip(vocabulary.entries()).filter(|(_, entry)| happens(entry)) {
            for word in words(entry) {
                tokens.entry(word).or_default().push(index);
            }
        }
        let mut uses: FxHashMap<String, f64> = FxHashMap::default();
        let all = vocabulary.entries().iter().chain(site.entries()).filter(|entry| happens(entry));
        let mut described = 0.0;
        for entry in all {
            described += 1.0;
            for word in words(entry) {
                *uses.entry(word).or_default() += 1.0;
            }
        }
        let weights = uses.into_iter().map(|(word, uses)| (word, (1.0 + described / uses).ln())).collect();
        Descriptions { vocabulary, weights, tokens }
    }

    fn weight(&self, words: &BTreeSet<String>) -> f64 {
        words.iter().filter_map(|word| self.weights.get(word)).sum()
    }

    fn likeliest(&self, entry: &Entry) -> Option<Pair> {
        let words = words(entry);
        let all = self.weight(&words);
        let mut rarest: Vec<(&str, &Vec<u32>)> = words
            .iter()
            .filter_map(|word| Some((word.as_str(), self.tokens.get(word)?)))
            .filter(|(_, tokens)| tokens.len() <= MOST_DESCRIPTIONS)
            .collect();
        rarest.sort_by_key(|(word, tokens)| (tokens.len(), *word));
        let candidates: BTreeSet<u32> =
            rarest.into_iter().take(RAREST_WORDS).flat_map(|(_, tokens)| tokens.iter().copied()).collect();
        let mut scored: Vec<(f64, f64, u32)> = candidates
            .into_iter()
            .filter_map(|token| Some((token, self.vocabulary.entry(token)?)))
            .filter(|(_, candidate)| {
                candidate.kind == entry.kind
                    && candidate.values.is_empty() == entry.values.is_empty()
                    && system(candidate) != system(entry)
            })
            .map(|(token, candidate)| {
                let theirs = self::words(candidate);
                let common = self.weight(&words.intersection(&theirs).cloned().collect());
                (2.0 * common / (all + self.weight(&theirs)), common / all, token)
            })
            .collect();
        scored.retain(|(_, found, _)| *found >= MANY_WORDS);
        // The commoner token first where two are equally alike.
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
        let &(likeness, found, token) = scored.first()?;
        let next = scored.get(1).map_or(0.0, |next| next.0);
        let alike = self.vocabulary.entry(token).is_some_and(|token| magnitudes_agree(token, entry));
        let sure = found >= ALL_WORDS && next <= NEXT_BEST * likeness && alike;
        Some(Pair { code: entry.code.clone(), token: Some(token), likeness, sure })
    }
}

/// `LOINC` of `LOINC//718-7`.
fn system(entry: &Entry) -> &str {
    entry.code.as_str().split("//").next().unwrap_or_default()
}

/// In every unit that both have.
fn magnitudes_agree(token: &Entry, site: &Entry) -> bool {
    site.values.iter().all(|here| {
        let there = token.distribution(here.unit.as_deref());
        there.is_none_or(|there| medians_agree(there, here, MEDIANS_APART))
    })
}

/// The distinct words of a description.
fn words(entry: &Entry) -> BTreeSet<String> {
    let text = entry.description.as_deref().unwrap_or_default();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tokenizer, VocabularyBuilder, VocabularyOptions};
    use events::meds::CodeMetadata;
    use events::{Deidentified, Event, Subject, Time};

    /// A code, its description, and the middle of its values in a unit; empty for none.
    type Known<'a> = (&'a str, &'a str, Option<(f32, &'a str)>);

    /// A site of twenty people who have everything.
    fn site(codes: &[Known<'_>]) -> Vocabulary {
        let metadata: Vec<CodeMetadata> = codes
            .iter()
            .map(|(code, description, _)| CodeMetadata {
                code: (*code).into(),
                description: Some((*description).into()),
                parents: vec![],
                is_procedure: false,
            })
            .collect();
        let mut builder = VocabularyBuilder::new(VocabularyOptions::default(), &metadata).unwrap();
        for id in 0..20 {
            let event = |(code, _, value): &Known<'_>| {
                let event = Event::new(Some(Time::from_micros(id)), Code::new(code));
                match value {
                    Some((middle, unit)) => {
                        let event = event.with_value(middle * (0.9 + 0.01 * id as f32));
                        if unit.is_empty() { event } else { event.with_unit(unit) }
                    }
                    None => event,
                }
            };
            #[expect(clippy::disallowed_methods, reason = "made up here")]
            builder.push(&Deidentified::vouch(Subject::new(id, codes.iter().map(event).collect())));
        }
        builder.finish().unwrap()
    }

    fn home() -> Vocabulary {
        site(&[
            ("LOINC//2345-7", "Glucose [Mass/volume] in Serum or Plasma", Some((98.0, "mg/dL"))),
            ("LOINC//718-7", "Hemoglobin [Mass/volume] in Blood", Some((14.0, "g/dL"))),
            ("LOINC//4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", Some((5.6, "%"))),
            ("LOINC//2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", Some((190.0, "mg/dL"))),
            ("LOINC//2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", Some((50.0, "mg/dL"))),
            ("SNOMED//73761001", "Colonoscopy", None),
            ("ICD10CM//E11.9", "Type 2 diabetes mellitus without complications", None),
        ])
    }

    fn told<'a>(pairs: &'a [Pair], home: &'a Vocabulary) -> Vec<(&'a str, &'a str, bool)> {
        let token = |pair: &Pair| pair.token.map_or("", |token| home.entry(token).unwrap().code.as_str());
        pairs.iter().map(|pair| (pair.code.as_str(), token(pair), pair.sure)).collect()
    }

    #[test]
    fn words_find_the_test_that_is_meant() {
        let home = home();
        let away = site(&[
            ("LAB//CHOL", "Cholesterol", Some((5.0, "mmol/L"))),
            ("LAB//GLU", "Glucose", Some((5.4, "mmol/L"))),
            ("LAB//HB", "Hemoglobin", Some((140.0, "g/L"))),
            ("LAB//HDLC", "HDL cholesterol", Some((1.3, "mmol/L"))),
            ("LAB//NIL", "Something else", Some((1.0, "1"))),
        ]);
        let mut pairs = propose(&home, &away, &Hierarchy::default());
        pairs.sort_by(|a, b| a.code.cmp(&b.code));
        assert_eq!(
            told(&pairs, &home),
            [
                ("LAB//CHOL", "LOINC//2093-3", true),
                ("LAB//GLU", "LOINC//2345-7", true),
                ("LAB//HB", "LOINC//718-7", true),
                ("LAB//HDLC", "LOINC//2085-9", true),
                ("LAB//NIL", "", false),
            ]
        );
        assert!(pairs[..4].iter().all(|pair| pair.likeness > 0.0 && pair.likeness < 1.0));
    }

    #[test]
    fn doubts_are_told() {
        let home = home();
        let away = site(&[
            // Another magnitude in the same unit; a word too many; a diagnosis with the words of a test; kindred codes.
            ("LAB//GLU", "Glucose", Some((5.4, "mg/dL"))),
            ("LAB//UHB", "Hemoglobin dipstick", Some((1.0, "1"))),
            ("DX//1", "Cholesterol", None),
            ("ICD10CM//E11.65", "Type 2 diabetes mellitus", None),
            ("PROC//9", "Colonoscopy", None),
            // Another code of a system that the model knows; hardly a word in common.
            ("SNOMED//275251008", "Colonoscopy", None),
            ("PROC//10", "Colonoscopy through stoma with biopsy", None),
        ]);
        let mut pairs = propose(&home, &away, &Hierarchy::default());
        pairs.sort_by(|a, b| a.code.cmp(&b.code));
        let (glucose, hemoglobin) =
            (("LAB//GLU", "LOINC//2345-7", false), ("LAB//UHB", "LOINC//718-7", false));
        let colonoscopy = ("PROC//9", "SNOMED//73761001", true);
        let none = |code| (code, "", false);
        assert_eq!(
            told(&pairs, &home),
            [none("DX//1"), glucose, hemoglobin, none("PROC//10"), colonoscopy, none("SNOMED//275251008")]
        );
    }

    #[test]
    fn an_adopted_code_is_its_token_and_its_values_rank_among_the_sites_own() {
        let home = home();
        let away = site(&[
            ("LAB//GLU", "Glucose", Some((5.4, "mmol/L"))),
            ("LOINC//718-7", "Hemoglobin", Some((140.0, "g/L"))),
            ("LOINC//4548-4", "Hemoglobin A1c", Some((5.6, "%"))),
        ]);
        let pairs = propose(&home, &away, &Hierarchy::default());
        let accepted: Vec<(Code, u32)> =
            pairs.iter().map(|pair| (pair.code.clone(), pair.token.unwrap())).collect();
        assert_eq!(accepted.len(), 2, "{pairs:?}: HbA1c is known, in its unit too");
        let local = adopted(&home, &away, &accepted);
        let vocabulary = home.with_local_codes(local).unwrap();
        assert_ne!(vocabulary.digest(), home.digest());
        let again = Vocabulary::from_json(&vocabulary.to_json().unwrap()).unwrap();
        assert_eq!((again.local_codes(), again.digest()), (vocabulary.local_codes(), vocabulary.digest()));
        assert!(propose(&vocabulary, &away, &Hierarchy::default()).is_empty(), "all is read now");
        let more = LocalCode { code: Code::new("LAB//HB"), token: accepted[0].1, values: vec![] };
        assert_eq!(
            again
                .with_local_codes(vec![more.clone(), more])
                .unwrap_err()
                .to_string()
                .matches("twice")
                .count(),
            1
        );

        let at = |code: &str, value: f32, unit: &str| {
            Event::new(Some(Time::from_micros(5)), Code::new(code)).with_value(value).with_unit(unit)
        };
        let record = Subject::new(
            1,
            vec![
                at("LAB//GLU", 5.4, "mmol/L"),
                at("LAB//GLU", 98.0, "mg/dL"),
                at("LAB//GLU", 98.0, "furlong"),
                at("LOINC//718-7", 140.0, "g/L"),
            ],
        );
        let tokens = Tokenizer::new(again.clone()).tokenize(&record);
        let index = |code: &str| home.index_of(code).unwrap();
        let glucose = index("LOINC//2345-7");
        assert_eq!(tokens.code, [glucose, glucose, glucose, index("LOINC//718-7")]);
        // Values are in order of size: a median among the site's own, a median of training's in its unit, and a unit nobody knows.
        let middle = |rank: f32| (rank - 0.5).abs() < 0.06;
        assert!(middle(tokens.value[0]) && middle(tokens.value[3]), "{:?}", tokens.value);
        assert_eq!(tokens.value[1..3].iter().filter(|rank| rank.is_nan()).count(), 1);
        assert_eq!(tokens.counts.numeric_values_without_rank, 1);
        assert_eq!((tokens.counts.backed_off, tokens.counts.unknown), (0, 0));
    }

    #[test]
    fn values_without_a_unit_are_read_as_training_s_only_where_they_are_of_one_size() {
        let glucose = |code, middle| (code, "Glucose", Some((middle, "")));
        let potassium = |middle| ("LOINC//2823-3", "Potassium", Some((middle, "")));
        let home = site(&[glucose("LOINC//2345-7", 98.0), potassium(4.1)]);
        // The same code in another unit, and a code of the site's own.
        let away = site(&[glucose("LOINC//2345-7", 5.4), glucose("LAB//GLU", 5.4), potassium(4.3)]);
        let token = home.index_of("LOINC//2345-7").unwrap();
        let values = &away.entry(away.index_of("LAB//GLU").unwrap()).unwrap().values[0];
        let codes = ["LOINC//2345-7", "LAB//GLU"];
        assert!(codes.iter().all(|code| !reads_values(&home, code, token, values)));
        let mut pairs = propose(&home, &away, &Hierarchy::default());
        pairs.sort_by(|a, b| a.code.cmp(&b.code));
        let (own, same) = (("LAB//GLU", "LOINC//2345-7", false), ("LOINC//2345-7", "LOINC//2345-7", true));
        assert_eq!(told(&pairs, &home), [own, same], "potassium is of one size");
        let accepted: Vec<(Code, u32)> = pairs.iter().map(|pair| (pair.code.clone(), token)).collect();
        let vocabulary = home.with_local_codes(adopted(&home, &away, &accepted)).unwrap();
        let vocabulary = Vocabulary::from_json(&vocabulary.to_json().unwrap()).unwrap();
        for code in codes {
            assert!(reads_values(&vocabulary, code, token, values));
            let rank = vocabulary.rank_of(code, token, None, 5.4).unwrap();
            assert!((rank - 0.5).abs() < 0.06, "{code}: {rank}");
        }
        assert!(home.rank_of("LOINC//2345-7", token, None, 5.4).unwrap() < 0.1, "the lowest of training's");
        assert!(propose(&vocabulary, &away, &Hierarchy::default()).is_empty());
    }

    #[test]
    fn local_codes_that_contradict_the_vocabulary_are_refused() {
        let home = home();
        let local = |code: &str, token| LocalCode { code: Code::new(code), token, values: vec![] };
        let refused = |local: Vec<LocalCode>| home.with_local_codes(local).unwrap_err().to_string();
        let token = home.index_of("LOINC//718-7").unwrap();
        assert!(refused(vec![local("X", home.len() as u32)]).contains("isn't there"));
        assert!(refused(vec![local("X", Vocabulary::TIME)]).contains("reserved"));
        assert!(refused(vec![local("X", token), local("X", token)]).contains("twice"));
        assert!(refused(vec![local("LOINC//2345-7", token)]).contains("a token of its own"));
        assert!(refused(vec![local("", token)]).contains("empty"));
        let values = home.entry(token).unwrap().values.clone();
        let known = LocalCode { values, ..local("X", token) };
        assert!(refused(vec![known]).contains("training knows"));
    }
}
