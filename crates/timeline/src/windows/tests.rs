use super::*;
use crate::{TokenBuffer, TokenizedSubject, Vocabulary};
use proptest::prelude::*;

fn options(context: usize, overlap: usize, batch_tokens: usize) -> WindowOptions {
    WindowOptions { context, overlap, batch_tokens }
}

/// A subject whose tokens are numbered by their ages.
fn numbered(tokens: usize, static_len: usize) -> TokenizedSubject {
    TokenizedSubject {
        code: vec![Vocabulary::UNKNOWN; tokens],
        age_days: (0..tokens).map(|i| i as f64).collect(),
        value: vec![f32::NAN; tokens],
        static_len,
        ..TokenizedSubject::default()
    }
}

#[test]
fn a_long_subject_is_cut_with_its_static_tokens_in_front() {
    let subject = numbered(14, 2);
    let mut windows = Vec::new();
    cut(0, 14, 2, &options(8, 2, 8), &mut windows);
    let mut buffer = TokenBuffer::default();
    let seen: Vec<(Vec<f64>, usize, bool)> = windows
        .iter()
        .map(|window| {
            let windowed = window.of(subject.as_sequence(), &mut buffer);
            assert_eq!(windowed.subject.len(), 14);
            (windowed.sequence.age_days.to_vec(), windowed.first_scored, windowed.is_last)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (vec![0., 1., 2., 3., 4., 5., 6., 7.], 0, false),
            (vec![0., 1., 6., 7., 8., 9., 10., 11.], 4, false),
            (vec![0., 1., 10., 11., 12., 13.], 4, true),
        ]
    );
}

#[test]
fn options_out_of_range_are_refused() {
    for wrong in [options(2, 1, 2), options(16, 0, 16), options(16, 8, 16), options(16, 4, 15)] {
        assert!(matches!(cut_all([(1, 0)].into_iter(), &wrong), Err(Error::Options { .. })), "{wrong:?}");
    }
}

#[test]
fn the_deal_is_fixed_by_seed_and_epoch() {
    let dealt = |seed, epoch| {
        let mut windows = cut_all((0..500).map(|_| (10, 1)), &options(16, 4, 64)).unwrap();
        shuffle(&mut windows, seed, epoch);
        windows.iter().map(|window| window.subject).collect::<Vec<_>>()
    };
    assert_eq!(dealt(1, 0), dealt(1, 0));
    assert_ne!(dealt(1, 0), dealt(1, 1));
    assert_ne!(dealt(1, 0), dealt(2, 0));
    assert_eq!(
        &dealt(1, 0)[..5],
        &[326, 27, 242, 50, 206],
        "pinned: a resumed run must deal as an older release did"
    );
}

#[test]
fn a_shuffle_reaches_every_order_alike() {
    let mut counts = [0u32; 6];
    for seed in 0..6000 {
        let mut windows = cut_all((0..3).map(|_| (4, 0)), &options(8, 1, 8)).unwrap();
        shuffle(&mut windows, seed, 3);
        counts[(windows[0].subject * 2 + u32::from(windows[1].subject > windows[2].subject)) as usize] += 1;
    }
    assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
}

proptest! {
    #[test]
    fn every_token_is_scored_once_and_the_one_before_it_is_in_sight(
        lengths in prop::collection::vec((0usize..200, 0usize..30), 0..30),
        context in 4usize..64,
        overlap in 1usize..32,
        more in 0usize..100,
    ) {
        prop_assume!(overlap < context / 2);
        let lengths: Vec<(usize, usize)> = lengths.into_iter().map(|(n, s)| (n, s.min(n))).collect();
        let options = options(context, overlap, context + more);
        let windows = cut_all(lengths.iter().copied(), &options).unwrap();
        let mut scored: Vec<Vec<u32>> = lengths.iter().map(|&(n, _)| vec![0; n]).collect();
        let mut last = vec![0; lengths.len()];
        let mut buffer = TokenBuffer::default();
        for window in &windows {
            let at = window.subject as usize;
            let subject = numbered(lengths[at].0, lengths[at].1);
            let windowed = window.of(subject.as_sequence(), &mut buffer);
            prop_assert_eq!(windowed.sequence.len(), window.tokens());
            prop_assert!(window.tokens() <= context);
            last[at] += u32::from(windowed.is_last);
            let ages = windowed.sequence.age_days;
            for (i, &age) in ages.iter().enumerate().skip(windowed.first_scored) {
                scored[at][age as usize] += 1;
                if age as usize > lengths[at].1 {
                    prop_assert_eq!(ages[i - 1], age - 1.0);
                }
            }
        }
        for (at, &(tokens, static_len)) in lengths.iter().enumerate() {
            prop_assert_eq!(last[at], u32::from(tokens > 0));
            let left_out = if tokens <= context { 0 } else { static_len.saturating_sub(context / 2) };
            let kept = static_len - left_out;
            for (i, &times) in scored[at].iter().enumerate() {
                prop_assert_eq!(times, u32::from(i < kept || i >= static_len), "token {}", i);
            }
        }

        let plan = WindowPlan::batched(windows.clone(), options.batch_tokens);
        prop_assert_eq!(plan.batches().flatten().copied().collect::<Vec<_>>(), windows);
        for batch in plan.batches() {
            prop_assert!(!batch.is_empty());
            prop_assert!(batch.iter().map(Window::tokens).sum::<usize>() <= options.batch_tokens);
        }
    }
}
