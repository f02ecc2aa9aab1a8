//! Short forms of given names.

use rustc_hash::FxHashMap;
use std::sync::LazyLock;

static FAMILIES: LazyLock<FxHashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut families: FxHashMap<_, Vec<_>> = FxHashMap::default();
    for line in include_str!("nicknames.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut names = line.split(' ');
        if let Some(whole) = names.next() {
            for short in names {
                families.entry(whole).or_default().push(short);
                families.entry(short).or_default().push(whole);
            }
        }
    }
    families
});

/// What someone of this folded name may be called: the short forms of a whole name, the whole names of a short one.
pub(super) fn of(name: &str) -> &'static [&'static str] {
    FAMILIES.get(name).map_or(&[], Vec::as_slice)
}
