//! Review of de-identified text by people: which passages they see, and what their verdicts say.

use super::interval::{Interval, clopper_pearson, rule_of_three};
use super::uniqueness::mix;
use super::{Error, page};
use events::Subject;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BinaryHeap};

/// One text to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passage {
    /// The subject's pseudonym, by which a leak is found again.
    pub subject_id: i64,
    /// The event's code.
    pub code: String,
    /// The de-identified text.
    pub text: String,
}

/// Draws a simple random sample of the texts of a data set, the same for one seed whatever the subjects' order.
pub struct Sampler {
    n: usize,
    seed: u64,
    population: u64,
    chosen: BinaryHeap<(u64, Passage)>,
}

impl Sampler {
    /// A sample of `n` texts.
    pub fn new(n: usize, seed: u64) -> Self {
        Sampler { n, seed, population: 0, chosen: BinaryHeap::new() }
    }

    /// Offers the texts of one subject.
    pub fn add(&mut self, subject: &Subject) {
        let with_text = subject.events().iter().filter_map(|e| Some((e, e.text_value.as_deref()?)));
        for (i, (event, text)) in with_text.enumerate() {
            self.population += 1;
            let priority = mix(self.seed ^ mix((subject.id as u64).wrapping_add(mix(i as u64))));
            let full = self.chosen.len() >= self.n;
            if self.n == 0 || (full && self.chosen.peek().is_some_and(|(worst, _)| priority >= *worst)) {
                continue;
            }
            if full {
                self.chosen.pop();
            }
            let (code, text) = (event.code.to_string(), text.to_owned());
            self.chosen.push((priority, Passage { subject_id: subject.id, code, text }));
        }
    }

    /// The sample, in random order: who stops early has read a random sample too.
    pub fn finish(self) -> ReviewSample {
        let passages: Vec<Passage> = self.chosen.into_sorted_vec().into_iter().map(|(_, p)| p).collect();
        let mut hasher = Sha256::new();
        for passage in &passages {
            for part in [passage.code.as_bytes(), passage.text.as_bytes()] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        }
        let digest = hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        ReviewSample { passages, population: self.population, seed: self.seed, digest }
    }
}

/// Texts for review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewSample {
    /// In random order.
    pub passages: Vec<Passage>,
    /// How many texts the data set has.
    pub population: u64,
    /// The seed of the draw.
    pub seed: u64,
    /// Names the sample in its verdicts: the first 8 bytes of a SHA-256 over its texts, hexadecimal.
    pub digest: String,
}

impl ReviewSample {
    /// The review page: one file that needs no network. It holds the texts.
    pub fn to_html(&self, dataset: &str, synthetic: bool) -> String {
        page::review(self, dataset, synthetic)
    }
}

/// What a reader says of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No identifier is left.
    Clean,
    /// At least one identifier is left.
    Leak,
    /// The reader can't tell.
    Unsure,
}

/// One verdict, by the text's place in the sample, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// The text's place.
    pub passage: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// Of a leak: which kinds of identifier.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// What the review page saves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictFile {
    /// The file's own format: 1.
    pub format: u32,
    /// The sample's digest.
    pub sample: String,
    /// The data set's name.
    pub dataset: String,
    /// Whether its records are synthetic.
    pub synthetic: bool,
    /// Texts in the sample.
    pub passages: u64,
    /// Texts in the data set.
    pub population: u64,
    /// The verdicts so far.
    pub verdicts: Vec<Verdicts>,
}

/// The share of texts with an identifier left, with exact 95 % intervals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeakRate {
    /// The sample's digest.
    pub sample: String,
    /// The data set's name.
    pub dataset: String,
    /// Whether its records are synthetic.
    pub synthetic: bool,
    /// Texts in the data set.
    pub population: u64,
    /// Texts in the sample.
    pub sampled: u64,
    /// Texts with a verdict.
    pub reviewed: u64,
    /// Texts with an identifier left.
    pub leaks: u64,
    /// Texts that the reader was unsure of.
    pub unsure: u64,
    /// Leaks among those reviewed; Clopper and Pearson's interval.
    pub rate: Interval,
    /// The same, with every unsure verdict counted as a leak.
    pub rate_if_unsure_leak: Interval,
    /// Where no leak was found: 3/n, below which the rate is with 95 % confidence.
    pub rule_of_three: Option<f64>,
    /// Texts with a leak by kind of identifier.
    pub kinds: BTreeMap<String, u64>,
}

/// Kinds of identifier that the page offers.
pub(super) const KINDS: [&str; 7] = ["name", "date", "age over 89", "place", "contact", "number", "other"];

