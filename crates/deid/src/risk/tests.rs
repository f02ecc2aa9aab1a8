//! The whole computation against brute force over pairs of subjects.

use super::adversary::{Known, Relation};
use super::*;
use events::{Code, Event, Subject, Time};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const DAY: f64 = 1.0;

fn start() -> Time {
    Time::from_ymd(2019, 11, 20).unwrap()
}

/// A subject with sex, year of birth, and events of a few codes on some days.
fn subject(id: i64, sex: u8, born: u8, events: &[(u8, u16)]) -> Subject {
    let mut list = vec![Event::new(Time::from_ymd(1950 + i32::from(born), 3, 1), Code::birth())];
    if sex > 0 {
        list.push(Event::new(None, Code::of("GENDER", if sex == 1 { "F" } else { "M" })));
    }
    for (code, day) in events {
        // Two codes of each kind: plain, HIV, mental health.
        let code =
            ["ICD10CM//E11.9", "ICD10CM//I10", "ICD10CM//B20", "ICD10CM//F20.0"][usize::from(*code) % 4];
        // Several times of one day are one point.
        let time = start().plus_days(f64::from(*day) * DAY + f64::from(*day % 3) / 4.0);
        list.push(Event::new(Some(time), Code::new(code)));
    }
    Subject::new(id, list)
}

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    let events = prop::collection::vec((0u8..4, prop_oneof![0u16..12, 0u16..500]), 0..9);
    prop::collection::vec((0u8..3, 0u8..3, events), 1..16).prop_map(|all| {
        let make = |(i, one): (usize, &(u8, u8, Vec<_>))| subject(i as i64 * 7 - 20, one.0, one.1, &one.2);
        all.iter().enumerate().map(make).collect()
    })
}

fn options(block_points: usize) -> Options {
    Options {
        adversaries: Adversary::ALL.to_vec(),
        draws: 3,
        block_points,
        sampling_fraction: Some(0.3),
        ..Options::default()
    }
}

fn matched(subjects: &[Subject], options: Options) -> Matching {
    let mut survey = Survey::new(options).unwrap();
    subjects.iter().for_each(|s| survey.add(s));
    let mut matching = survey.finish();
    subjects.iter().for_each(|s| matching.add(s));
    matching
}

fn report(subjects: &[Subject], options: Options) -> RiskReport {
    matched(subjects, options).finish(About::default()).unwrap()
}

/// A record's points, by their codes' names.
fn naive_points(subject: &Subject) -> BTreeSet<(String, i64)> {
    let timed = subject.events().iter().filter_map(|e| Some((e.code.to_string(), e.time?)));
    timed
        .filter(|(code, _)| code != Code::BIRTH && code != Code::FOLLOWUP_END)
        .map(|(code, time)| (code, time.micros().div_euclid(events::MICROS_PER_DAY)))
        .collect()
}

