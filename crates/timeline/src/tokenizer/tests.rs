use super::*;
use crate::testing::{BIRTH, any_subject, birth, event, fact, subject, tokenizer, words};
use proptest::prelude::*;

fn worked_example() -> (Tokenizer, TokenizedSubject) {
    let record = subject(
        3,
        vec![
            fact("GENDER//F"),
            birth(),
            event(10_000.0, "LOINC//4548-4").with_value(7.0).with_unit("%"),
            event(10_000.0, "ICD10CM//E11.9"),
            event(10_000.25, "RXNORM//860975"),
            event(12_000.0, Code::DEATH),
            event(12_001.0, "ICD10CM//E11.9"),
            event(12_002.0, Code::FOLLOWUP_END),
        ],
    );
    let tokenizer = tokenizer(std::slice::from_ref(&record), 1);
    let tokens = tokenizer.tokenize(&record);
    (tokenizer, tokens)
}

#[test]
fn a_record_reads_as_static_facts_then_groups_with_time_between() {
    let (tokenizer, tokens) = worked_example();
    assert_eq!(
        words(&tokenizer, &tokens.code),
        "GENDER//F ICD10CM//E11.9 LOINC//4548-4 TIME RXNORM//860975 TIME MEDS_DEATH"
    );
    assert_eq!(tokens.age_days, [10_000.0, 10_000.0, 10_000.0, 10_000.25, 10_000.25, 12_000.0, 12_000.0]);
    assert_eq!((tokens.value[2], tokens.value[3], tokens.value[5]), (0.5, 0.25, 1999.75));
    assert!(tokens.value[0].is_nan() && tokens.value[6].is_nan());
    assert_eq!((tokens.static_len, tokens.followup_end_age_days), (1, 12_000.0));
    assert!(tokens.died && tokens.birth_known);
    assert_eq!((tokens.counts.after_death, tokens.counts.events), (1, 5));
}

#[test]
fn a_death_after_the_end_of_follow_up_ends_no_record_but_is_known_to_who_asks_later() {
    let record = |end: f64| {
        let told = [event(100.0, "ICD10CM//I10"), event(end, Code::FOLLOWUP_END), event(900.0, Code::DEATH)];
        subject(1, [vec![birth()], told.into()].concat())
    };
    let tokenizer = tokenizer(&[record(1000.0)], 1);
    let (watched, left) = (tokenizer.tokenize(&record(1000.0)), tokenizer.tokenize(&record(400.0)));
    assert_eq!((watched.died, watched.followup_end_age_days), (true, 900.0));
    assert_eq!((left.died, left.followup_end_age_days), (false, 400.0));
    assert_eq!(left.code.len() + 2, watched.code.len(), "no TIME and no death");
    assert!(tokenizer.tokenize_until(&record(400.0), BIRTH.plus_days(950.0)).died);
}

#[test]
fn what_comes_after_the_end_of_follow_up_is_no_outcome_but_history() {
    let told = [
        event(100.0, "ICD10CM//I10"),
        event(400.0, Code::FOLLOWUP_END),
        event(900.0, "ICD10CM//E11.9"),
        event(1000.0, "ICD10CM//I10"),
    ];
    let record = subject(1, [vec![birth()], told.into()].concat());
    let watched: Vec<Event> =
        record.events().iter().filter(|event| event.code != Code::followup_end()).cloned().collect();
    let tokenizer = tokenizer(&[subject(2, watched)], 1);
    let whole = tokenizer.tokenize(&record);
    assert_eq!(words(&tokenizer, &whole.code), "ICD10CM//I10");
    assert_eq!(
        (whole.followup_end_age_days, whole.counts.after_followup, whole.counts.events),
        (400.0, 2, 1)
    );
    let later = tokenizer.tokenize_until(&record, BIRTH.plus_days(950.0));
    assert_eq!(
        words(&tokenizer, &later.code).split(' ').filter(|word| word.starts_with("ICD10CM")).count(),
        2
    );
    assert_eq!((later.followup_end_age_days, later.counts.after_followup), (950.0, 0));
    let known = tokenizer.tokenize_history(&record);
    assert_eq!(words(&tokenizer, &known.code), "ICD10CM//I10 TIME ICD10CM//E11.9 TIME ICD10CM//I10");
    let facts = subject(2, vec![birth(), fact("GENDER//F"), event(30.0, Code::FOLLOWUP_END)]);
    assert_eq!(
        words(&tokenizer, &tokenizer.tokenize_history(&facts).code),
        words(&tokenizer, &tokenizer.tokenize(&facts).code)
    );
}

