//! Versions of one resource: which of them counts.
//!
//! Sources overlap and follow each other (an export and what changed since), so that one resource comes in several
//! versions. Of one subject's versions of a resource the newest counts, with all of its facts and nothing else.

use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;

/// Where in the sources something stands. What comes later is greater, whatever thread reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The source, as [`Sink::source`](crate::Sink::source) numbers it.
    pub source: u64,
    /// The line, from 1.
    pub line: u64,
    /// The entry within the line's document.
    pub entry: u32,
}

/// The source of word that somebody is still watched: newer than any end that was read.
pub(crate) const STILL_WATCHED: u64 = u64::MAX;

/// One version of a resource. In order of their time, then of their number, then of their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// A digest of the resource's type and id.
    pub resource: u64,
    /// When it came to be, in microseconds since 1970 in UTC, where it says so.
    pub updated: Option<i64>,
    /// Its number, where it has one.
    pub number: Option<u64>,
    /// Where it was read.
    pub place: Place,
}

/// The newest of several versions of one resource: by their time where all say it, else (and among those of one time)
/// by their number where all have one, else (and among equals) the one that stands last in the sources.
pub(crate) fn newest(versions: &[Version]) -> Option<Version> {
    let mut among = versions.to_vec();
    if let Some(Some(latest)) = all(&among, |version| version.updated) {
        among.retain(|version| version.updated == Some(latest));
    }
    if let Some(Some(highest)) = all(&among, |version| version.number) {
        among.retain(|version| version.number == Some(highest));
    }
    among.into_iter().max_by_key(|version| version.place)
}

/// The greatest of what all have; `None` where one has nothing.
fn all<T: Ord>(versions: &[Version], of: impl Fn(&Version) -> Option<T>) -> Option<Option<T>> {
    versions.iter().map(of).try_fold(None, |most, of| of.map(|of| most.max(Some(of))))
}

/// What was read of one subject, in a fixed order.
pub(crate) trait Read {
    /// How much there is.
    fn len(&self) -> usize;

    /// The version that this is of; `None` for what has no versions.
    fn version(&self, at: usize) -> Option<Version>;

    /// Is this a fact, rather than word that the version gives none?
    fn is_fact(&self, at: usize) -> bool;

    /// Are these two, facts of one resource, the same?
    fn is_same(&self, a: usize, b: usize) -> bool;
}

/// Which of one subject's facts count.
#[derive(Default)]
pub(crate) struct Settled {
    /// Resources that came in several versions, or were withdrawn, with the place of what counts of them.
    newest: FxHashMap<u64, Place>,
    left_out: FxHashSet<usize>,
    /// Facts that were read again with another copy of the same version.
    pub duplicates: u64,
    /// Versions with facts that a newer version, or its deletion, displaced.
    pub displaced: u64,
    /// Ends of follow-up of somebody who is still watched.
    pub ends_left_out: u64,
}

impl Settled {
    /// Settles what counts. `withdrawn` adds what was said elsewhere of a resource's end.
    pub(crate) fn new(read: &dyn Read, withdrawn: &dyn Fn(u64, &mut Vec<Version>)) -> Self {
        let mut settled = Settled::default();
        let several = several(read, withdrawn);
        if several.is_empty() {
            return settled;
        }
        let mut of_several: Vec<(Version, usize)> = (0..read.len())
            .filter_map(|at| Some((read.version(at)?, at)))
            .filter(|(version, _)| several.contains(&version.resource))
            .collect();
        of_several.sort_unstable_by_key(|(version, at)| (version.resource, version.place, *at));
        for of_one in of_several.chunk_by(|a, b| a.0.resource == b.0.resource) {
            settled.resource(read, of_one, withdrawn);
        }
        settled
    }

    fn resource(
        &mut self,
        read: &dyn Read,
        of_one: &[(Version, usize)],
        withdrawn: &dyn Fn(u64, &mut Vec<Version>),
    ) {
        let copies: Vec<(Version, Vec<usize>)> = of_one
            .chunk_by(|a, b| a.0.place == b.0.place)
            .map(|copy| {
                let facts = copy.iter().map(|(_, at)| *at).filter(|&at| read.is_fact(at));
                (copy[0].0, facts.collect())
            })
            .collect();
        let mut versions: Vec<Version> = copies.iter().map(|(version, _)| *version).collect();
        let resource = versions[0].resource;
        withdrawn(resource, &mut versions);
        let Some(newest) = newest(&versions) else { return };
        self.newest.insert(resource, newest.place);

        let of_newest = copies.iter().find(|(version, _)| version.place == newest.place);
        let as_newest = |facts: &[usize]| {
            of_newest.is_some_and(|(_, newest)| {
                newest.len() == facts.len() && newest.iter().zip(facts).all(|(&a, &b)| read.is_same(a, b))
            })
        };
        let mut kept = false;
        for (_, facts) in &copies {
            match as_newest(facts) {
                true if !kept => {
                    kept = true;
                    continue;
                }
                true => self.duplicates += facts.len() as u64,
                false if newest.place.source == STILL_WATCHED => self.ends_left_out += facts.len() as u64,
                false => self.displaced += u64::from(!facts.is_empty()),
            }
            self.left_out.extend(facts);
        }
    }

