//! What holds of any text.

use crate::{FINDER, score::spans};
use deid::text::Scratch;
use proptest::prelude::*;

/// Pieces that the layers look for, so that random texts reach deep.
const PIECES: &[&str] = &[
    "Dr. ",
    "Anna",
    " ",
    " ",
    "\n",
    "Smith",
    "O’Brien's",
    "4 May 2021",
    "12/",
    "/80",
    "555-123-4567",
    "MRN: ",
    "#",
    "-",
    "@",
    "a@b.org",
    "http://",
    "St. ",
    "Mary's ",
    "Hospital",
    " in ",
    "Chicago",
    ", ",
    "IL ",
    "60601",
    "é",
    "Ž",
    "日本",
    "\u{301}",
    "(",
    ")",
    "+",
    "*",
    "x",
    "P.O. Box 5",
    "Apt. ",
    "ninety",
    "-three",
    " year old",
    "Q2 2023",
    "1.2.3.4",
    ":",
    "::",
    "from ",
    "Street",
    "John",
    "von ",
    "J.",
    "IBAN ",
    "GB82WEST12345698765432",
    "\u{a0}",
    "'",
    "\"",
    "🦀",
    "\0",
    "ext",
    "corner of ",
    "and ",
    "USS ",
    "FPO AP 1",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        proptest::collection::vec(0..PIECES.len(), 0..60)
            .prop_map(|at| at.iter().map(|at| PIECES[*at]).collect()),
        ".{0,200}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn spans_lie_on_characters_in_order_and_apart(text in text()) {
        let mut scratch = Scratch::default();
        let found = spans(&FINDER, &mut scratch, &text);
        let mut end = 0;
        for span in &found {
            prop_assert!(span.start >= end && span.start < span.end);
            prop_assert!(text.get(span.range()).is_some());
            end = span.end;
        }
        // The same again, in buffers that were used and in new ones.
        prop_assert_eq!(&found, &spans(&FINDER, &mut scratch, &text));
        prop_assert_eq!(&found, &spans(&FINDER, &mut Scratch::default(), &text));
    }

    #[test]
    fn what_stands_around_a_line_changes_nothing_before_it(text in text()) {
        // Appending a paragraph never uncovers what was found of a complete line.
        let line = format!("Seen by Dr. Nowak on 4 May 2021.\n{}", text.replace('\n', " "));
        let found = spans(&FINDER, &mut Scratch::default(), &line);
        prop_assert!(found.len() >= 2);
        prop_assert_eq!(&line[found[0].range()], "Dr. Nowak");
    }
}

/// Nanoseconds that this thread has run: other programs' load doesn't count.
fn worked() -> u64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedule.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

/// A long adversarial text takes the work of its parts; a quadratic layer would need forty times as much.
#[test]
fn work_grows_with_length_alone() {
    for piece in [
        "1 ",
        "A ",
        "1-",
        "a@",
        "(1) ",
        "Dr. ",
        "St. Mary ",
        "12/12/",
        "http://",
        "x.",
        "::",
        "Anna ",
        "Anna-",
        "Unknowna ",
        "corner of ",
        "1.",
        "MRN ",
        "de la ",
        "New York ",
        "and A ",
        "ninety-",
    ] {
        // The same number of pieces, in short texts and in long ones.
        let work = |count: usize, times: usize| {
            let text = piece.repeat(count);
            let mut scratch = Scratch::default();
            let start = worked();
            for _ in 0..times {
                std::hint::black_box(spans(&FINDER, &mut scratch, &text));
            }
            worked() - start
        };
        work(500, 1);
        let (short, long) = (work(500, 80), work(20_000, 2));
        assert!(
            long < 8 * short + 50_000_000,
            "{piece:?}: {short} ns in short texts, {long} ns in long ones"
        );
    }
}