#[test]
fn moments_are_the_ends_of_groups_and_death_is_none() {
    let (_, tokens) = worked_example();
    let moments: Vec<(usize, Time)> = tokens.moments().collect();
    let at = |days: f64| birth().time.unwrap().plus_days(days);
    assert_eq!(moments, [(2, at(10_000.0)), (4, at(10_000.25))]);
}

#[test]
fn a_prediction_sees_its_own_moment_and_nothing_later() {
    let (tokenizer, _) = worked_example();
    let record = subject(
        3,
        vec![
            fact("GENDER//F"),
            birth(),
            event(10_000.0, "ICD10CM//E11.9"),
            event(12_000.0, Code::DEATH),
            event(13_000.0, Code::FOLLOWUP_END),
        ],
    );
    let at = tokenizer.tokenize_until(&record, BIRTH.plus_days(10_000.0));
    assert_eq!(words(&tokenizer, &at.code), "GENDER//F ICD10CM//E11.9");
    assert_eq!(at.followup_end_age_days, 10_000.0);

    let later = tokenizer.tokenize_until(&record, BIRTH.plus_days(10_400.0));
    assert_eq!(words(&tokenizer, &later.code), "GENDER//F ICD10CM//E11.9 TIME");
    assert_eq!((later.value[2], later.age_days[2]), (400.0, 10_400.0));
    assert!(!later.died);

    let before = tokenizer.tokenize_until(&record, BIRTH.plus_days(9_000.0));
    assert_eq!(words(&tokenizer, &before.code), "GENDER//F");
    assert_eq!((before.age_days[0], before.followup_end_age_days), (9_000.0, 9_000.0));

    let dead = tokenizer.tokenize_until(&record, BIRTH.plus_days(20_000.0));
    assert_eq!(dead.followup_end_age_days, 12_000.0);
    assert!(dead.died);
}

#[test]
fn what_is_dated_before_birth_moves_to_it() {
    let record = subject(1, vec![event(-30.0, "A//1"), birth(), event(0.0, "A//2"), event(5.0, "A//1")]);
    let tokenizer = tokenizer(std::slice::from_ref(&record), 1);
    let tokens = tokenizer.tokenize(&record);
    assert_eq!(words(&tokenizer, &tokens.code), "A//1 A//2 TIME A//1");
    assert_eq!(tokens.age_days, [0.0, 0.0, 5.0, 5.0]);
    assert_eq!(tokens.counts.before_birth, 1);
}

#[test]
fn without_a_birth_ages_count_from_the_first_event() {
    let record = subject(1, vec![fact("GENDER//M"), event(100.0, "A//1"), event(107.0, "A//1")]);
    let tokens = tokenizer(std::slice::from_ref(&record), 1).tokenize(&record);
    assert_eq!(tokens.age_days, [0.0, 0.0, 7.0, 7.0]);
    assert!(!tokens.birth_known);
}

#[test]
fn an_undated_death_tells_nothing() {
    let record = subject(1, vec![fact(Code::DEATH), fact("GENDER//M"), event(1.0, "A//1")]);
    let tokenizer = tokenizer(std::slice::from_ref(&record), 1);
    let tokens = tokenizer.tokenize(&record);
    assert_eq!(words(&tokenizer, &tokens.code), "GENDER//M A//1");
    assert!(!tokens.died);
}

#[test]
fn a_unit_that_training_never_saw_has_no_rank() {
    let record = subject(1, vec![event(1.0, "L//1").with_value(7.0).with_unit("%")]);
    let tokenizer = tokenizer(std::slice::from_ref(&record), 1);
    let other = subject(2, vec![event(1.0, "L//1").with_value(53.0).with_unit("mmol/mol")]);
    let tokens = tokenizer.tokenize(&other);
    assert!(tokens.value[0].is_nan());
    assert_eq!(tokens.counts.numeric_values_without_rank, 1);
}

#[test]
fn rare_and_unseen_codes_fall_back_and_are_counted() {
    let mut training: Vec<_> = (0..20)
        .map(|id| subject(id, vec![event(1.0, "ICD10CM//E11.9"), event(2.0, "LOINC//1-1").with_value(1.0)]))
        .collect();
    training.push(subject(20, vec![event(1.0, "ICD10CM//E11.21"), event(2.0, "ODD//1")]));
    let tokenizer = tokenizer(&training, 10);
    let foreign = subject(
        99,
        vec![
            event(1.0, "ICD10CM//E11.21"),
            event(2.0, "ICD10CM//E13.9"),
            event(3.0, "LOINC//2-2").with_value(1.0),
            event(4.0, "ODD//1"),
            event(5.0, "TIME"),
        ],
    );
    let tokens = tokenizer.tokenize(&foreign);
    assert_eq!(
        words(&tokenizer, &tokens.code),
        "ICD10CM//E11 TIME ICD10CM//E08-E13 TIME LOINC//* TIME UNKNOWN TIME UNKNOWN"
    );
    assert_eq!((tokens.counts.backed_off, tokens.counts.unknown), (3, 2));
    assert!(tokens.value[4].is_nan(), "a value has no rank under another code's token");
}