    /// Does this fact count?
    pub(crate) fn counts(&self, at: usize) -> bool {
        self.left_out.is_empty() || !self.left_out.contains(&at)
    }

    /// Where stands what counts of a resource; `None` where only one version of it was read of this subject.
    pub(crate) fn newest(&self, resource: u64) -> Option<Place> {
        self.newest.get(&resource).copied()
    }
}

/// The resources of which there is more than one version, or the word that they were withdrawn.
fn several(read: &dyn Read, withdrawn: &dyn Fn(u64, &mut Vec<Version>)) -> FxHashSet<u64> {
    let (mut places, mut several) = (FxHashMap::default(), FxHashSet::default());
    let mut ends = Vec::new();
    for version in (0..read.len()).filter_map(|at| read.version(at)) {
        match places.entry(version.resource) {
            Entry::Vacant(free) => {
                free.insert(version.place);
                withdrawn(version.resource, &mut ends);
                if !ends.is_empty() {
                    several.insert(version.resource);
                    ends.clear();
                }
            }
            Entry::Occupied(known) => {
                if *known.get() != version.place {
                    several.insert(version.resource);
                }
            }
        }
    }
    several
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(updated: Option<i64>, number: Option<u64>, line: u64) -> Version {
        Version { resource: 1, updated, number, place: Place { line, ..Place::default() } }
    }

    #[test]
    fn time_then_number_then_place() {
        let newest_line = |versions: &[Version]| newest(versions).unwrap().place.line;
        assert_eq!(newest_line(&[version(Some(9), Some(1), 1), version(Some(3), Some(2), 2)]), 1);
        assert_eq!(newest_line(&[version(Some(9), Some(2), 1), version(Some(9), Some(1), 2)]), 1);
        assert_eq!(newest_line(&[version(Some(9), Some(10), 1), version(None, Some(9), 2)]), 1);
        assert_eq!(newest_line(&[version(Some(9), Some(10), 1), version(None, None, 2)]), 2);
        assert_eq!(newest_line(&[version(None, None, 7), version(None, None, 2)]), 7);
        assert_eq!(newest(&[]), None);
    }

    /// A subject's facts: version and content; without content a version that gives none.
    struct Facts(Vec<(Version, Option<u8>)>);

    impl Read for Facts {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn version(&self, at: usize) -> Option<Version> {
            Some(self.0[at].0)
        }
        fn is_fact(&self, at: usize) -> bool {
            self.0[at].1.is_some()
        }
        fn is_same(&self, a: usize, b: usize) -> bool {
            self.0[a].1 == self.0[b].1
        }
    }

    proptest! {
        #[test]
        fn what_counts_is_one_version_whole_whatever_the_order(
            versions in proptest::collection::vec(
                (0..3u64, proptest::option::of(0..3i64), proptest::option::of(0..3u64),
                 proptest::collection::vec(0..3u8, 0..3)),
                1..12,
            ),
        ) {
            let mut facts = Vec::new();
            for (line, (resource, updated, number, contents)) in versions.iter().enumerate() {
                let of = Version { resource: *resource, ..version(*updated, *number, line as u64) };
                let none = contents.is_empty().then_some((of, None));
                let mut contents = contents.clone();
                contents.sort_unstable();
                facts.extend(contents.into_iter().map(|content| (of, Some(content))).chain(none));
            }
            let counting = |facts: Vec<(Version, Option<u8>)>| {
                let facts = Facts(facts);
                let settled = Settled::new(&facts, &|_, _| {});
                let mut counting: Vec<(u64, u8)> = (0..facts.len())
                    .filter(|&at| settled.counts(at))
                    .filter_map(|at| Some((facts.0[at].0.resource, facts.0[at].1?)))
                    .collect();
                counting.sort_unstable();
                (counting, settled.duplicates, settled.displaced)
            };
            let mut expected = Vec::new();
            for resource in 0..3 {
                let of: Vec<Version> =
                    facts.iter().map(|(v, _)| *v).filter(|v| v.resource == resource).collect();
                let newest = newest(&of).map(|newest| newest.place);
                expected.extend(
                    facts.iter()
                        .filter(|(v, _)| v.resource == resource && Some(v.place) == newest)
                        .filter_map(|(v, content)| Some((v.resource, (*content)?))),
                );
            }
            expected.sort_unstable();
            let found = counting(facts.clone());
            prop_assert_eq!(&found.0, &expected);
            // Records of one version keep their order among each other, as facts sorted by content do.
            facts.sort_by_key(|(of, content)| (*content, std::cmp::Reverse(of.place)));
            prop_assert_eq!(counting(facts), found);
        }
    }
}
