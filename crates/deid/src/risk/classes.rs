//! Equivalence classes: subjects who show the same in every column.

use rustc_hash::FxHashMap;

/// A partition of the subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    of: Vec<u32>,
    sizes: Vec<u32>,
}

impl Classes {
    /// Classes of `subjects` by the columns' values, a value a subject in each. Missing is a value like others.
    pub fn new<'a>(subjects: usize, columns: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut of = vec![0u32; subjects];
        let mut number = u32::from(subjects > 0);
        let mut seen: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        for column in columns {
            seen.clear();
            number = 0;
            for (class, value) in of.iter_mut().zip(column) {
                *class = *seen.entry((*class, *value)).or_insert_with(|| {
                    number += 1;
                    number - 1
                });
            }
        }
        let mut sizes = vec![0u32; number as usize];
        for class in &of {
            sizes[*class as usize] += 1;
        }
        Classes { of, sizes }
    }

    /// The class of each subject.
    pub fn of(&self) -> &[u32] {
        &self.of
    }

    /// How many subjects each class has.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// Subjects in all.
    pub fn subjects(&self) -> usize {
        self.of.len()
    }

    /// The size of the smallest class: the k of k-anonymity (Sweeney, Int J Uncertain Fuzz 2002;10:557); 0 without
    /// subjects.
    pub fn smallest(&self) -> u32 {
        self.sizes.iter().copied().min().unwrap_or(0)
    }

    /// Subjects in classes smaller than `k`.
    pub fn subjects_below(&self, k: u32) -> u64 {
        self.sizes.iter().filter(|size| **size < k).map(|size| u64::from(*size)).sum()
    }

    /// Counts of each value in each class, classes in order, values ascending, as (value, subjects) lists.
    pub(crate) fn value_counts(&self, values: &[u32]) -> Vec<Vec<(u32, u32)>> {
        let mut pairs: Vec<(u32, u32)> = self.of.iter().copied().zip(values.iter().copied()).collect();
        pairs.sort_unstable();
        let mut counts: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.sizes.len()];
        for (class, value) in pairs {
            match counts[class as usize].last_mut() {
                Some((last, n)) if *last == value => *n += 1,
                _ => counts[class as usize].push((value, 1)),
            }
        }
        counts
    }
}