#[test]
fn times_at_the_ends_of_the_range_do_not_overflow() {
    let at = |micros| Event::new(Some(Time::from_micros(micros)), Code::new("A//1"));
    let record = subject(1, vec![at(i64::MIN), at(i64::MAX)]);
    let tokens = tokenizer(std::slice::from_ref(&record), 1).tokenize(&record);
    assert!(tokens.value[1].is_finite() && tokens.value[1] > 0.0);
}

/// The record with everything after `until` taken away, and follow-up ending there.
fn truncated(record: &Subject, until: Time) -> Subject {
    let known = |event: &&Event| event.time <= Some(until) && event.code.as_str() != Code::FOLLOWUP_END;
    let mut events: Vec<Event> = record.events().iter().filter(known).cloned().collect();
    events.push(Event::new(Some(until), Code::followup_end()));
    Subject::new(record.id, events)
}

proptest! {
    #[test]
    fn nothing_later_than_the_prediction_time_has_any_influence(
        record in any_subject(),
        hours in 0i64..2100,
    ) {
        let tokenizer = tokenizer(std::slice::from_ref(&record), 1);
        let until = BIRTH.plus_micros(hours * 3_600_000_000);
        let seen = tokenizer.tokenize_until(&record, until);
        let alone = tokenizer.tokenize(&truncated(&record, until));
        let len = alone.code.len();
        prop_assert_eq!(&seen.code[..len], &alone.code[..]);
        prop_assert_eq!(&seen.age_days[..len], &alone.age_days[..]);
        prop_assert_eq!(bits(&seen.value[..len]), bits(&alone.value));
        prop_assert_eq!(seen.followup_end_age_days, alone.followup_end_age_days);
        prop_assert_eq!((seen.died, seen.birth_known, seen.static_len), (alone.died, alone.birth_known, alone.static_len));
        // Beyond it there is at most the time in which nothing happened.
        prop_assert!(seen.code[len..].is_empty() || seen.code[len..] == [Vocabulary::TIME]);
        let last_age = alone.age_days.last().copied().unwrap_or(seen.followup_end_age_days);
        let quiet = seen.followup_end_age_days > last_age && len > seen.static_len;
        prop_assert_eq!(seen.code.len() > len, quiet && !seen.died);
    }

    #[test]
    fn gaps_sum_to_the_age_that_passes(record in any_subject()) {
        let tokens = tokenizer(std::slice::from_ref(&record), 1).tokenize(&record);
        let gaps: f64 = tokens.code.iter().zip(&tokens.value)
            .filter(|(code, _)| **code == Vocabulary::TIME)
            .map(|(_, gap)| f64::from(*gap))
            .sum();
        let passed = tokens.age_days.last().zip(tokens.age_days.first()).map_or(0.0, |(last, first)| last - first);
        prop_assert!((gaps - passed).abs() <= 1e-4 * passed.max(1.0), "{} {}", gaps, passed);
        prop_assert!(tokens.age_days.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!(tokens.age_days.last().is_none_or(|&last| last <= tokens.followup_end_age_days));
    }

    #[test]
    fn every_fact_becomes_one_token(record in any_subject()) {
        let tokens = tokenizer(std::slice::from_ref(&record), 1).tokenize(&record);
        let facts = tokens.code.iter().filter(|code| **code != Vocabulary::TIME).count() as u64;
        prop_assert_eq!(facts, tokens.counts.events);
        let recorded = record.events().iter()
            .filter(|e| ![Code::BIRTH, Code::DEATH, Code::FOLLOWUP_END].contains(&e.code.as_str()))
            .count() as u64;
        let dated_death = record.events().iter().any(|e| e.code == Code::death() && e.time.is_some());
        let unwatched_death = dated_death && !tokens.died;
        let left_out = tokens.counts.after_death + tokens.counts.after_followup - u64::from(unwatched_death);
        prop_assert_eq!(tokens.counts.events + left_out, recorded + u64::from(tokens.died));
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