/// The leak rate that verdicts give.
///
/// # Errors
/// When the file is of another format, has no verdicts, or they don't fit its sample.
pub fn score(file: &VerdictFile) -> Result<LeakRate, Error> {
    let refuse = |problem| Err(Error::Verdicts(problem));
    if file.format != 1 {
        return refuse("they are of another format; save them again from the review page of this version");
    }
    if file.passages > file.population {
        return refuse("the sample is larger than the data set");
    }
    let mut seen = vec![false; usize::try_from(file.passages).unwrap_or(0).min(10_000_000)];
    let mut kinds = BTreeMap::new();
    let (mut leaks, mut unsure) = (0, 0);
    for verdict in &file.verdicts {
        let place = usize::try_from(verdict.passage.wrapping_sub(1)).unwrap_or(usize::MAX);
        match seen.get_mut(place) {
            None => return refuse("one is of a text that the sample does not have"),
            Some(true) => return refuse("two are of the same text"),
            Some(slot) => *slot = true,
        }
        match verdict.verdict {
            Verdict::Clean => {}
            Verdict::Unsure => unsure += 1,
            Verdict::Leak => {
                leaks += 1;
                for kind in &verdict.kinds {
                    let Some(known) = KINDS.iter().find(|known| *known == kind) else {
                        return refuse("one names a kind of identifier that the page does not offer");
                    };
                    *kinds.entry((*known).to_owned()).or_default() += 1;
                }
            }
        }
    }
    let reviewed = file.verdicts.len() as u64;
    if reviewed == 0 {
        return refuse("there are none yet");
    }
    Ok(LeakRate {
        sample: file.sample.clone(),
        dataset: file.dataset.clone(),
        synthetic: file.synthetic,
        population: file.population,
        sampled: file.passages,
        reviewed,
        leaks,
        unsure,
        rate: clopper_pearson(leaks, reviewed),
        rate_if_unsure_leak: clopper_pearson(leaks + unsure, reviewed),
        rule_of_three: (leaks == 0).then(|| rule_of_three(reviewed)),
        kinds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Code, Event, Time};
    use std::collections::BTreeSet;

    fn subject(id: i64, texts: usize) -> Subject {
        let event = |i: usize| {
            let mut event = Event::new(Time::from_ymd(2020, 1, 1 + i as u32), Code::of("NOTE", "34117-2"));
            event.text_value = (i < texts).then(|| format!("note {i} of {id}").into());
            event
        };
        Subject::new(id, (0..texts + 2).map(event).collect())
    }

    fn sample(order: impl Iterator<Item = i64>, n: usize, seed: u64) -> ReviewSample {
        let mut sampler = Sampler::new(n, seed);
        order.for_each(|id| sampler.add(&subject(id, (id % 4) as usize)));
        sampler.finish()
    }

    #[test]
    fn a_sample_depends_on_its_seed_alone_and_takes_each_text_once() {
        let (one, other) = (sample(0..200, 30, 5), sample((0..200).rev(), 30, 5));
        assert_eq!(one, other);
        assert_eq!((one.passages.len(), one.population), (30, 300));
        assert_eq!(one.passages.iter().collect::<BTreeSet<_>>().len(), 30);
        assert_ne!(one.digest, sample(0..200, 30, 6).digest);
        assert_eq!(sample(0..8, 30, 5).passages.len(), 12, "where there are fewer, all");
        // Every text is as likely: mean share of drawn texts that are a subject's first one.
        let firsts: usize = (0..200)
            .map(|seed| {
                sample(0..200, 30, seed).passages.iter().filter(|p| p.text.starts_with("note 0")).count()
            })
            .sum();
        assert!((firsts as f64 / 6000.0 - 0.5).abs() < 0.03, "{firsts}");
    }

    fn file(verdicts: &[(u64, Verdict)]) -> VerdictFile {
        let verdict = |(passage, verdict): &(u64, Verdict)| Verdicts {
            passage: *passage,
            verdict: *verdict,
            kinds: if *verdict == Verdict::Leak { vec!["name".into()] } else { vec![] },
        };
        VerdictFile {
            format: 1,
            sample: "x".into(),
            dataset: "d".into(),
            synthetic: true,
            passages: 10,
            population: 500,
            verdicts: verdicts.iter().map(verdict).collect(),
        }
    }

    #[test]
    fn verdicts_give_exact_intervals() {
        let rate = score(&file(&[(1, Verdict::Clean), (2, Verdict::Leak), (7, Verdict::Unsure)])).unwrap();
        assert_eq!((rate.reviewed, rate.leaks, rate.unsure), (3, 1, 1));
        assert_eq!(rate.rate, clopper_pearson(1, 3));
        assert_eq!(rate.rate_if_unsure_leak, clopper_pearson(2, 3));
        assert_eq!((rate.rule_of_three, rate.kinds["name"]), (None, 1));
        let none: Vec<(u64, Verdict)> = (1..=10).map(|i| (i, Verdict::Clean)).collect();
        assert_eq!(score(&file(&none)).unwrap().rule_of_three, Some(0.3));
    }

    #[test]
    fn verdicts_that_dont_fit_are_refused() {
        for verdicts in [&[][..], &[(0, Verdict::Clean)], &[(11, Verdict::Clean)], &[(1, Verdict::Clean); 2]]
        {
            assert!(score(&file(verdicts)).is_err(), "{verdicts:?}");
        }
        assert!(score(&VerdictFile { format: 2, ..file(&[(1, Verdict::Clean)]) }).is_err());
        let mut strange = file(&[(1, Verdict::Leak)]);
        strange.verdicts[0].kinds = vec!["<script>".into()];
        assert!(score(&strange).is_err());
    }
}