/// Does a record fit, by the definition: try every event as the first one known?
fn naive_fits(points: &BTreeSet<(String, i64)>, relation: Relation, known: &[(String, Known)]) -> bool {
    let has = |from: i64, (code, k): &(String, Known)| {
        points.iter().any(|(own, day)| {
            own == code
                && match relation {
                    Relation::None => true,
                    _ => (from + i64::from(k.low)..=from + i64::from(k.high)).contains(day),
                }
        })
    };
    match relation {
        Relation::ToFirst => points
            .iter()
            .filter(|(code, _)| known.first().is_some_and(|(first, _)| first == code))
            .any(|(_, day)| known.iter().all(|k| has(*day, k))),
        _ => known.iter().all(|k| has(0, k)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn uniqueness_is_that_of_comparing_everybody_with_everybody(
        subjects in subjects(), block_points in 1usize..60
    ) {
        let (search, interner) = matched(&subjects, options(block_points)).into_search();
        let points: Vec<_> = subjects.iter().map(naive_points).collect();
        let mut names = BTreeMap::new();
        for (code, _) in points.iter().flatten() {
            names.insert(interner.get(&Code::new(code)).unwrap(), code.clone());
        }
        for (a, adversary) in Adversary::ALL.into_iter().enumerate() {
            let answers = search.answers(a);
            prop_assert_eq!(answers.len(), 3 * subjects.len());
            for (target, known, unique) in answers {
                let target = target as usize;
                let named: Vec<(String, Known)> = known.iter().map(|k| (names[&k.code].clone(), *k)).collect();
                let relation = adversary.relation();
                prop_assert!(named.is_empty() || naive_fits(&points[target], relation, &named));
                prop_assert_eq!(named.is_empty(), points[target].is_empty());
                for m in 1..=5 {
                    let known = &named[..m.min(named.len())];
                    let others = (0..subjects.len()).filter(|i| *i != target);
                    let fitting = others.filter(|i| naive_fits(&points[*i], relation, known)).count();
                    prop_assert_eq!(unique[m - 1], !known.is_empty() && fitting == 0, "{} {}", adversary, m);
                }
            }
        }
    }

    #[test]
    fn classes_and_what_follows_are_those_of_comparing_pairs(subjects in subjects()) {
        let report = report(&subjects, options(1000));
        let row = |s: &Subject| (s.sex(), s.birth().map(|b| b.ymd().0));
        let size_of = |s: &Subject| subjects.iter().filter(|o| row(o) == row(s)).count();
        let n = subjects.len() as f64;
        prop_assert_eq!(report.classes.smallest as usize, subjects.iter().map(size_of).min().unwrap());
        for below in &report.classes.below {
            let naive = subjects.iter().filter(|s| size_of(s) < below.k as usize).count();
            prop_assert_eq!(below.subjects as usize, naive);
        }
        let told: u64 = report.classes.distribution.iter().map(|b| b.subjects).sum();
        prop_assert_eq!(told as usize, subjects.len());
        let average: f64 = subjects.iter().map(|s| 1.0 / size_of(s) as f64).sum::<f64>() / n;
        prop_assert!((report.linkage.prosecutor_average - average).abs() < 1e-12);
        prop_assert!((report.linkage.marketer - average).abs() < 1e-12);
        prop_assert!((report.linkage.prosecutor_maximum - 1.0 / f64::from(report.classes.smallest)).abs() < 1e-12);

        let hiv = |s: &Subject| s.events().iter().any(|e| e.code.as_str() == "ICD10CM//B20");
        let share = |group: &[&Subject]| group.iter().filter(|s| hiv(s)).count() as f64 / group.len() as f64;
        let everybody: Vec<&Subject> = subjects.iter().collect();
        let (mut l, mut entropy, mut t, mut given_away) = (2, f64::INFINITY, 0.0f64, 0u64);
        for s in &subjects {
            let group: Vec<&Subject> = subjects.iter().filter(|o| row(o) == row(s)).collect();
            let p = share(&group);
            l = l.min(1 + usize::from(p > 0.0 && p < 1.0));
            let h: f64 = [p, 1.0 - p].iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
            entropy = entropy.min(h.exp());
            t = t.max((p - share(&everybody)).abs());
            given_away += u64::from(p == 1.0);
        }
        let found = report.sensitive.iter().find(|a| a.name == "HIV").unwrap();
        prop_assert_eq!(found.diversity.distinct as usize, l);
        prop_assert!((found.diversity.entropy - entropy).abs() < 1e-9);
        prop_assert!((found.t - t).abs() < 1e-12);
        prop_assert_eq!(found.subjects_given_away, suppress::lone(given_away, 11));

        let codes: BTreeSet<String> = subjects.iter().flat_map(naive_points).map(|(code, _)| code).collect();
        let mut cells: BTreeMap<(String, _), usize> = BTreeMap::new();
        for s in &subjects {
            let own: BTreeSet<String> = naive_points(s).into_iter().map(|(code, _)| code).collect();
            own.into_iter().for_each(|code| *cells.entry((code, row(s).1)).or_default() += 1);
        }
        let years = report.cells.columns.iter().find(|c| c.name == "birth-year").unwrap();
        prop_assert_eq!(report.cells.codes as usize, codes.len());
        prop_assert_eq!(years.cells as usize, cells.len());
        prop_assert_eq!(years.small as usize, cells.values().filter(|n| **n < 11).count());
    }
}

/// 400 subjects with enough in them for every section.
fn population() -> Vec<Subject> {
    let number = |i: i64, salt: u64| uniqueness::mix(i as u64 ^ (salt << 32));
    (0..400)
        .map(|i| {
            let events: Vec<(u8, u16)> =
                (0..12).map(|j| (number(i, j) as u8 % 4, (number(i, 100 + j) % 700) as u16)).collect();
            subject(i, 1 + (number(i, 7) % 2) as u8, (number(i, 8) % 30) as u8, &events)
        })
        .collect()
}

#[test]
fn numbers_depend_on_neither_threads_nor_blocks() {
    let subjects = population();
    let few = |block_points| Options { targets: 60, ..options(block_points) };
    let on_threads = |threads: usize, block_points| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| report(&subjects, few(block_points)))
    };
    let one = on_threads(1, 100_000);
    assert_eq!(one, on_threads(3, 100_000));
    assert_eq!(one, on_threads(2, 97));
    assert_eq!(one.uniqueness[0].targets, 60);
    assert_ne!(one.uniqueness, report(&subjects, Options { seed: 2, ..few(97) }).uniqueness);
}

#[test]
fn who_knows_more_finds_no_fewer() {
    let report = report(&population(), options(1000));
    for found in &report.uniqueness {
        assert!(found.known.windows(2).all(|w| w[0].share <= w[1].share), "{found:?}");
        assert!(found.known.iter().all(|k| k.low <= k.share && k.share <= k.high), "{found:?}");
    }
    let at_four =
        |a: Adversary| report.uniqueness.iter().find(|u| u.adversary == a).map(|u| u.known[3].share).unwrap();
    assert!(at_four(Adversary::GapsInMonths) <= at_four(Adversary::GapsInDays));
    assert!(at_four(Adversary::Years) <= at_four(Adversary::Months));
    assert!(at_four(Adversary::Months) <= at_four(Adversary::Days));
}

