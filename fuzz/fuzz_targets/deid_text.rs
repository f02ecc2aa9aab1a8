#![no_main]
//! Any text, through every layer that finds identifiers in it.

use deid::text::{Finder, Scratch, Settings, settle};
use std::sync::LazyLock;

static FINDERS: LazyLock<[Finder; 2]> = LazyLock::new(|| {
    [Finder::shipped(), Finder::shipped().with(Settings { whitelist: true, countries: false })]
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for finder in FINDERS.iter() {
        let mut spans = Vec::new();
        finder.find(&text, &mut Scratch::default(), &mut spans);
        settle(&mut spans);
        let mut end = 0;
        for span in &spans {
            assert!(span.start >= end && text.get(span.range()).is_some());
            end = span.end;
        }
    }
});
