#![no_main]
//! Any text, through every layer that finds identifiers in it, with a chart of what stands before its first zero byte.

use deid::text::{Chart, Finder, Known, Scratch, Settings, settle};
use events::{IdentityKind, SourceIdentity};
use std::sync::LazyLock;

static FINDERS: LazyLock<[Finder; 2]> = LazyLock::new(|| {
    [Finder::shipped(), Finder::shipped().with(Settings { whitelist: true, countries: false })]
});

const KINDS: [IdentityKind; 7] = [
    IdentityKind::OtherName,
    IdentityKind::AddressLine,
    IdentityKind::Organization,
    IdentityKind::City,
    IdentityKind::RecordNumber,
    IdentityKind::Phone,
    IdentityKind::BirthDate,
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = String::from_utf8_lossy(bytes);
    let (charted, text) = whole.split_once('\0').unwrap_or((whole.as_ref(), whole.as_ref()));
    let identities: Vec<_> = charted
        .lines()
        .zip(KINDS.iter().cycle())
        .map(|(text, kind)| SourceIdentity { kind: *kind, text: text.into() })
        .collect();
    let chart = Chart::new(&identities);
    for (finder, date) in FINDERS.iter().zip([None, Some((2021, 5, 4))]) {
        let mut spans = Vec::new();
        finder.find_with(text, &Known { chart: Some(&chart), date }, &mut Scratch::default(), &mut spans);
        settle(&mut spans);
        let mut end = 0;
        for span in &spans {
            assert!(span.start >= end && text.get(span.range()).is_some());
            end = span.end;
        }
    }
});