#[test]
fn known_times_are_as_wide_as_they_are_said_to_be() {
    use rand::SeedableRng;
    let mut rng = rand::rngs::StdRng::seed_from_u64(3);
    let points: Vec<(u32, i32)> =
        (0..40).map(|i| (i % 5, (i * 97 % 900) as i32 - 300)).collect::<BTreeSet<_>>().into_iter().collect();
    for _ in 0..50 {
        for (adversary, widths) in [
            (Adversary::GapsInDays, 1..=1),
            (Adversary::GapsInMonths, 30..=30),
            (Adversary::Days, 1..=1),
            (Adversary::Months, 28..=31),
            (Adversary::Years, 365..=366),
        ] {
            let known = adversary.draw(&points, 5, &mut rng);
            let distinct: BTreeSet<_> = known.iter().map(|k| (k.code, k.low)).collect();
            assert!(known.len() == 5 && (adversary == Adversary::GapsInMonths || distinct.len() == 5));
            let skip = usize::from(adversary.relation() == Relation::ToFirst);
            assert!(known.iter().skip(skip).all(|k| widths.contains(&(k.high - k.low + 1))), "{known:?}");
        }
    }
}

#[test]
fn another_second_pass_is_refused() {
    let subjects = population();
    let mut survey = Survey::new(Options::default()).unwrap();
    subjects.iter().for_each(|s| survey.add(s));
    let mut matching = survey.finish();
    subjects.iter().skip(1).for_each(|s| matching.add(s));
    assert!(matches!(matching.finish(About::default()), Err(Error::Changed { first: 400, second: 399 })));
    let nobody = Survey::new(Options::default()).unwrap().finish();
    assert!(matches!(nobody.finish(About::default()), Err(Error::Empty)));
    assert!(Survey::new(Options { sampling_fraction: Some(0.0), ..Options::default() }).is_err());
}

#[test]
fn what_few_have_is_named_nowhere() {
    let mut subjects = population();
    for (i, race) in (0..400).map(|i| {
        (
            i,
            if i < 3 {
                "RAREST"
            } else if i < 60 {
                "SOME"
            } else {
                "MOST"
            },
        )
    }) {
        let mut events = subjects[i].clone().into_events();
        events.push(Event::new(None, Code::of("RACE", race)));
        events.push(Event::new(
            Some(start()),
            Code::of("SNOMED", if i == 5 { "13746004" } else { "38341003" }),
        ));
        subjects[i] = Subject::new(i as i64, events);
    }
    let report = report(&subjects, options(1000));
    let profile = report.classes.profile.as_ref().unwrap();
    assert!(profile.cells.iter().any(|c| c.value == "SOME"));
    assert!(profile.cells.iter().all(|c| c.subjects.is_none_or(|n| n == 0 || n >= 11)), "{profile:?}");
    let pages = [report.to_html(), serde_json::to_string(&report).unwrap()];
    for page in pages {
        assert!(page.contains("SOME") && !page.contains("RAREST") && !page.contains("13746004"));
        assert!(!page.contains("http:") && !page.contains("https:"), "a page that needs no network");
    }
    assert_eq!(report.cells.subjects_with_rare_code, None);
    assert!(report.answer.last().unwrap().contains("not a verdict"));
}

#[test]
fn a_quasi_identifier_that_nobody_has_is_said_to_be_none() {
    let subjects = population();
    let asked = |names: &[&str]| {
        let quasi_identifiers = names.iter().map(|name| name.parse().unwrap()).collect();
        Options { quasi_identifiers, ..options(100) }
    };
    let mut survey = Survey::new(asked(&["sex", "FOO"])).unwrap();
    subjects.iter().for_each(|subject| survey.add(subject));
    let matching = survey.finish();
    assert_eq!((matching.present(), matching.absent()), (&["sex".to_owned()][..], &["FOO".to_owned()][..]));
    let answer = report(&subjects, asked(&["FOO"])).answer.join(" ");
    assert!(answer.contains("none has any") && !answer.contains("combination of"), "{answer}");
    assert!(!answer.contains("these columns"), "{answer}");
}

#[test]
fn a_text_is_shown_as_text() {
    let mut subject = Event::new(Some(start()), Code::of("NOTE", "34117-2"));
    subject.text_value = Some("</script><img src=x onerror=alert(1)> {style} seen".into());
    let mut sampler = Sampler::new(5, 1);
    sampler.add(&Subject::new(i64::MAX, vec![subject]));
    let page = sampler.finish().to_html("<b>site</b>", true);
    assert!(!page.contains("<img") && !page.contains("<b>site") && page.contains("{style} seen"));
    assert!(page.contains("\"9223372036854775807\""), "a browser would round the number");
    assert_eq!(page.matches("</script>").count(), 2);
}
